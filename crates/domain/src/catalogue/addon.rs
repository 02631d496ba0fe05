//! Addons and their groups.

use std::collections::BTreeMap;

use super::{ImageId, OwnPrices};
use crate::money::{Currency, Money};
use serde::{Deserialize, Serialize};

/// An addon's number, as clients know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AddonId(pub i64);

impl std::fmt::Display for AddonId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// An addon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addon {
    /// Its number, unique over all tariffs.
    pub id: AddonId,
    /// Its name, the same in all languages.
    pub name: String,
    /// The price of a month of one, in the catalogue's base currency.
    pub monthly: Money,
    /// The price of setting one up, in the catalogue's base currency.
    pub setup: Money,
    /// Its own prices in other currencies.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: BTreeMap<Currency, OwnPrices>,
    /// The fewest of one order that has any; at least 1.
    pub min_quantity: u32,
    /// The most of one order.
    pub max_quantity: u32,
    /// The key of its group, if it is of one.
    pub group: Option<String>,
    /// What it does to a server.
    pub effect: AddonEffect,
    /// Whether it can be ordered. One that can't is still renewed.
    pub for_sale: bool,
}

/// What an addon does to a server (CONTRACT 1.5, "Addons and operating systems may have effects").
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AddonEffect {
    /// The image that it chooses.
    pub image: Option<ImageId>,
    /// Memory that one of it adds, in MB.
    pub ram_mb: u32,
    /// Disk that one of it adds, in GB.
    pub disk_gb: u32,
    /// Bandwidth that one of it adds, in Mbps.
    pub bandwidth_mbps: u32,
}

/// A group of addons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddonGroup {
    /// Its key, shown to clients as `group`.
    pub key: String,
    /// Its name, the same in all languages; messages name it.
    pub name: String,
    /// Whether an order must have one of it (code 29).
    pub required: bool,
    /// How many addons of it an order may have at the most (code 28); quantities don't count here.
    pub max_choices: u32,
}
