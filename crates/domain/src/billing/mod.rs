//! What things cost, how a charge is spread over wallets, and what an invoice says.

mod charge;
mod consumed;
mod credit;
mod explain;
mod invoice;
mod party;
mod price;
mod prorate;
mod reference;
mod resources;
mod working;

pub use charge::{Charge, Wallets};
pub use consumed::{PaidLine, Settled, settle};
pub use credit::{CreditError, credit_line, split_credit, split_refund};
pub use explain::{ExplainError, Kept, KeptLine, Step, explain};
pub use invoice::{CreditNoteId, InvoiceId, InvoiceLine, InvoicePurpose, LineItem, NewInvoice, VatLine};
pub use party::{Bank, Party};
pub use price::{Quote, Renewed, Selection, quote_order, quote_part, quote_renewal};
pub use reference::{NoReference, PaymentReference};
pub use resources::{ExactMonthly, RESOURCE_SCALE, monthly_difference};
pub use working::{PartOfInterval, Working};
