//! A price, worked out step by step in integers, beside the one that the gateway answered.

use domain::{
    billing::Selection,
    catalogue::{Catalogue, Period, Tariff},
    money::{Money, divide_half_up, format_fixed},
};

/// How an order's price comes about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worked {
    /// The tariff and the addons.
    pub items: Vec<WorkedItem>,
    /// What the monthly prices sum to.
    pub monthly: String,
    /// What setting it up sums to.
    pub setup: String,
    /// For how many months.
    pub months: u16,
    /// The discount, in percent.
    pub discount: String,
    /// The whole before rounding.
    pub exact: String,
    /// Rounded once, half up.
    pub cost: String,
    /// The currency.
    pub currency: &'static str,
    /// The value of `addons`.
    pub addons: String,
}

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkedItem {
    /// Its name.
    pub name: String,
    /// How many.
    pub quantity: u32,
    /// The price of a month of one.
    pub monthly: String,
    /// The price of setting one up.
    pub setup: String,
}

/// Digits of the exact amount after a minor unit's.
const FINE: u32 = 4;

impl Worked {
    /// Whether the exact amount is no whole number of minor units.
    #[must_use]
    pub fn rounds(&self) -> bool {
        !self.exact.ends_with("0000")
    }

    /// The price of an order in the catalogue's own currency, without VAT to be added; `None` where it is out of range.
    pub(crate) fn out(catalogue: &Catalogue, tariff: &Tariff, period: &Period, addons: &[Selection]) -> Option<Self> {
        let mut items = vec![(tariff.name.clone(), 1, tariff.monthly, tariff.setup)];
        for chosen in addons {
            let addon = catalogue.addon(chosen.addon)?;
            items.push((addon.name.clone(), chosen.quantity, addon.monthly, addon.setup));
        }
        let sum = |of: fn(&(String, u32, Money, Money)) -> Money| {
            let zero = Money::zero(catalogue.base);
            items.iter().try_fold(zero, |sum, item| sum.plus(of(item).times(item.1).ok()?).ok())
        };
        let (monthly, setup) = (sum(|item| item.2)?, sum(|item| item.3)?);
        let months = i128::from(period.months.count());
        let whole = i128::from(domain::money::Percent::WHOLE);
        let rest = i128::from(period.discount.remainder());
        let exact = i128::from(monthly.in_minor()) * months * rest + i128::from(setup.in_minor()) * whole;
        let cost = Money::minor(i64::try_from(divide_half_up(exact, whole)).ok()?, catalogue.base);
        Some(Self {
            items: items
                .into_iter()
                .map(|(name, quantity, monthly, setup)| WorkedItem {
                    name,
                    quantity,
                    monthly: monthly.to_string(),
                    setup: setup.to_string(),
                })
                .collect(),
            monthly: monthly.to_string(),
            setup: setup.to_string(),
            months: period.months.count(),
            discount: period.discount.to_string(),
            exact: format_fixed(i64::try_from(exact).ok()?, catalogue.base.digits() + FINE),
            cost: cost.to_string(),
            currency: catalogue.base.code(),
            addons: domain::orders::echo_addons(addons),
        })
    }
}
