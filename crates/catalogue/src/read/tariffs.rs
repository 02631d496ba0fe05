//! Tariffs with their periods and plans.

use std::collections::BTreeSet;

use domain::{
    catalogue::{AddonId, DriverName, Handling, ImageId, Period, ServerPlan, Tariff, TariffId, UnitPrices, Vid},
    money::Percent,
};
use toml::de::DeValue;

use super::{
    Reader,
    entry::Entry,
    sections::{Names, Section, check_name},
    values::{self, Read},
};
use crate::mistake::did_you_mean;

const TARIFF: Section = Section {
    name: "tariff",
    keys: &[
        "id",
        "vid",
        "name",
        "monthly",
        "setup",
        "prices",
        "without_domain",
        "once_per_customer",
        "for_sale",
        "driver",
        "manual",
        "periods",
        "addons",
        "images",
        "plan",
        "units",
        "grace_days",
        "keep_days",
    ],
};
const PERIOD: [&str; 3] = ["months", "discount", "for"];
const PLAN: [&str; 4] = ["cpu_ghz", "ram_mb", "disk_gb", "bandwidth_mbps"];
const UNITS: [&str; 4] = ["cpu_ghz", "ram_1024_mb", "disk_10_gb", "bandwidth_10_mbps"];

impl<'a, 't> Reader<'_, 'a, 't> {
    pub(super) fn tariffs(&self) -> (Vec<Tariff>, Names) {
        self.section(&TARIFF, |entry| self.tariff(entry))
    }

    fn tariff(&self, entry: &Entry<'a, 't>) -> Option<Tariff> {
        let id = entry.required("id", values::number);
        let vid = entry.required("vid", |value| values::text(value)?.parse::<Vid>());
        let name = entry.required("name", values::text);
        let (monthly, setup) = self.prices(entry);
        let prices = self.own_prices(entry);
        let without_domain = entry.or("without_domain", false, values::flag);
        let once_per_customer = entry.or("once_per_customer", false, values::flag);
        let for_sale = entry.or("for_sale", true, values::flag);
        let handling = self.handling(entry, for_sale);
        let periods = periods(entry, for_sale);
        let addons = names(entry, "addons", "addon", &self.addons, values::number);
        let images = names(entry, "images", "image", &self.images, values::key);
        let plan = plan(entry, vid);
        let units = self.units(entry);
        let grace_days = entry.optional("grace_days", values::days);
        let keep_days = entry.optional("keep_days", values::days);
        Some(Tariff {
            id: TariffId(id?),
            vid: vid?,
            name: name?,
            monthly: monthly?,
            setup: setup?,
            prices: prices?,
            without_domain: without_domain?,
            once_per_customer: once_per_customer?,
            for_sale: for_sale?,
            handling: handling?,
            periods: periods?,
            addons: addons?.into_iter().map(AddonId).collect(),
            images: images?.into_iter().map(ImageId).collect(),
            plan: plan?,
            units: units?,
            grace_days: grace_days?,
            keep_days: keep_days?,
        })
    }

    fn handling(&self, entry: &Entry<'a, 't>, for_sale: Option<bool>) -> Option<Handling> {
        let manual = entry.or("manual", false, values::flag)?;
        let driver = entry.optional("driver", values::key)?;
        match (manual, driver) {
            (true, None) => Some(Handling::Manual),
            (false, Some(driver)) => {
                if let Some(value) = entry.found("driver").filter(|_| for_sale == Some(true))
                    && !self.drivers.contains(&driver)
                {
                    let near = did_you_mean(&driver, self.drivers.iter().map(String::as_str));
                    let reason = format!("no node has the driver {driver:?}{near}: add one, or name another");
                    entry.dangling(value, reason);
                }
                Some(Handling::Driver(DriverName(driver)))
            }
            (true, Some(_)) => {
                entry.mistake("driver and manual can't both be: take one out");
                None
            }
            (false, None) => {
                entry.absent("driver (the provisioner's, or manual = true for work that staff do)");
                None
            }
        }
    }

    fn units(&self, entry: &Entry<'a, 't>) -> Option<Option<UnitPrices>> {
        let Some(units) = entry.table("units", &UNITS)? else { return Some(None) };
        if entry.found("plan").is_none() {
            units.lacking("unit prices need a plan to change: add plan, or take units out");
        }
        let price = |key| units.required(key, |value| values::money(value, self.base));
        let [cpu_ghz, ram_1024_mb, disk_10_gb, bandwidth_10_mbps] = UNITS.map(price);
        Some(Some(UnitPrices {
            cpu_ghz: cpu_ghz?,
            ram_1024_mb: ram_1024_mb?,
            disk_10_gb: disk_10_gb?,
            bandwidth_10_mbps: bandwidth_10_mbps?,
        }))
    }
}

fn plan(entry: &Entry<'_, '_>, vid: Option<Vid>) -> Option<Option<ServerPlan>> {
    let Some(plan) = entry.table("plan", &PLAN)? else { return Some(None) };
    if vid == Some(Vid::Hosting) {
        plan.mistake("a hosting tariff has no plan: take it out, or make the tariff vds or dedicated");
    }
    let range = |key| {
        if plan.found(key).is_none() {
            plan.absent(key);
        }
        values::range(&plan, key)
    };
    let [cpu_ghz, ram_mb, disk_gb, bandwidth_mbps] = PLAN.map(range);
    Some(Some(ServerPlan { cpu_ghz: cpu_ghz?, ram_mb: ram_mb?, disk_gb: disk_gb?, bandwidth_mbps: bandwidth_mbps? }))
}

fn periods(entry: &Entry<'_, '_>, for_sale: Option<bool>) -> Option<Vec<Period>> {
    let values = entry.list("periods")?;
    let read: Vec<Option<Period>> = values
        .iter()
        .map(|value| {
            let months = value.get_ref().get("months").and_then(|months| months.get_ref().as_integer());
            let name = months.map_or_else(|| "period".to_owned(), |months| format!("period {months}"));
            period(&entry.inner(value, "periods", &name, &PERIOD)?)
        })
        .collect();
    let mut seen = BTreeSet::new();
    for (value, period) in values.iter().zip(&read) {
        if let Some(months) = period.map(|period| period.months)
            && !seen.insert(months)
        {
            entry.mistake_at(value, format!("periods: {months} months are there twice: take one out"));
        }
    }
    let periods: Vec<Period> = read.into_iter().collect::<Option<_>>()?;
    if for_sale == Some(true) && !periods.iter().any(|period| period.for_new) {
        entry.lacking("none of its periods is for new orders: add one to periods, or set for_sale = false");
    }
    Some(periods)
}

fn period(entry: &Entry<'_, '_>) -> Option<Period> {
    let months = entry.required("months", values::months);
    let discount = entry.or("discount", Percent::ZERO, values::parsed);
    let wanted = entry.or("for", (true, true), |value| match values::text(value)?.as_str() {
        "both" => Ok((true, true)),
        "new" => Ok((true, false)),
        "renewal" => Ok((false, true)),
        "nothing" => Ok((false, false)),
        other => Err(format!("{other:?} must be \"both\", \"new\", \"renewal\" or \"nothing\"")),
    });
    let (for_new, for_renewal) = wanted?;
    Some(Period { months: months?, discount: discount?, for_new, for_renewal })
}

/// A list of names of entries in another section, each once.
pub(super) fn names<T>(
    entry: &Entry<'_, '_>,
    key: &str,
    section: &str,
    known: &Names,
    read: fn(&DeValue<'_>) -> Read<T>,
) -> Option<Vec<T>>
where
    T: Ord + Clone + std::fmt::Display,
{
    let mut seen = BTreeSet::new();
    let mut names = Vec::new();
    for value in entry.list(key)? {
        match read(value.get_ref()) {
            Err(reason) => entry.mistake_at(value, format!("{key}: {reason}")),
            Ok(name) if !seen.insert(name.clone()) => {
                entry.mistake_at(value, format!("{key}: {name} is there twice: take one out"));
            }
            Ok(name) => {
                check_name(entry, value, section, known);
                names.push(name);
            }
        }
    }
    Some(names)
}
