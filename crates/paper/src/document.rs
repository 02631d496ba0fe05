//! What stands on an invoice.

use domain::{
    billing::Party,
    customers::Prices,
    language::Language,
    money::{Currency, Money, MoneyError, Percent},
    vat::VatGround,
};
use jiff::civil::Date;

/// An invoice, a proforma or a credit note, with all that stands on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceDocument {
    /// What it is.
    pub kind: DocumentKind,
    /// The number in its series; a proforma has none.
    pub number: Option<DocumentNumber>,
    /// What the customer writes on a transfer, so that the money finds its invoice.
    pub payment_reference: Option<String>,
    /// The day of issue, in the company's time zone.
    pub issued: Date,
    /// The day when it was paid (of a credit note: refunded), in the company's time zone.
    pub paid: Option<Date>,
    /// The currency of every amount.
    pub currency: Currency,
    /// Who sells. One with a VAT code is registered for VAT, and its invoices are VAT invoices.
    pub seller: Party,
    /// Who buys.
    pub buyer: Party,
    /// The lines, in order.
    pub lines: Vec<DocumentLine>,
    /// The VAT rate at issue.
    pub vat_rate: Percent,
    /// Why that: some grounds have to be named on paper.
    pub vat_ground: VatGround,
    /// Whether unit prices contain the VAT (CONTRACT 1.5).
    pub prices: Prices,
    /// The sums of the lines.
    pub totals: Totals,
    /// The language of everything but names and titles.
    pub language: Language,
    /// Something to say under the totals; each line is a paragraph.
    pub note: Option<String>,
}

/// What a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentKind {
    /// A request to pay; not an invoice.
    Proforma,
    /// An invoice.
    Invoice,
    /// Takes an invoice back, wholly or in part.
    CreditNote {
        /// The invoice; `None` for the seconds until it has its number.
        of: Option<DocumentNumber>,
    },
}

/// A number in a series, without gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentNumber {
    /// The series.
    pub series: String,
    /// The number.
    pub number: i64,
}

/// A line of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentLine {
    /// What was sold, by its name at issue.
    pub title: String,
    /// Paid once, or for months.
    pub term: LineTerm,
    /// How many.
    pub quantity: u32,
    /// Of one, for a month or once.
    pub unit_price: Money,
    /// Less this share.
    pub discount: Percent,
    /// Without VAT.
    pub net: Money,
    /// The VAT.
    pub vat: Money,
    /// With VAT.
    pub gross: Money,
}

/// What a line's unit price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineTerm {
    /// Setting up, once.
    Setup,
    /// Changing, for the rest of the paid time.
    Change,
    /// So many months.
    Months(u16),
    /// Taken back of an invoice's line that was this much, gross.
    Credit(Money),
}

/// The sums of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Without VAT.
    pub net: Money,
    /// The VAT.
    pub vat: Money,
    /// With VAT: what is to be paid.
    pub gross: Money,
}

/// A document whose figures contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SumError {
    /// A line, from 1.
    #[error("line {0}: net and VAT are not its gross amount")]
    Line(usize),
    /// The totals.
    #[error("the lines don't sum to the totals")]
    Totals,
    /// Net and VAT of the totals.
    #[error("the total net and VAT are not the total")]
    Gross,
    /// Amounts that can't be summed, or aren't in the document's currency.
    #[error("amounts of the document can't be summed: {0}")]
    Money(#[from] MoneyError),
}

impl InvoiceDocument {
    /// Whether the figures agree: net + VAT = gross in every line and in the totals, and the lines sum to the totals,
    /// all in the document's currency.
    ///
    /// # Errors
    /// [`SumError`], the first contradiction.
    pub fn check(&self) -> Result<(), SumError> {
        let zero = Money::zero(self.currency);
        let mut sum = Totals { net: zero, vat: zero, gross: zero };
        for (at, line) in self.lines.iter().enumerate() {
            zero.plus(line.unit_price)?;
            if line.net.plus(line.vat)? != line.gross {
                return Err(SumError::Line(at + 1));
            }
            sum.net = sum.net.plus(line.net)?;
            sum.vat = sum.vat.plus(line.vat)?;
            sum.gross = sum.gross.plus(line.gross)?;
        }
        if sum != self.totals {
            return Err(SumError::Totals);
        }
        // The lines' own sums make this one true; it is said for whoever changes them.
        if sum.net.plus(sum.vat)? == sum.gross { Ok(()) } else { Err(SumError::Gross) }
    }
}
