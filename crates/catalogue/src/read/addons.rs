//! Addons and their groups.

use std::collections::BTreeMap;

use domain::{
    catalogue::{Addon, AddonEffect, AddonGroup, AddonId, ImageId, OwnPrices},
    money::{Currency, Money},
};

use super::{
    Reader, currency,
    entry::Entry,
    sections::{Names, Section, check_name},
    values,
};

const GROUP: Section = Section { name: "group", keys: &["key", "name", "required", "max_choices"] };
const ADDON: Section = Section {
    name: "addon",
    keys: &[
        "id",
        "name",
        "monthly",
        "setup",
        "prices",
        "min_quantity",
        "max_quantity",
        "group",
        "image",
        "adds_ram_mb",
        "adds_disk_gb",
        "adds_bandwidth_mbps",
        "for_sale",
    ],
};

impl<'a, 't> Reader<'_, 'a, 't> {
    pub(super) fn groups(&self) -> (Vec<AddonGroup>, Names) {
        self.section(&GROUP, group)
    }

    pub(super) fn addons(&self) -> (Vec<Addon>, Names) {
        self.section(&ADDON, |entry| self.addon(entry))
    }

    fn addon(&self, entry: &Entry<'a, 't>) -> Option<Addon> {
        let id = entry.required("id", values::number);
        let name = entry.required("name", values::text);
        let (monthly, setup) = self.prices(entry);
        let prices = self.own_prices(entry);
        let quantities = quantities(entry);
        let group = self.addon_group(entry);
        let effect = self.effect(entry);
        let for_sale = entry.or("for_sale", true, values::flag);
        let (min_quantity, max_quantity) = quantities?;
        Some(Addon {
            id: AddonId(id?),
            name: name?,
            monthly: monthly?,
            setup: setup?,
            prices: prices?,
            min_quantity,
            max_quantity,
            group: group?,
            effect: effect?,
            for_sale: for_sale?,
        })
    }

    /// The monthly price, which must be there, and the price of setting up, 0 by default.
    pub(super) fn prices(&self, entry: &Entry<'a, 't>) -> (Option<Money>, Option<Money>) {
        let monthly = entry.required("monthly", |value| values::money(value, self.base));
        let nothing = Money::zero(self.base.unwrap_or(Currency::EUR));
        let setup = entry.or("setup", nothing, |value| values::money(value, self.base));
        (monthly, setup)
    }

    /// The entry's own prices in other currencies, each given once.
    pub(super) fn own_prices(&self, entry: &Entry<'a, 't>) -> Option<BTreeMap<Currency, OwnPrices>> {
        let mut all = BTreeMap::new();
        for value in entry.list("prices")? {
            let inner = entry.inner(value, "prices", "prices", &["currency", "monthly", "setup"])?;
            let wanted = inner.required("currency", |value| currency(&values::text(value)?))?;
            let price = |key| inner.optional(key, |value| values::money(value, Some(wanted)));
            let (monthly, setup) = (price("monthly")?, price("setup")?);
            if Some(wanted) == self.base {
                inner.mistake("it is the catalogue's own currency: write monthly and setup of the entry itself");
            } else if monthly.is_none() && setup.is_none() {
                inner.lacking("it has no price: add monthly or setup, or take it out");
            }
            if all.insert(wanted, OwnPrices { monthly, setup }).is_some() {
                inner.mistake(&format!("{wanted} is there twice: take one out"));
            }
        }
        Some(all)
    }

    fn addon_group(&self, entry: &Entry<'a, 't>) -> Option<Option<String>> {
        let group = entry.optional("group", values::key)?;
        let known = entry.found("group").is_none_or(|value| check_name(entry, value, "group", &self.groups));
        known.then_some(group)
    }

    fn effect(&self, entry: &Entry<'a, 't>) -> Option<AddonEffect> {
        let image = entry.optional("image", values::key);
        let known = entry.found("image").is_none_or(|value| check_name(entry, value, "image", &self.images));
        let ram_mb = entry.or("adds_ram_mb", 0, values::count);
        let disk_gb = entry.or("adds_disk_gb", 0, values::count);
        let bandwidth_mbps = entry.or("adds_bandwidth_mbps", 0, values::count);
        let image = if known { image?.map(ImageId) } else { None };
        Some(AddonEffect { image, ram_mb: ram_mb?, disk_gb: disk_gb?, bandwidth_mbps: bandwidth_mbps? })
    }
}

fn group(entry: &Entry<'_, '_>) -> Option<AddonGroup> {
    let key = entry.required("key", values::key);
    let name = entry.required("name", values::text);
    let required = entry.or("required", false, values::flag);
    let max_choices = entry.or("max_choices", 1, values::positive);
    Some(AddonGroup { key: key?, name: name?, required: required?, max_choices: max_choices? })
}

fn quantities(entry: &Entry<'_, '_>) -> Option<(u32, u32)> {
    let min = entry.or("min_quantity", 1, values::positive);
    let max = entry.or("max_quantity", 1, values::positive);
    let (min, max) = (min?, max?);
    if min <= max {
        return Some((min, max));
    }
    let value = entry.found("min_quantity").or_else(|| entry.found("max_quantity"));
    let reason = format!("min_quantity {min} is more than max_quantity {max}: raise the one or lower the other");
    match value {
        Some(value) => entry.mistake_at(value, reason),
        None => entry.mistake(&reason),
    }
    None
}
