//! The gateway from outside: conformance to its own declarations, stories, races, faults.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what goes wrong here is a failed test"
)]

mod cli;
mod conformance;
mod error_table;
mod faults;
mod fields;
mod http;
mod hypervisor;
mod iv;
mod methods;
mod neighbours;
mod once;
mod outage;
mod pages;
mod payments;
mod php_client;
mod races;
mod reference;
mod secrets;
mod support;
mod test_access;
mod test_mode;
