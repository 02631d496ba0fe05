//! Statements of wallets that their owners can verify by themselves: each entry's seal is a hash over what it says and over
//! the seal before it, and is signed; a statement's end is signed as well, over all of its text.
//!
//! Pure: no database, no clock, no randomness.

mod entry;
mod file;
mod keys;
mod verify;

pub use entry::{Entry, GENESIS, Hash, Seal};
pub use file::{Head, write};
pub use keys::{KeyError, PublicKey, PublicKeys, SigningKey};
pub use verify::{Finding, Verdict, verify};
