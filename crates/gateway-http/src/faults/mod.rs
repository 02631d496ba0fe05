//! What can be wrong with a request, and how a client is told (CONTRACT 1.2, 1.3; `docs/apih_errors.json`).

mod dialect;
mod refusal;
mod table;
#[cfg(test)]
mod tests;

pub use dialect::{Dialect, UnknownDialect};
pub use refusal::{Refusal, error_reply, with_notice};
pub use table::{Fault, Kind};
