//! What is for sale: tariffs with their periods, addons and images, the nodes that run them, and exchange rates.

mod addon;
mod image;
mod node;
mod plan;
mod pool;
mod pricing;
mod tariff;

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::IpAddr};

pub use addon::{Addon, AddonEffect, AddonGroup, AddonId};
pub use image::{Arch, ImageId, OsImage};
pub use node::Node;
pub use plan::{Range, ServerPlan, UnitPrices};
pub use pool::{Pool, reverse_name};
pub use pricing::{Conversion, DatedRate, Origin, OwnPrices, Priced, Pricing};
pub use tariff::{DriverName, Handling, Period, Tariff, TariffId, Vid};

use jiff::civil::Date;

use crate::money::{Currency, MoneyError, Rate};

/// Everything for sale, in the order that staff gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// The currency that all prices here are in.
    pub base: Currency,
    /// Units of other currencies for one of the base currency, where there is none of a day.
    pub rates: BTreeMap<Currency, Rate>,
    /// The same by the day from which on they hold. They are no part of the document, and kept beside it.
    #[serde(skip)]
    pub daily: BTreeMap<Currency, BTreeMap<Date, Rate>>,
    /// Tariffs, in the order they are shown.
    pub tariffs: Vec<Tariff>,
    /// Addons of all tariffs.
    pub addons: Vec<Addon>,
    /// Groups of addons of which some must or may be chosen.
    pub groups: Vec<AddonGroup>,
    /// Operating system images.
    pub images: Vec<OsImage>,
    /// Hypervisors.
    pub nodes: Vec<Node>,
    /// Pools of addresses, in the order they are handed out of. Older revisions have none.
    #[serde(default)]
    pub pools: Vec<Pool>,
}

/// The catalogue has no exchange rate for the customer's currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// No rate.
    #[error(
        "there is no exchange rate from {base} to {wanted}: add one under [rates] of the catalogue, or by `vartai rate set`"
    )]
    NoRate {
        /// The catalogue's currency.
        base: Currency,
        /// The customer's.
        wanted: Currency,
    },
    /// The rate is older than the company sells at.
    #[error(
        "the exchange rate to {wanted} is of {day}, {age} days ago, and new orders are taken at rates of {most} days at the most"
    )]
    StaleRate {
        /// The customer's currency.
        wanted: Currency,
        /// The rate's day.
        day: Date,
        /// Days ago.
        age: i32,
        /// Days that it may be old.
        most: u16,
    },
    /// Out of range.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Catalogue {
    /// An empty catalogue.
    #[must_use]
    pub fn empty(base: Currency) -> Self {
        Self {
            base,
            rates: BTreeMap::new(),
            daily: BTreeMap::new(),
            tariffs: Vec::new(),
            addons: Vec::new(),
            groups: Vec::new(),
            images: Vec::new(),
            nodes: Vec::new(),
            pools: Vec::new(),
        }
    }

    /// The tariff of that id, also one that is no longer for sale.
    #[must_use]
    pub fn tariff(&self, id: TariffId) -> Option<&Tariff> {
        self.tariffs.iter().find(|t| t.id == id)
    }

    /// The tariffs of a kind that are for sale, in the catalogue's order.
    pub fn for_sale(&self, vid: Vid) -> impl Iterator<Item = &Tariff> {
        self.tariffs.iter().filter(move |t| t.vid == vid && t.for_sale)
    }

    /// The addon of that id.
    #[must_use]
    pub fn addon(&self, id: AddonId) -> Option<&Addon> {
        self.addons.iter().find(|a| a.id == id)
    }

    /// The addons of a tariff that are for sale, in its order.
    pub fn addons_of<'a>(&'a self, tariff: &'a Tariff) -> impl Iterator<Item = &'a Addon> {
        tariff.addons.iter().filter_map(|id| self.addon(*id)).filter(|a| a.for_sale)
    }

    /// The group of that key.
    #[must_use]
    pub fn group(&self, key: &str) -> Option<&AddonGroup> {
        self.groups.iter().find(|g| g.key == key)
    }

    /// The image of that id.
    #[must_use]
    pub fn image(&self, id: &ImageId) -> Option<&OsImage> {
        self.images.iter().find(|i| i.id == *id)
    }

    /// The node that a new server of a tariff is made on: the first open one of its driver.
    #[must_use]
    pub fn node_for(&self, tariff: &Tariff) -> Option<&Node> {
        let Handling::Driver(driver) = &tariff.handling else { return None };
        self.nodes.iter().find(|node| node.open && node.driver == *driver)
    }

    /// The pools that a server of a tariff, on a node if it has one, gets addresses of: those of IPv4, then those of
    /// IPv6, each in the catalogue's order. It gets one address of each family that has any.
    #[must_use]
    pub fn pools_for(&self, tariff: TariffId, node: Option<&str>) -> [Vec<&Pool>; 2] {
        let serving = self.pools.iter().filter(|pool| pool.open && pool.serves(tariff, node));
        let (v4, v6) = serving.partition(|pool| pool.network.is_ipv4());
        [v4, v6]
    }

    /// The pool that an address is of: the one that hands it out, else one of whose network it is.
    #[must_use]
    pub fn pool_of(&self, ip: IpAddr) -> Option<&Pool> {
        let handing_out = self.pools.iter().find(|pool| pool.handed_out().iter().any(|range| range.contains(ip)));
        handing_out.or_else(|| self.pools.iter().find(|pool| pool.contains(ip)))
    }
}
