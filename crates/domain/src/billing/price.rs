//! The price of an order or a renewal (CONTRACT 1.5, "Cost").

use super::{
    invoice::{InvoiceLine, LineItem, VatLine},
    resources::{RESOURCE_SCALE, monthly_difference},
};
use crate::{
    catalogue::{AddonId, Catalogue, Period, PriceError, Tariff},
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
    quote(&parts, terms)
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
        return quote(&[Part::priced(LineItem::Tariff(tariff.id), 1, unit_price, Some(period))], terms);
    }
    let mut parts = monthly_parts(catalogue, tariff, period, of.addons, terms)?;
    parts.extend(resources_part(catalogue, tariff, period, of, terms)?);
    quote(&parts, terms)
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
    let more = monthly_difference(&made, server, units, catalogue, terms.currency)?;
    if more.0 == 0 {
        return Ok(None);
    }
    let rounded = i64::try_from(divide_half_up(more.0, RESOURCE_SCALE)).map_err(|_| MoneyError::TooLarge)?;
    let unit_price = Money::minor(rounded, terms.currency);
    let item = LineItem::Resources(tariff.id);
    Ok(Some(Part { exact_price: more.0, ..Part::priced(item, 1, unit_price, Some(period)) }))
}

/// A part of a price before rounding.
struct Part<'a> {
    item: LineItem,
    quantity: u32,
    unit_price: Money,
    /// The price of one before rounding, in `1 / RESOURCE_SCALE` of a minor unit.
    exact_price: i128,
    /// The period of a monthly price, none of a set-up price.
    months: Option<&'a Period>,
}

/// Exact amounts are in `1 / SCALE` of a minor unit.
const SCALE: i128 = 10_000 * RESOURCE_SCALE;

impl<'a> Part<'a> {
    fn priced(item: LineItem, quantity: u32, unit_price: Money, months: Option<&'a Period>) -> Self {
        let exact_price = i128::from(unit_price.in_minor()) * RESOURCE_SCALE;
        Self { item, quantity, unit_price, exact_price, months }
    }

    fn discount(&self) -> Percent {
        self.months.map_or(Percent::ZERO, |p| p.discount)
    }

    fn months(&self) -> u16 {
        self.months.map_or(0, |p| p.months.count())
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
    let mut add = |item, quantity, price| -> Result<(), PriceError> {
        let unit_price = catalogue.price_in(price, terms.currency)?;
        if !unit_price.is_zero() {
            parts.push(Part::priced(item, quantity, unit_price, None));
        }
        Ok(())
    };
    add(LineItem::TariffSetup(tariff.id), 1, tariff.setup)?;
    for chosen in addons {
        if let Some(addon) = catalogue.addon(chosen.addon) {
            add(LineItem::AddonSetup(addon.id), chosen.quantity, addon.setup)?;
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
    let mut parts = Vec::new();
    let mut add = |item, quantity, price| -> Result<(), PriceError> {
        let unit_price = catalogue.price_in(price, terms.currency)?;
        parts.push(Part::priced(item, quantity, unit_price, Some(period)));
        Ok(())
    };
    add(LineItem::Tariff(tariff.id), 1, tariff.monthly)?;
    for chosen in addons {
        if let Some(addon) = catalogue.addon(chosen.addon) {
            add(LineItem::Addon(addon.id), chosen.quantity, addon.monthly)?;
        }
    }
    Ok(parts)
}

/// Rounds once, half up, over the whole; splits that over the parts by largest remainder; sees to the VAT.
fn quote(parts: &[Part<'_>], terms: &BillingTerms) -> Result<Quote, PriceError> {
    let exact: Vec<i128> = parts.iter().map(Part::exact).collect();
    let rounded = divide_half_up(exact.iter().sum(), SCALE);
    let mut lines = Vec::with_capacity(parts.len());
    let mut total = Money::zero(terms.currency);
    for (part, minor) in parts.iter().zip(split(&exact, SCALE, rounded)) {
        let minor = i64::try_from(minor).map_err(|_| MoneyError::TooLarge)?;
        let amount = VatLine::of(Money::minor(minor, terms.currency), terms.vat.rate, terms.prices)?;
        total = total.plus(amount.gross)?;
        lines.push(InvoiceLine {
            item: part.item,
            quantity: part.quantity,
            unit_price: part.unit_price,
            months: part.months(),
            discount: part.discount(),
            amount,
        });
    }
    Ok(Quote { total, lines })
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
