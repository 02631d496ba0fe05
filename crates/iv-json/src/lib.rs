//! The account and server API on `/json.php` (CONTRACT 2), on the customers, orders, ledger and tasks of the reseller
//! gateway.

mod api;
mod caller;
pub mod command;
pub mod commands;
mod documents;
pub mod fault;
pub mod http;
pub mod links;

pub use api::{Answered, Api, ApiSettings};
