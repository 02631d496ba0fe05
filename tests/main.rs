//! The gateway from outside: conformance to its own declarations, stories, races, faults.

mod conformance;
mod error_table;
mod http;
mod outage;
mod php_client;
mod races;
mod secrets;
mod support;
mod test_access;
