//! The installation from outside: the program itself, with a data directory or a database of its own.

mod backups;
pub mod bed;
mod billing;
mod canary;
pub mod client;
mod companions;
mod crash;
mod databases;
mod demo;
mod documents;
mod existence;
mod histories;
mod hooks;
mod keys;
mod logging;
mod money;
mod namespaces;
mod notices;
mod outage;
mod pooler;
mod private;
pub mod process;
mod refusals;
mod scratch;
mod staff;
mod stopping;
mod test_mode;
