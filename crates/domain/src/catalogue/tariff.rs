//! Tariffs and the periods they are sold for.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, str::FromStr};

use super::{AddonId, ImageId, OwnPrices, ServerPlan, UnitPrices};
use crate::{
    calendar::Months,
    money::{Currency, Money, Percent},
};

/// A tariff's number, as clients know it (`tarifid`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TariffId(pub i64);

impl fmt::Display for TariffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The kind of a tariff (`vid`, CONTRACT 1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Vid {
    /// Web hosting, the default.
    #[default]
    Hosting,
    /// A virtual server.
    Vds,
    /// A machine of the customer's own.
    Dedicated,
}

impl Vid {
    /// All kinds.
    pub const ALL: [Vid; 3] = [Vid::Hosting, Vid::Vds, Vid::Dedicated];

    /// As it stands on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hosting => "hosting",
            Self::Vds => "vds",
            Self::Dedicated => "dedicated",
        }
    }

    /// Whether it is a server that can be restarted and reinstalled.
    #[must_use]
    pub const fn is_server(self) -> bool {
        matches!(self, Self::Vds | Self::Dedicated)
    }
}

impl FromStr for Vid {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|v| v.name() == text);
        found.ok_or_else(|| format!("{text:?} is not a kind of tariff: hosting, vds or dedicated"))
    }
}

impl fmt::Display for Vid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name of a hypervisor driver (`simulated`, …).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DriverName(pub String);

/// Who makes an order's service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Handling {
    /// The provisioner, through this driver.
    Driver(DriverName),
    /// A member of staff; the reseller is told so (code 30).
    Manual,
}

/// A period that a tariff can be had for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// Its length.
    pub months: Months,
    /// The discount on the monthly price.
    pub discount: Percent,
    /// Whether new orders can have it.
    pub for_new: bool,
    /// Whether renewals can have it.
    pub for_renewal: bool,
}

/// A tariff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tariff {
    /// Its number.
    pub id: TariffId,
    /// Its kind.
    pub vid: Vid,
    /// Its name, the same in all languages.
    pub name: String,
    /// The price of a month, in the catalogue's base currency.
    pub monthly: Money,
    /// The price of setting it up, in the catalogue's base currency.
    pub setup: Money,
    /// Its own prices in other currencies.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: BTreeMap<Currency, OwnPrices>,
    /// Whether it can be ordered without a domain.
    pub without_domain: bool,
    /// Whether a customer can have it only once, ever (code 27).
    pub once_per_customer: bool,
    /// Whether it can be ordered. One that can't is still renewed.
    pub for_sale: bool,
    /// Who makes its orders' services.
    pub handling: Handling,
    /// Periods, in the order they are shown.
    pub periods: Vec<Period>,
    /// Addons, in the order they are shown.
    pub addons: Vec<AddonId>,
    /// Images that its servers can have, in the order they are shown.
    pub images: Vec<ImageId>,
    /// What a server of it is made of; `None` for hosting.
    pub plan: Option<ServerPlan>,
    /// What a change of the plan costs a month; `None` where it can't be changed.
    pub units: Option<UnitPrices>,
    /// Days that an overdue order runs on; the company's where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_days: Option<u16>,
    /// Days that a suspended order is kept; the company's where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<u16>,
}

impl Tariff {
    /// The period of that length.
    #[must_use]
    pub fn period(&self, months: Months) -> Option<&Period> {
        self.periods.iter().find(|p| p.months == months)
    }
}
