//! The rules of the trade, pure: facts in, decisions out. No SQL, no HTTP, no clock, no randomness.

pub mod domain_name;
