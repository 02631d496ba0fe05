//! The account and server API: conformance to its declarations, bounds, the order of its checks, and what its commands
//! bring about.

mod access;
mod addresses;
pub mod bed;
mod bounds;
mod change;
mod checks;
pub mod conformance;
mod http;
mod links;
mod numbering;
mod passwords;
mod queue;
mod usage;
