//! The rules of the trade, pure: facts in, decisions out. No SQL, no HTTP, no clock, no randomness.

pub mod billing;
pub mod calendar;
pub mod catalogue;
pub mod customers;
pub mod domain_name;
pub mod dunning;
pub mod field;
pub mod firewall;
pub mod language;
pub mod money;
pub mod network;
pub mod notices;
pub mod orders;
pub mod tasks;
pub mod text;
pub mod usage;
pub mod vat;
