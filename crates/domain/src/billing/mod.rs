//! What things cost, how a charge is spread over wallets, and what an invoice says.

mod charge;
mod credit;
mod invoice;
mod party;
mod price;
mod resources;

pub use charge::{Charge, Wallets};
pub use credit::{CreditError, split_credit, split_refund};
pub use invoice::{CreditNoteId, InvoiceId, InvoiceLine, InvoicePurpose, LineItem, NewInvoice, VatLine};
pub use party::{Bank, Party};
pub use price::{Quote, Renewed, Selection, quote_order, quote_renewal};
pub use resources::{ExactMonthly, RESOURCE_SCALE, monthly_difference};
