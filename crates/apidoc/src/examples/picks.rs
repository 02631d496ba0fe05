//! What to order: chosen from the catalogue in force, so that examples can be sent as they stand.

use domain::{
    billing::Selection,
    catalogue::{AddonGroup, Catalogue, Handling, Period, Tariff, Vid},
    orders::echo_addons,
};

use crate::model::Worked;

/// An order that can be placed.
#[derive(Clone)]
pub(super) struct Pick<'a> {
    pub(super) tariff: &'a Tariff,
    pub(super) period: &'a Period,
    pub(super) addons: Vec<Selection>,
}

impl<'a> Pick<'a> {
    /// The least that a tariff can be ordered with: its first period for new orders, and one addon of each group that
    /// an order needs one of.
    pub(super) fn least(catalogue: &'a Catalogue, tariff: &'a Tariff) -> Option<Self> {
        let period = tariff.periods.iter().find(|period| period.for_new)?;
        let mut addons = Vec::new();
        for group in required(catalogue, tariff) {
            let first = catalogue.addons_of(tariff).find(|addon| addon.group.as_deref() == Some(&group.key))?;
            addons.push(Selection { addon: first.id, quantity: first.min_quantity });
        }
        Some(Self { tariff, period, addons })
    }

    /// The same for longer and with more of what can be had more of: a price with something to work out, and to round.
    pub(super) fn more(mut self, catalogue: &'a Catalogue) -> Self {
        let several = catalogue.addons_of(self.tariff).find(|addon| addon.group.is_none() && addon.max_quantity > 2);
        if let Some(addon) = several {
            self.addons.push(Selection { addon: addon.id, quantity: 3.max(addon.min_quantity) });
        }
        let discounted = |period: &&Period| period.for_new && period.discount.in_basis_points() > 0;
        let rounds = |period: &&Period| {
            Worked::out(catalogue, self.tariff, period, &self.addons).is_some_and(|worked| worked.rounds())
        };
        let longer = || self.tariff.periods.iter().filter(discounted);
        let chosen = longer().find(rounds).or_else(|| longer().next()).unwrap_or(self.period);
        Self { period: chosen, ..self }
    }

    /// Its fields for createOrder; `domain` where the tariff needs one.
    pub(super) fn fields<'b>(&self, domain: &'b str) -> Vec<(&'static str, std::borrow::Cow<'b, str>)> {
        let mut fields = vec![
            ("vid", self.tariff.vid.name().into()),
            ("tarifid", self.tariff.id.to_string().into()),
            ("period", self.period.months.to_string().into()),
        ];
        if !self.tariff.without_domain {
            fields.push(("domain", domain.into()));
        }
        if !self.addons.is_empty() {
            fields.push(("addons", echo_addons(&self.addons).into()));
        }
        fields
    }
}

/// The groups that an order of a tariff needs one of.
pub(super) fn required<'a>(catalogue: &'a Catalogue, tariff: &'a Tariff) -> Vec<&'a AddonGroup> {
    let mut groups: Vec<&AddonGroup> = Vec::new();
    for addon in catalogue.addons_of(tariff) {
        let group = addon.group.as_deref().and_then(|key| catalogue.group(key)).filter(|group| group.required);
        groups.extend(group.filter(|group| !groups.iter().any(|known| known.key == group.key)));
    }
    groups
}

/// The first tariff for sale that is as asked for.
pub(super) fn first<'a>(catalogue: &'a Catalogue, vids: &[Vid], is: impl Fn(&Tariff) -> bool) -> Option<Pick<'a>> {
    let tariffs = vids.iter().flat_map(|vid| catalogue.for_sale(*vid));
    tariffs.filter(|tariff| is(tariff)).find_map(|tariff| Pick::least(catalogue, tariff))
}

/// A server that a driver makes.
pub(super) fn server(catalogue: &Catalogue) -> Option<Pick<'_>> {
    let is = |tariff: &Tariff| {
        matches!(tariff.handling, Handling::Driver(_))
            && tariff.plan.is_some()
            && !tariff.once_per_customer
            && !tariff.images.is_empty()
    };
    first(catalogue, &[Vid::Vds, Vid::Dedicated], is)
}

/// Web hosting that needs a domain.
pub(super) fn hosting(catalogue: &Catalogue) -> Option<Pick<'_>> {
    let is = |tariff: &Tariff| {
        matches!(tariff.handling, Handling::Driver(_)) && !tariff.without_domain && !tariff.once_per_customer
    };
    first(catalogue, &[Vid::Hosting], is)
}
