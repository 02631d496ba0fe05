//! What things cost, how a charge is spread over wallets, and what an invoice says.

mod charge;
mod invoice;
mod price;

pub use charge::{Charge, Wallets};
pub use invoice::{InvoiceId, InvoiceLine, InvoicePurpose, LineItem, NewInvoice, VatLine};
pub use price::{Quote, Selection, quote_order, quote_renewal};
