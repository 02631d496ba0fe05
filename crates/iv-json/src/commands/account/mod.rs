//! The account (CONTRACT 2.2).

mod info;
mod orders;
mod services;
mod statement;

pub use info::AccountInfo;
pub use orders::AccountOrders;
pub use services::AccountServices;
pub use statement::{ACCOUNT_BONUSES, ACCOUNT_CREDITS};

pub(super) use services::{SERVICE, addresses, service_fields, shown_hostname};
