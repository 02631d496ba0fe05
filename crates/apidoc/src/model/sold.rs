//! What is for sale, as the catalogue in force has it.

use domain::catalogue::{Addon, Catalogue, Handling, Period, Tariff, Vid};

/// A tariff that is for sale.
#[derive(Debug, Clone)]
pub struct Sold {
    /// Its number.
    pub id: i64,
    /// Its kind.
    pub vid: &'static str,
    /// Its name.
    pub name: String,
    /// The price of a month.
    pub monthly: String,
    /// The price of setting it up.
    pub setup: String,
    /// Whether an order must name a domain.
    pub needs_domain: bool,
    /// Whether a customer can have it only once.
    pub once: bool,
    /// Whether staff make it (code 30).
    pub manual: bool,
    /// Its periods.
    pub periods: Vec<SoldPeriod>,
    /// Its addons.
    pub addons: Vec<SoldAddon>,
}

/// A period that a tariff is sold for.
#[derive(Debug, Clone)]
pub struct SoldPeriod {
    /// In months.
    pub months: u16,
    /// In percent.
    pub discount: String,
    /// Whether new orders can have it.
    pub for_new: bool,
    /// Whether renewals can have it.
    pub for_renewal: bool,
}

/// An addon of a tariff.
#[derive(Debug, Clone)]
pub struct SoldAddon {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The price of a month of one.
    pub monthly: String,
    /// The price of setting one up.
    pub setup: String,
    /// The fewest and the most of one order.
    pub quantity: (u32, u32),
    /// The name of its group, and whether an order must have one of it.
    pub group: Option<(String, bool)>,
}

pub(super) fn of(catalogue: &Catalogue) -> Vec<Sold> {
    Vid::ALL.into_iter().flat_map(|vid| catalogue.for_sale(vid)).map(|tariff| sold(tariff, catalogue)).collect()
}

fn sold(tariff: &Tariff, catalogue: &Catalogue) -> Sold {
    let periods = tariff.periods.iter().filter(|period| period.for_new || period.for_renewal);
    Sold {
        id: tariff.id.0,
        vid: tariff.vid.name(),
        name: tariff.name.clone(),
        monthly: tariff.monthly.to_string(),
        setup: tariff.setup.to_string(),
        needs_domain: !tariff.without_domain,
        once: tariff.once_per_customer,
        manual: tariff.handling == Handling::Manual,
        periods: periods.map(period).collect(),
        addons: catalogue.addons_of(tariff).map(|one| addon(one, catalogue)).collect(),
    }
}

fn period(period: &Period) -> SoldPeriod {
    SoldPeriod {
        months: period.months.count(),
        discount: period.discount.to_string(),
        for_new: period.for_new,
        for_renewal: period.for_renewal,
    }
}

fn addon(addon: &Addon, catalogue: &Catalogue) -> SoldAddon {
    let group = addon.group.as_deref().and_then(|key| catalogue.group(key));
    SoldAddon {
        id: addon.id.0,
        name: addon.name.clone(),
        monthly: addon.monthly.to_string(),
        setup: addon.setup.to_string(),
        quantity: (addon.min_quantity, addon.max_quantity),
        group: group.map(|group| (group.name.clone(), group.required)),
    }
}
