//! The only SQL: schema, transactions, ledger, orders, invoices, tasks, idempotency.
//!
//! Lock order, everywhere: saved answer, order, customer (for destructive operations), invoice, wallets by id. Wallets
//! come last and are held the shortest.

pub mod addresses;
pub mod backup;
pub mod billing;
pub mod catalogue;
pub mod clock;
pub mod customers;
pub mod db;
pub mod invoices;
pub mod ledger;
pub mod notices;
pub mod orders;
pub mod payments;
pub mod saved_answers;
mod schema;
pub mod seal;
pub mod servers;
pub mod statements;
pub mod sweep;
pub mod tasks;
pub mod usage;

pub use db::{Conn, Database, Error, Realm, RealmKind, Tx};
