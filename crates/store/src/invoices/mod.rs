//! Invoices and credit notes in the database.

mod cancel;
mod credit;
mod credited;
mod explain;
mod list;
mod number;
mod parties;
mod pay;
mod return_paid;
mod write;

pub use cancel::cancel;
pub use credit::{Credit, Credited, Refund, credit};
pub use credited::{CreditNoteLineRow, CreditNoteRow, credit_note, credit_note_lines, credit_notes, credit_notes_of};
pub use explain::{Explained, explain, explain_new, explain_order};
pub use list::{InvoiceLineRow, InvoiceRow, lines, list, show};
pub use number::{number, number_credit_notes};
pub use parties::{Parties, of_credit_note, of_invoice};
pub use pay::{PaidFrom, pay};

pub(crate) use cancel::{cancel_ahead, cancel_owed};
pub(crate) use credit::credit_lines;
pub(crate) use credited::left;
pub(crate) use return_paid::{paid_of, return_paid};
pub(crate) use write::{write, write_ahead};
