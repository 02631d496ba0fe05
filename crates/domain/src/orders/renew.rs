//! Renewing an order (renewOrder, CONTRACT 1.5).

use jiff::civil::Date;

use super::{
    order::{Order, OrderState, SuspendedBy},
    payment::{Payment, PaymentTerms},
    settle::{Interval, next_interval},
};
use crate::{
    billing::{InvoicePurpose, NewInvoice, Quote, Renewed, quote_renewal},
    calendar::Months,
    catalogue::{Catalogue, PriceError},
    customers::BillingTerms,
    field::Field,
    money::Money,
};

/// What the customer asks for, of an order of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewRequest {
    /// The period.
    pub period: Field<Months>,
    /// The paid-until day that the customer takes the order to have.
    pub expect_todate: Field<Date>,
}

/// Why an order is not renewed. In the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RenewError {
    /// The expected day is not a day.
    ExpectedDay,
    /// The order is paid until another day: this one.
    OtherDay(Option<Date>),
    /// An invoice of the order is unpaid.
    UnpaidInvoice,
    /// No period given.
    NoPeriod,
    /// Not a period of the tariff for renewals.
    Period,
    /// The balance is too low, and an unpaid renewal is not taken.
    NotEnough,
    /// The price can't be had.
    Price(PriceError),
}

impl<E: Into<PriceError>> From<E> for RenewError {
    fn from(error: E) -> Self {
        Self::Price(error.into())
    }
}

/// What is to become true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// The period.
    pub months: Months,
    /// The days paid for, once paid.
    pub paid: Option<Interval>,
    /// Whether the order starts again: the system had suspended it and it is no longer overdue.
    pub resumes: bool,
    /// The invoice.
    pub invoice: NewInvoice,
    /// How it is met.
    pub payment: Payment,
    /// The balance then.
    pub balance: Money,
}

/// Decides on a renewal.
///
/// # Errors
/// The first [`RenewError`] in the contract's order of checks.
pub fn renew(
    order: &Order,
    request: &RenewRequest,
    catalogue: &Catalogue,
    billing: &BillingTerms,
    payment: &PaymentTerms,
    today: Date,
) -> Result<Renewal, RenewError> {
    match request.expect_todate {
        Field::Malformed => return Err(RenewError::ExpectedDay),
        Field::Given(day) if order.paid_until != Some(day) => return Err(RenewError::OtherDay(order.paid_until)),
        Field::Given(_) | Field::Absent => {}
    }
    if order.has_unpaid_invoice {
        return Err(RenewError::UnpaidInvoice);
    }
    let months = *request.period.required(RenewError::NoPeriod, RenewError::Period)?;
    let interval = order.paid_until.and_then(|until| next_interval(until, months, order.anchor_day));
    let interval = interval.ok_or(RenewError::Period)?;
    let quote = quote(order, months, catalogue, billing)?;
    let made = payment.meet(quote.total).map_err(PriceError::from)?.ok_or(RenewError::NotEnough)?;
    Ok(Renewal {
        months,
        paid: made.is_made().then_some(interval),
        resumes: made.is_made() && resumes(order, interval.until, today),
        invoice: invoice(months, quote, billing, made.is_made()),
        balance: payment.balance_after(&made).map_err(PriceError::from)?,
        payment: made,
    })
}

/// The proforma for a renewal that nobody asked for yet; `None` where the renewal costs nothing.
///
/// # Errors
/// [`RenewError::Period`] when the tariff has no such renewal, [`RenewError::Price`] when the price can't be had.
pub fn proforma(
    order: &Order,
    months: Months,
    catalogue: &Catalogue,
    billing: &BillingTerms,
) -> Result<Option<NewInvoice>, RenewError> {
    let quote = quote(order, months, catalogue, billing)?;
    Ok((!quote.total.is_zero()).then(|| invoice(months, quote, billing, false)))
}

fn quote(order: &Order, months: Months, catalogue: &Catalogue, billing: &BillingTerms) -> Result<Quote, RenewError> {
    let tariff = catalogue.tariff(order.tariff).ok_or(RenewError::Period)?;
    let period = tariff.period(months).filter(|p| p.for_renewal).ok_or(RenewError::Period)?;
    let of = Renewed { addons: &order.addons, server: order.server.as_ref(), fixed_monthly: order.fixed_monthly };
    Ok(quote_renewal(catalogue, tariff, period, of, billing)?)
}

fn invoice(months: Months, quote: Quote, billing: &BillingTerms, paid: bool) -> NewInvoice {
    NewInvoice {
        purpose: InvoicePurpose::Renewal(months),
        total: quote.total,
        vat: billing.vat,
        prices: billing.prices,
        conversion: quote.conversion,
        lines: quote.lines,
        paid,
    }
}

/// Whether an order that is paid until a day starts again: the system had suspended it, and it is overdue no more.
#[must_use]
pub fn resumes(order: &Order, until: Date, today: Date) -> bool {
    let by_system = order.state == OrderState::Suspended && order.suspended_by == Some(SuspendedBy::System);
    by_system && until >= today
}
