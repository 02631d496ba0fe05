//! Invoices in the database.

mod cancel;
mod list;
mod number;
mod pay;
mod return_paid;
mod write;

pub use cancel::cancel;
pub use list::{InvoiceLineRow, InvoiceRow, lines, list, show};
pub use number::number;
pub use pay::{PaidFrom, pay};

pub(crate) use cancel::{cancel_ahead, cancel_owed};
pub(crate) use return_paid::{paid_of, return_paid};
pub(crate) use write::write;
