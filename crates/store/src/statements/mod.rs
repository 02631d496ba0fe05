//! Sealing the entries of wallets, some time after they were written, and statements of them.

mod export;
mod keys;
mod seal;

pub use export::{Period, export};
pub use keys::{published, rotate};
pub use seal::{seal, seal_all, unsealed};
