//! Customers, as far as decisions need them.

use jiff::civil::Date;

use crate::{money::Currency, vat::Vat};

/// A customer's id in its realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CustomerId(pub i64);

/// What a price depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BillingTerms {
    /// The currency of the customer's prices, wallets and invoices.
    pub currency: Currency,
    /// The VAT of invoices issued now.
    pub vat: Vat,
    /// Whether the catalogue's prices contain the VAT.
    pub prices: Prices,
    /// The day of the exchange rates.
    pub day: Date,
    /// Days that a rate may be old for what is newly ordered; any number where it says none.
    pub rate_days: Option<u16>,
}

/// How the catalogue's prices stand to VAT (`billing.prices`, CONTRACT 1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Prices {
    /// The price contains the VAT.
    #[default]
    Gross,
    /// The VAT is added, rounded once a line.
    Net,
}
