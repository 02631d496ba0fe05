//! The price of an order or a renewal (CONTRACT 1.5, "Cost").

use super::{
    invoice::{InvoiceLine, LineItem, VatLine},
    resources::{ExactMonthly, RESOURCE_SCALE, monthly_difference},
    working::{PartOfInterval, Working},
};
use crate::{
    calendar::Months,
    catalogue::{AddonId, Catalogue, Conversion, Origin, Period, PriceError, Priced, Tariff},
    customers::BillingTerms,
    money::{Money, MoneyError, Percent, divide_half_up},
    orders::ServerSpec,
};

/// An addon and how many of it, in the order they were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// Which addon.
    pub addon: AddonId,
    /// How many of it, at least 1.
    pub quantity: u32,
}

/// A price, with the lines that it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// What is charged: gross, in the customer's currency. The lines' gross amounts sum to it.
    pub total: Money,
    /// The rate that prices were converted at; none where none was.
    pub conversion: Option<Conversion>,
    /// The lines.
    pub lines: Vec<InvoiceLine>,
}

/// What a new order costs: set-up, and the monthly prices for the period less its discount.
///
/// # Errors
/// [`PriceError`] when a price can't be had in the customer's currency or is out of range.
pub fn quote_order(
    catalogue: &Catalogue,
    tariff: &Tariff,
    period: &Period,
    addons: &[Selection],
    terms: &BillingTerms,
) -> Result<Quote, PriceError> {
    let mut parts = monthly_parts(catalogue, tariff, period, addons, terms)?;
    let setup = setup_parts(catalogue, tariff, addons, terms)?;
    parts.splice(0..0, setup);
    let quote = quote(catalogue, &parts, terms)?;
    match (quote.conversion, terms.rate_days) {
        (Some(conversion), Some(most)) => fresh(&conversion, terms, most).map(|()| quote),
        _ => Ok(quote),
    }
}

/// Whether a rate is not too old for a new order. Renewals take any: nobody's server is stopped for a rate.
fn fresh(conversion: &Conversion, terms: &BillingTerms, most: u16) -> Result<(), PriceError> {
    let wanted = terms.currency;
    match conversion.rate.day.zip(conversion.rate.age(terms.day)) {
        Some((day, age)) if age > i32::from(most) => Err(PriceError::StaleRate { wanted, day, age, most }),
        _ => Ok(()),
    }
}

/// What an order has that its renewal is priced with.
#[derive(Debug, Clone, Copy)]
pub struct Renewed<'a> {
    /// Its addons.
    pub addons: &'a [Selection],
    /// Its server, as it was last changed.
    pub server: Option<&'a ServerSpec>,
    /// The monthly price that staff fixed for it.
    pub fixed_monthly: Option<Money>,
}

/// What a renewal costs: as an order, without set-up and with its server's later changes, or at the monthly price that
/// staff fixed for the order.
///
/// # Errors
/// [`PriceError`] when a price can't be had in the customer's currency or is out of range.
pub fn quote_renewal(
    catalogue: &Catalogue,
    tariff: &Tariff,
    period: &Period,
    of: Renewed<'_>,
    terms: &BillingTerms,
) -> Result<Quote, PriceError> {
    if let Some(unit_price) = of.fixed_monthly {
        let fixed = Priced { price: unit_price, origin: Origin::Staff };
        return quote(catalogue, &[Part::priced(LineItem::Tariff(tariff.id), 1, fixed, Some(period))], terms);
    }
    let mut parts = monthly_parts(catalogue, tariff, period, of.addons, terms)?;
    parts.extend(resources_part(catalogue, tariff, period, of, terms)?);
    quote(catalogue, &parts, terms)
}

/// What a tariff with addons costs for a part of a paid interval, without set-up: rounded once over the part.
///
/// # Errors
/// [`PriceError`] when a price can't be had in the customer's currency or is out of range.
pub fn quote_part(
    catalogue: &Catalogue,
    tariff: &Tariff,
    addons: &[Selection],
    part: &PartOfInterval,
    terms: &BillingTerms,
) -> Result<Quote, PriceError> {
    let months = Months::new(part.months).ok_or(MoneyError::TooLarge)?;
    let period = Period { months, discount: part.discount, for_new: false, for_renewal: false };
    let parts = monthly_parts(catalogue, tariff, &period, addons, terms)?;
    let times = |of: &Part<'_>| part.exact(ExactMonthly(of.exact_price * i128::from(of.quantity)));
    let exact: Vec<i128> = parts.iter().map(times).collect();
    let mut quote = quote_exact(catalogue, &parts, (&exact, part.scale()), terms)?;
    for line in &mut quote.lines {
        line.working.part = Some(*part);
    }
    Ok(quote)
}

/// What the server was changed to beyond its tariff and addons; nothing where it is as they make it.
fn resources_part<'a>(
    catalogue: &Catalogue,
    tariff: &Tariff,
    period: &'a Period,
    of: Renewed<'_>,
    terms: &BillingTerms,
) -> Result<Option<Part<'a>>, PriceError> {
    let made = ServerSpec::of(tariff, of.addons, catalogue);
    let (Some(made), Some(server), Some(units)) = (made, of.server, &tariff.units) else { return Ok(None) };
    let more = monthly_difference(&made, server, units, &catalogue.pricing(terms.currency, terms.day))?;
    if more.0 == 0 {
        return Ok(None);
    }
    let rounded = i64::try_from(divide_half_up(more.0, RESOURCE_SCALE)).map_err(|_| MoneyError::TooLarge)?;
    let unit_price = Priced { price: Money::minor(rounded, terms.currency), origin: Origin::Units };
    let item = LineItem::Resources(tariff.id);
    Ok(Some(Part { exact_price: more.0, ..Part::priced(item, 1, unit_price, Some(period)) }))
}

/// A part of a price before rounding.
struct Part<'a> {
    item: LineItem,
    quantity: u32,
    unit_price: Priced,
    /// The price of one before rounding, in `1 / RESOURCE_SCALE` of a minor unit.
    exact_price: i128,
    /// The period of a monthly price, none of a set-up price.
    months: Option<&'a Period>,
}

/// Exact amounts are in `1 / SCALE` of a minor unit.
const SCALE: i128 = 10_000 * RESOURCE_SCALE;

impl<'a> Part<'a> {
    fn priced(item: LineItem, quantity: u32, unit_price: Priced, months: Option<&'a Period>) -> Self {
        let exact_price = i128::from(unit_price.price.in_minor()) * RESOURCE_SCALE;
        Self { item, quantity, unit_price, exact_price, months }
    }

    fn discount(&self) -> Percent {
        self.months.map_or(Percent::ZERO, |p| p.discount)
    }

    fn months(&self) -> u16 {
        self.months.map_or(0, |p| p.months.count())
    }

    /// What a line of `price` was reckoned from.
    fn working(&self, price: Money) -> Result<Working, MoneyError> {
        let of_units = self.unit_price.origin == Origin::Units;
        let exact = of_units.then(|| i64::try_from(self.exact_price)).transpose().map_err(|_| MoneyError::TooLarge)?;
        Ok(Working { origin: self.unit_price.origin, exact_monthly: exact, part: None, price })
    }

    /// The exact amount, in `1 / SCALE` of a minor unit.
    fn exact(&self) -> i128 {
        let times = i128::from(self.quantity) * i128::from(self.months().max(1));
        self.exact_price * times * i128::from(self.discount().remainder())
    }
}

fn setup_parts(
    catalogue: &Catalogue,
    tariff: &Tariff,
    addons: &[Selection],
    terms: &BillingTerms,
) -> Result<Vec<Part<'static>>, PriceError> {
    let mut parts = Vec::new();
    let pricing = catalogue.pricing(terms.currency, terms.day);
    let mut add = |item, quantity, unit_price: Priced| {
        if !unit_price.price.is_zero() {
            parts.push(Part::priced(item, quantity, unit_price, None));
        }
    };
    add(LineItem::TariffSetup(tariff.id), 1, pricing.tariff_setup(tariff)?);
    for chosen in addons {
        if let Some(addon) = catalogue.addon(chosen.addon) {
            add(LineItem::AddonSetup(addon.id), chosen.quantity, pricing.addon_setup(addon)?);
        }
    }
    Ok(parts)
}

fn monthly_parts<'a>(
    catalogue: &Catalogue,
    tariff: &Tariff,
    period: &'a Period,
    addons: &[Selection],
    terms: &BillingTerms,
) -> Result<Vec<Part<'a>>, PriceError> {
    let pricing = catalogue.pricing(terms.currency, terms.day);
    let monthly = pricing.tariff_monthly(tariff)?;
    let mut parts = vec![Part::priced(LineItem::Tariff(tariff.id), 1, monthly, Some(period))];
    for chosen in addons {
        if let Some(addon) = catalogue.addon(chosen.addon) {
            let monthly = pricing.addon_monthly(addon)?;
            parts.push(Part::priced(LineItem::Addon(addon.id), chosen.quantity, monthly, Some(period)));
        }
    }
    Ok(parts)
}

/// Rounds once, half up, over the whole; splits that over the parts by largest remainder; sees to the VAT.
fn quote(catalogue: &Catalogue, parts: &[Part<'_>], terms: &BillingTerms) -> Result<Quote, PriceError> {
    let exact: Vec<i128> = parts.iter().map(Part::exact).collect();
    quote_exact(catalogue, parts, (&exact, SCALE), terms)
}

/// The same, of exact amounts in `1 / scale` of a minor unit.
fn quote_exact(
    catalogue: &Catalogue,
    parts: &[Part<'_>],
    (exact, scale): (&[i128], i128),
    terms: &BillingTerms,
) -> Result<Quote, PriceError> {
    let rounded = divide_half_up(exact.iter().sum(), scale);
    let mut lines = Vec::with_capacity(parts.len());
    let mut total = Money::zero(terms.currency);
    for (part, minor) in parts.iter().zip(split(exact, scale, rounded)) {
        let minor = i64::try_from(minor).map_err(|_| MoneyError::TooLarge)?;
        let price = Money::minor(minor, terms.currency);
        let amount = VatLine::of(price, terms.vat.rate, terms.prices)?;
        total = total.plus(amount.gross)?;
        lines.push(InvoiceLine {
            item: part.item,
            quantity: part.quantity,
            unit_price: part.unit_price.price,
            months: part.months(),
            discount: part.discount(),
            amount,
            working: part.working(price)?,
        });
    }
    let origins = parts.iter().map(|part| part.unit_price.origin);
    let conversion = catalogue.pricing(terms.currency, terms.day).conversion(origins)?;
    Ok(Quote { total, conversion, lines })
}

/// Shares of `whole`, each the floor of its exact amount or one more, the largest remainders first; they sum to it.
pub(super) fn split(exact: &[i128], scale: i128, whole: i128) -> Vec<i128> {
    let mut shares: Vec<i128> = exact.iter().map(|e| e.div_euclid(scale)).collect();
    let missing = usize::try_from(whole - shares.iter().sum::<i128>()).unwrap_or(0);
    let mut order: Vec<(usize, i128)> = exact.iter().map(|e| e.rem_euclid(scale)).enumerate().collect();
    order.sort_by_key(|&(at, remainder)| (std::cmp::Reverse(remainder), at));
    for (at, _) in order.into_iter().take(missing) {
        if let Some(share) = shares.get_mut(at) {
            *share += 1;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::customers::Prices;

    proptest! {
        #[test]
        fn shares_sum_to_the_whole_and_are_less_than_one_off(exact in prop::collection::vec(0_i128..10_000_000_000, 1..12)) {
            let scale = i128::from(Percent::WHOLE);
            let whole = divide_half_up(exact.iter().sum(), scale);
            let shares = split(&exact, scale, whole);
            prop_assert_eq!(shares.iter().sum::<i128>(), whole);
            for (share, exact) in shares.iter().zip(&exact) {
                prop_assert!((share * scale - exact).abs() < scale);
            }
        }

        #[test]
        fn vat_is_within_half_a_minor_unit_and_adds_up(minor in 0_i64..1_000_000_000, points in 0_i64..=10_000) {
            let vat = Percent::basis_points(points).expect("in range");
            for prices in [Prices::Gross, Prices::Net] {
                let line = VatLine::of(Money::minor(minor, crate::money::Currency::EUR), vat, prices).expect("small");
                prop_assert_eq!(line.net.plus(line.vat).expect("small"), line.gross);
                let of_net = i128::from(line.net.in_minor()) * i128::from(points);
                let off = (i128::from(line.vat.in_minor()) * 10_000 - of_net).abs();
                // Contained VAT is rounded on the gross side, so that its error on the net side is up to (1 + rate)/2.
                prop_assert!(off <= 5_000 + i128::from(points) / 2 + 1);
            }
        }
    }
}
