//! Invoices, as decisions make them.

use super::Working;
use crate::{
    calendar::Months,
    catalogue::{AddonId, Conversion, TariffId},
    customers::Prices,
    money::{Money, MoneyError, Percent, divide_half_up},
    vat::Vat,
};

/// An invoice's id in its realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InvoiceId(pub i64);

/// What an invoice pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvoicePurpose {
    /// A new order, for its first months.
    Order(Months),
    /// So many months more of an order.
    Renewal(Months),
    /// A larger server for the rest of the paid time.
    Change,
}

impl InvoicePurpose {
    /// The months paid for; none for a change.
    #[must_use]
    pub const fn months(self) -> Option<Months> {
        match self {
            Self::Order(months) | Self::Renewal(months) => Some(months),
            Self::Change => None,
        }
    }
}

/// What a line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineItem {
    /// Setting a tariff up.
    TariffSetup(TariffId),
    /// Setting an addon up.
    AddonSetup(AddonId),
    /// Months of a tariff.
    Tariff(TariffId),
    /// Months of an addon.
    Addon(AddonId),
    /// Months of what a server was changed to beyond its tariff and addons.
    Resources(TariffId),
    /// A change of a server, for the rest of the paid time.
    Change(TariffId),
}

/// A line's amounts: net + VAT = gross.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VatLine {
    /// Without VAT.
    pub net: Money,
    /// The VAT.
    pub vat: Money,
    /// With VAT.
    pub gross: Money,
}

impl VatLine {
    /// The VAT of a line's price, rounded once, half up: contained in it or added to it (CONTRACT 1.5).
    ///
    /// # Errors
    /// [`MoneyError::TooLarge`].
    pub fn of(price: Money, rate: Percent, prices: Prices) -> Result<Self, MoneyError> {
        let points = i128::from(rate.in_basis_points());
        let whole = i128::from(Percent::WHOLE);
        let share = i128::from(price.in_minor()) * points;
        let vat = match prices {
            Prices::Gross => divide_half_up(share, whole + points),
            Prices::Net => divide_half_up(share, whole),
        };
        let vat = Money::minor(i64::try_from(vat).map_err(|_| MoneyError::TooLarge)?, price.currency());
        Ok(match prices {
            Prices::Gross => Self { net: price.minus(vat)?, vat, gross: price },
            Prices::Net => Self { net: price, vat, gross: price.plus(vat)? },
        })
    }
}

/// A line, with the arithmetic that led to its amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvoiceLine {
    /// What it is for.
    pub item: LineItem,
    /// How many.
    pub quantity: u32,
    /// Of one, for a month or once.
    pub unit_price: Money,
    /// For so many months; 0 for what is paid once.
    pub months: u16,
    /// Less this share.
    pub discount: Percent,
    /// The line's share of the invoice.
    pub amount: VatLine,
    /// What it was reckoned from.
    pub working: Working,
}

/// A credit note's id in its realm: out of the same numbers as [`InvoiceId`]s, so that one names one paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CreditNoteId(pub i64);

/// An invoice to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInvoice {
    /// What it pays for.
    pub purpose: InvoicePurpose,
    /// What is to be paid, gross. The lines sum to it.
    pub total: Money,
    /// The VAT at issue.
    pub vat: Vat,
    /// Whether the prices contained it.
    pub prices: Prices,
    /// The rate that prices were converted at; none where none was.
    pub conversion: Option<Conversion>,
    /// The lines.
    pub lines: Vec<InvoiceLine>,
    /// Whether it is paid at once.
    pub paid: bool,
}
