//! Changing a server (server_change, CONTRACT 2.3): its new size, and what the rest of the paid time costs more.

use jiff::civil::Date;

use super::{
    order::Order,
    payment::{Payment, PaymentTerms},
    server::ServerSpec,
    settle::Interval,
};
use crate::{
    billing::{
        ExactMonthly, InvoiceLine, InvoicePurpose, LineItem, NewInvoice, PartOfInterval, VatLine, Working,
        monthly_difference,
    },
    catalogue::{Catalogue, Origin, PriceError, Range, Tariff},
    customers::BillingTerms,
    field::Field,
    money::{Money, MoneyError, Percent},
};

/// The sizes that the customer asks for; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRequest {
    /// Processor, GHz.
    pub cpu_ghz: Field<u32>,
    /// Memory, MB.
    pub ram_mb: Field<u32>,
    /// Disk, GB.
    pub disk_gb: Field<u32>,
    /// Bandwidth, Mbps.
    pub bandwidth_mbps: Field<u32>,
}

/// A size of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Processor.
    Cpu,
    /// Memory.
    Ram,
    /// Disk.
    Disk,
    /// Bandwidth.
    Bandwidth,
}

/// The paid interval that today is in, as it was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunningInterval {
    /// Its days.
    pub days: Interval,
    /// Its months.
    pub months: u16,
    /// Its discount.
    pub discount: Percent,
}

/// What there is to know when a change is decided on.
#[derive(Debug)]
pub struct ChangeFacts<'a> {
    /// The order.
    pub order: &'a Order,
    /// What is for sale.
    pub catalogue: &'a Catalogue,
    /// What the customer's prices depend on.
    pub billing: BillingTerms,
    /// What the cost is met from.
    pub payment: PaymentTerms,
    /// The paid interval that today is in, if it is in one.
    pub running: Option<RunningInterval>,
    /// The day it is, in the company's time zone.
    pub today: Date,
}

/// Why a server is not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeError {
    /// No size given.
    Nothing,
    /// Not a whole number, or outside the tariff's limits.
    Range(Size),
    /// A disk can't be made smaller.
    DiskShrinks,
    /// The tariff's servers can't be changed.
    Unchangeable,
    /// The balance is too low.
    NotEnough,
    /// The price can't be had.
    Price(PriceError),
}

impl<E: Into<PriceError>> From<E> for ChangeError {
    fn from(error: E) -> Self {
        Self::Price(error.into())
    }
}

/// What is to become true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The server then.
    pub server: ServerSpec,
    /// What it costs, gross.
    pub cost: Money,
    /// Its invoice, where it costs something.
    pub invoice: Option<NewInvoice>,
    /// How it is met.
    pub payment: Payment,
}

/// Decides on a change. It is owed only where the payment's terms take that, as for being told the price alone.
///
/// # Errors
/// The first [`ChangeError`]: parameters before state.
pub fn change(request: &ChangeRequest, facts: &ChangeFacts<'_>) -> Result<Change, ChangeError> {
    let tariff = facts.catalogue.tariff(facts.order.tariff).ok_or(ChangeError::Unchangeable)?;
    let (Some(plan), Some(now)) = (tariff.plan, &facts.order.server) else { return Err(ChangeError::Unchangeable) };
    let given = [&request.cpu_ghz, &request.ram_mb, &request.disk_gb, &request.bandwidth_mbps];
    if given.iter().all(|field| **field == Field::Absent) {
        return Err(ChangeError::Nothing);
    }
    let server = ServerSpec {
        cpu_ghz: size(&request.cpu_ghz, plan.cpu_ghz, now.cpu_ghz, Size::Cpu)?,
        ram_mb: size(&request.ram_mb, plan.ram_mb, now.ram_mb, Size::Ram)?,
        disk_gb: size(&request.disk_gb, plan.disk_gb, now.disk_gb, Size::Disk)?,
        bandwidth_mbps: size(&request.bandwidth_mbps, plan.bandwidth_mbps, now.bandwidth_mbps, Size::Bandwidth)?,
        image: now.image.clone(),
    };
    if server.disk_gb < now.disk_gb {
        return Err(ChangeError::DiskShrinks);
    }
    // Without unit prices a larger server would be given away.
    if tariff.units.is_none() {
        return Err(ChangeError::Unchangeable);
    }
    let more = difference(tariff, now, &server, facts)?;
    let price = more.as_ref().map_or_else(|| Ok(Money::zero(facts.billing.currency)), |more| more.price(facts))?;
    let amount = VatLine::of(price, facts.billing.vat.rate, facts.billing.prices)?;
    let payment = facts.payment.meet(amount.gross)?.ok_or(ChangeError::NotEnough)?;
    let invoice = match more {
        Some(more) if !amount.gross.is_zero() => Some(invoice(tariff, facts, price, amount, &more)?),
        Some(_) | None => None,
    };
    Ok(Change { server, cost: amount.gross, invoice, payment })
}

/// A size that is asked for, or the one there is.
fn size(asked: &Field<u32>, range: Range, now: u32, which: Size) -> Result<u32, ChangeError> {
    match asked {
        Field::Absent => Ok(now),
        Field::Given(size) if (range.min..=range.max).contains(size) => Ok(*size),
        Field::Given(_) | Field::Malformed => Err(ChangeError::Range(which)),
    }
}

/// What a month costs more, for the days that are paid already.
struct More {
    monthly: ExactMonthly,
    part: PartOfInterval,
}

impl More {
    fn price(&self, facts: &ChangeFacts<'_>) -> Result<Money, MoneyError> {
        self.part.price(self.monthly, facts.billing.currency)
    }
}

/// What the rest of the running interval costs more: nothing for less, since a smaller server is not refunded.
fn difference(
    tariff: &Tariff,
    now: &ServerSpec,
    then: &ServerSpec,
    facts: &ChangeFacts<'_>,
) -> Result<Option<More>, ChangeError> {
    let (Some(units), Some(running)) = (&tariff.units, facts.running) else { return Ok(None) };
    let pricing = facts.catalogue.pricing(facts.billing.currency, facts.billing.day);
    let monthly = monthly_difference(now, then, units, &pricing)?;
    let part = PartOfInterval::rest(&running, facts.today).filter(|_| monthly.0 > 0);
    Ok(part.map(|part| More { monthly, part }))
}

fn invoice(
    tariff: &Tariff,
    facts: &ChangeFacts<'_>,
    price: Money,
    amount: VatLine,
    more: &More,
) -> Result<NewInvoice, ChangeError> {
    let exact_monthly = i64::try_from(more.monthly.0).map_err(|_| MoneyError::TooLarge)?;
    let working = Working { origin: Origin::Units, exact_monthly: Some(exact_monthly), part: Some(more.part), price };
    let line = InvoiceLine {
        item: LineItem::Change(tariff.id),
        quantity: 1,
        unit_price: price,
        months: 0,
        discount: Percent::ZERO,
        amount,
        working,
    };
    let pricing = facts.catalogue.pricing(facts.billing.currency, facts.billing.day);
    Ok(NewInvoice {
        purpose: InvoicePurpose::Change,
        total: amount.gross,
        vat: facts.billing.vat,
        prices: facts.billing.prices,
        conversion: pricing.conversion([working.origin])?,
        lines: vec![line],
        paid: true,
    })
}
