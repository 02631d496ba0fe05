//! Changing the tariff of an order, or its addons: what is left of the old is given back, and the new is paid for the rest
//! of the paid time, both to the day.

use jiff::civil::Date;

use super::{
    addons::{AddonChoice, AddonError, choose_addons},
    change::RunningInterval,
    order::{Order, OrderState},
    server::ServerSpec,
};
use crate::{
    billing::{InvoicePurpose, NewInvoice, PaidLine, PartOfInterval, Selection, Settled, quote_part, settle},
    catalogue::{Catalogue, Period, PriceError, Tariff, TariffId},
    customers::BillingTerms,
    money::{Money, Percent},
};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TariffRequest {
    /// The tariff from then on.
    pub tariff: TariffId,
    /// The addons from then on; without it, those of the order that the tariff has.
    pub addons: Option<Vec<AddonChoice>>,
}

/// What there is to know.
#[derive(Debug)]
pub struct TariffFacts<'a> {
    /// The order.
    pub order: &'a Order,
    /// What is for sale.
    pub catalogue: &'a Catalogue,
    /// What the customer's prices depend on.
    pub billing: BillingTerms,
    /// The paid intervals that aren't over, by day.
    pub intervals: &'a [RunningInterval],
    /// What was paid for them, by invoice and days.
    pub paid: &'a [PaidLine],
    /// The first day on the new tariff.
    pub today: Date,
}

/// Why a tariff is not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TariffError {
    /// It is neither running nor suspended.
    #[error("it is {}: only an order that runs or is suspended can change its tariff", .0.name())]
    State(OrderState),
    /// An invoice of it is unpaid.
    #[error("an invoice of it is unpaid: have it paid or cancel it first")]
    UnpaidInvoice,
    /// There is no such tariff for sale.
    #[error("tariff {0} isn't for sale, or is of another kind, or is made in another way")]
    Tariff(TariffId),
    /// It needs a domain.
    #[error("the tariff needs a domain, and the order has none")]
    Domain,
    /// The addons.
    #[error("its addons don't fit the tariff ({0:?}): name others")]
    Addons(AddonError),
    /// A disk can't be made smaller.
    #[error("its disk has {now} GB, and the tariff's {then}: a disk can't be made smaller")]
    DiskShrinks {
        /// What it has, in GB.
        now: u32,
        /// What it would have.
        then: u32,
    },
    /// It would be what it is.
    #[error("it has this tariff and these addons already")]
    Nothing,
    /// The price can't be had.
    #[error(transparent)]
    Price(#[from] PriceError),
}

impl From<crate::money::MoneyError> for TariffError {
    fn from(error: crate::money::MoneyError) -> Self {
        Self::Price(error.into())
    }
}

/// What is to become true. How the cost is met is decided once the refund is in the wallets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TariffChange {
    /// The tariff.
    pub tariff: TariffId,
    /// Whether the customer can have it only once.
    pub once_per_customer: bool,
    /// The addons.
    pub addons: Vec<Selection>,
    /// The server, for a tariff with a plan.
    pub server: Option<ServerSpec>,
    /// What becomes of each line that was paid.
    pub settled: Vec<Settled>,
    /// What was charged for the running interval and those to come, gross.
    pub charged: Money,
    /// Of it, for the days before.
    pub consumed: Money,
    /// Of it, what is given back.
    pub refund: Money,
    /// What the new tariff costs for the days that are paid, gross.
    pub cost: Money,
    /// Its invoice, paid at once; none where it costs nothing.
    pub invoice: Option<NewInvoice>,
}

/// Decides on a change of tariff. Set-up prices are not charged.
///
/// # Errors
/// [`TariffError`].
pub fn change_tariff(request: &TariffRequest, facts: &TariffFacts<'_>) -> Result<TariffChange, TariffError> {
    let order = facts.order;
    match order.state {
        OrderState::Active | OrderState::Suspended => {}
        OrderState::AwaitingPayment | OrderState::Manual | OrderState::Provisioning | OrderState::Terminated => {
            return Err(TariffError::State(order.state));
        }
    }
    if order.has_unpaid_invoice {
        return Err(TariffError::UnpaidInvoice);
    }
    let tariff = wanted(request.tariff, facts)?;
    let addons = addons(request, tariff, facts)?;
    if tariff.id == order.tariff && addons == order.addons {
        return Err(TariffError::Nothing);
    }
    let server = server(tariff, &addons, facts)?;
    let settled = settle(facts.paid)?;
    let zero = Money::zero(facts.billing.currency);
    let sum = |of: fn(&Settled) -> Money| settled.iter().try_fold(zero, |sum, one| sum.plus(of(one)));
    let (consumed, refund) = (sum(|one| one.consumed)?, sum(|one| one.refund)?);
    let invoice = invoice(tariff, &addons, facts)?;
    Ok(TariffChange {
        tariff: tariff.id,
        once_per_customer: tariff.once_per_customer,
        addons,
        server,
        charged: consumed.plus(refund)?,
        consumed,
        refund,
        cost: invoice.as_ref().map_or(zero, |invoice| invoice.total),
        invoice,
        settled,
    })
}

/// The tariff that is asked for: of the same kind, and made by the same driver, or by staff.
fn wanted<'a>(id: TariffId, facts: &TariffFacts<'a>) -> Result<&'a Tariff, TariffError> {
    let (order, catalogue) = (facts.order, facts.catalogue);
    let now = catalogue.tariff(order.tariff);
    let fits = |tariff: &&Tariff| {
        let for_sale = tariff.for_sale || tariff.id == order.tariff;
        for_sale && tariff.vid == order.vid && now.is_none_or(|now| now.handling == tariff.handling)
    };
    let tariff = catalogue.tariff(id).filter(fits).ok_or(TariffError::Tariff(id))?;
    if order.domain.is_none() && !tariff.without_domain {
        return Err(TariffError::Domain);
    }
    Ok(tariff)
}

fn addons(request: &TariffRequest, tariff: &Tariff, facts: &TariffFacts<'_>) -> Result<Vec<Selection>, TariffError> {
    let kept = || {
        let has = |of: &&Selection| facts.catalogue.addons_of(tariff).any(|addon| addon.id == of.addon);
        let chosen = facts.order.addons.iter().filter(has);
        chosen.map(|of| AddonChoice { id: Some(of.addon), quantity: Some(of.quantity) }).collect()
    };
    let choices = request.addons.clone().unwrap_or_else(kept);
    choose_addons(&choices, tariff, facts.catalogue).map_err(TariffError::Addons)
}

/// The server as the tariff and the addons make it, with the image that it has.
fn server(tariff: &Tariff, addons: &[Selection], facts: &TariffFacts<'_>) -> Result<Option<ServerSpec>, TariffError> {
    let then = ServerSpec::of(tariff, addons, facts.catalogue);
    let (Some(mut then), Some(now)) = (then, &facts.order.server) else { return Ok(None) };
    if then.disk_gb < now.disk_gb {
        return Err(TariffError::DiskShrinks { now: now.disk_gb, then: then.disk_gb });
    }
    then.image.clone_from(&now.image);
    Ok(Some(then))
}

/// The invoice over the rest of each paid interval, at the tariff's discount for a period of that length, if it has one.
fn invoice(tariff: &Tariff, addons: &[Selection], facts: &TariffFacts<'_>) -> Result<Option<NewInvoice>, TariffError> {
    let terms = &facts.billing;
    let mut lines = Vec::new();
    let (mut total, mut conversion) = (Money::zero(terms.currency), None);
    for interval in facts.intervals {
        let same = |period: &&Period| period.months.count() == interval.months;
        let discount = tariff.periods.iter().find(same).map_or(Percent::ZERO, |period| period.discount);
        let Some(part) = PartOfInterval::rest(&RunningInterval { discount, ..*interval }, facts.today) else {
            continue;
        };
        let quote = quote_part(facts.catalogue, tariff, addons, &part, terms)?;
        total = total.plus(quote.total)?;
        conversion = conversion.or(quote.conversion);
        lines.extend(quote.lines);
    }
    let invoice = NewInvoice {
        purpose: InvoicePurpose::Change,
        total,
        vat: terms.vat,
        prices: terms.prices,
        conversion,
        lines,
        paid: true,
    };
    Ok((!total.is_zero()).then_some(invoice))
}
