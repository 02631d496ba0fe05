//! Who asks: from the fields and the address of a request to a customer (CONTRACT 1.4).
//!
//! Passwords are dear to verify on purpose (argon2id), and whoever asks needs no account for it. So they are verified
//! behind a cache of what was verified lately, a limit on failures and a short queue ([`Verifier`]); keys are random
//! and need no more than a digest ([`keys`]). What customers then ask for passes a gate of theirs ([`Admission`]). Who
//! has a cached password or a key can't be locked out by others.

pub mod address;
mod admission;
mod authenticate;
pub mod keys;
pub mod password;
mod protection;
mod rare_log;
mod settings;
mod throttle;
mod verifier;

pub use admission::{Admission, Crowded, Guest, Pass};
pub use authenticate::{Admitted, Caller, Denied, authenticate};
pub use protection::Protection;
pub use rare_log::RareLog;
pub use settings::AuthSettings;
pub use verifier::{Attempt, Verdict, Verifier};
