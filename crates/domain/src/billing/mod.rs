//! What things cost, how a charge is spread over wallets, and what an invoice says.

mod charge;
mod invoice;
mod price;
mod resources;

pub use charge::{Charge, Wallets};
pub use invoice::{InvoiceId, InvoiceLine, InvoicePurpose, LineItem, NewInvoice, VatLine};
pub use price::{Quote, Renewed, Selection, quote_order, quote_renewal};
pub use resources::{ExactMonthly, RESOURCE_SCALE, monthly_difference};
