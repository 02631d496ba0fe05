//! Placing an order (createOrder, CONTRACT 1.5).

use jiff::civil::Date;

use super::{
    addons::{AddonChoice, AddonError, choose_addons},
    order::OrderState,
    payment::{Payment, PaymentTerms},
    server::ServerSpec,
    settle::{Interval, first_interval},
};
use crate::{
    billing::{InvoicePurpose, NewInvoice, Selection, quote_order},
    calendar::Months,
    catalogue::{Catalogue, Handling, Period, PriceError, Tariff, TariffId, Vid},
    customers::BillingTerms,
    domain_name::DomainName,
    field::Field,
    money::Money,
    tasks::Operation,
};

/// What the customer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceRequest {
    /// The kind of tariff; hosting when absent.
    pub vid: Field<Vid>,
    /// The tariff.
    pub tariff: Field<TariffId>,
    /// The period.
    pub period: Field<Months>,
    /// The domain.
    pub domain: Field<DomainName>,
    /// The addons.
    pub addons: Vec<AddonChoice>,
}

/// What there is to know when an order is decided on.
#[derive(Debug)]
pub struct PlaceFacts<'a> {
    /// What is for sale.
    pub catalogue: &'a Catalogue,
    /// What the customer's prices depend on.
    pub billing: BillingTerms,
    /// How the cost is to be met.
    pub payment: PaymentTerms,
    /// Whether the customer has ever ordered this once-per-customer tariff.
    pub had_once: bool,
    /// Whether a live order of this tariff has this domain.
    pub domain_taken: bool,
    /// The day it is, in the company's time zone.
    pub today: Date,
}

/// Why an order is not taken. In the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceError {
    /// Not a kind of tariff.
    Vid,
    /// No tariff given.
    NoTariff,
    /// No such tariff of that kind for sale.
    UnknownTariff,
    /// Once per customer, and had.
    HadOnce,
    /// No domain where one is needed, or not a domain.
    Domain,
    /// A live order of the tariff has the domain.
    DomainTaken,
    /// No period given.
    NoPeriod,
    /// Not a period of the tariff for new orders.
    Period,
    /// The addons.
    Addons(AddonError),
    /// The balance is too low, and an unpaid order is not taken.
    NotEnough,
    /// The price can't be had: the catalogue lacks an exchange rate, or a figure is out of range.
    Price(PriceError),
}

impl<E: Into<PriceError>> From<E> for PlaceError {
    fn from(error: E) -> Self {
        Self::Price(error.into())
    }
}

/// What is to become true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The tariff.
    pub tariff: TariffId,
    /// Its kind.
    pub vid: Vid,
    /// Whether the customer can have it only once.
    pub once_per_customer: bool,
    /// The domain.
    pub domain: Option<DomainName>,
    /// The period.
    pub months: Months,
    /// The addons.
    pub addons: Vec<Selection>,
    /// Where the order is then.
    pub state: OrderState,
    /// Whether staff make it by hand.
    pub by_hand: bool,
    /// The server, for a tariff with a plan.
    pub server: Option<ServerSpec>,
    /// The days paid for, once paid.
    pub paid: Option<Interval>,
    /// The invoice.
    pub invoice: NewInvoice,
    /// How it is met.
    pub payment: Payment,
    /// The balance then.
    pub balance: Money,
    /// What is to be done, once paid.
    pub task: Option<Operation>,
}

/// Decides on an order.
///
/// # Errors
/// The first [`PlaceError`] in the contract's order of checks.
pub fn place(request: &PlaceRequest, facts: &PlaceFacts<'_>) -> Result<Placement, PlaceError> {
    let tariff = orderable_tariff(request, facts.catalogue)?;
    if tariff.once_per_customer && facts.had_once {
        return Err(PlaceError::HadOnce);
    }
    let domain = match &request.domain {
        Field::Given(domain) => Some(domain.clone()),
        Field::Absent if tariff.without_domain => None,
        Field::Absent | Field::Malformed => return Err(PlaceError::Domain),
    };
    if domain.is_some() && facts.domain_taken {
        return Err(PlaceError::DomainTaken);
    }
    let months = *request.period.required(PlaceError::NoPeriod, PlaceError::Period)?;
    let period = tariff.period(months).filter(|p| p.for_new).ok_or(PlaceError::Period)?;
    let addons = choose_addons(&request.addons, tariff, facts.catalogue).map_err(PlaceError::Addons)?;
    let quote = quote_order(facts.catalogue, tariff, period, &addons, &facts.billing)?;
    let payment = facts.payment.meet(quote.total).map_err(PriceError::from)?.ok_or(PlaceError::NotEnough)?;
    let invoice = NewInvoice {
        purpose: InvoicePurpose::Order(months),
        total: quote.total,
        vat: facts.billing.vat,
        prices: facts.billing.prices,
        conversion: quote.conversion,
        lines: quote.lines,
        paid: payment.is_made(),
    };
    started(tariff, period, facts, domain, addons, invoice, payment)
}

/// The tariff that is asked for, if it can be ordered: checks 24, 11 and 12.
///
/// # Errors
/// [`PlaceError::Vid`], [`PlaceError::NoTariff`], [`PlaceError::UnknownTariff`].
fn orderable_tariff<'a>(request: &PlaceRequest, catalogue: &'a Catalogue) -> Result<&'a Tariff, PlaceError> {
    let vid = match request.vid {
        Field::Given(vid) => vid,
        Field::Absent => Vid::default(),
        Field::Malformed => return Err(PlaceError::Vid),
    };
    let id = *request.tariff.required(PlaceError::NoTariff, PlaceError::UnknownTariff)?;
    catalogue.for_sale(vid).find(|t| t.id == id).ok_or(PlaceError::UnknownTariff)
}

fn started(
    tariff: &Tariff,
    period: &Period,
    facts: &PlaceFacts<'_>,
    domain: Option<DomainName>,
    addons: Vec<Selection>,
    invoice: NewInvoice,
    payment: Payment,
) -> Result<Placement, PlaceError> {
    let paid = match payment.is_made() {
        true => Some(first_interval(facts.today, period.months).ok_or(PlaceError::Period)?),
        false => None,
    };
    let by_hand = tariff.handling == Handling::Manual;
    let state = match (paid.is_some(), by_hand) {
        (false, _) => OrderState::AwaitingPayment,
        (true, true) => OrderState::Manual,
        (true, false) => OrderState::Provisioning,
    };
    Ok(Placement {
        tariff: tariff.id,
        vid: tariff.vid,
        once_per_customer: tariff.once_per_customer,
        domain,
        months: period.months,
        server: ServerSpec::of(tariff, &addons, facts.catalogue),
        addons,
        state,
        by_hand,
        paid,
        balance: facts.payment.balance_after(&payment).map_err(PriceError::from)?,
        invoice,
        payment,
        task: paid.map(|_| Operation::Create),
    })
}
