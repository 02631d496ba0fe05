//! What a mistake or a change is about.

use std::fmt;

use domain::{
    calendar::Months,
    catalogue::{AddonId, ImageId, TariffId},
    money::Currency,
};

/// An entry of the catalogue. It reads as `tariff 10 / period 24`, in mistakes and plans alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The catalogue as a whole: its currency, and the order of its lists.
    Catalogue,
    /// The exchange rate of a currency.
    Rate(Currency),
    /// A hypervisor, by its name.
    Node(String),
    /// An image.
    Image(ImageId),
    /// A group of addons, by its key.
    Group(String),
    /// An addon.
    Addon(AddonId),
    /// A tariff.
    Tariff(TariffId),
    /// A tariff's period.
    Period(TariffId, Months),
    /// A pool of addresses, by its name.
    Pool(String),
}

impl Subject {
    /// The entry's own id, as the file writes it.
    pub(crate) fn id(&self) -> String {
        match self {
            Self::Catalogue => String::new(),
            Self::Rate(currency) => currency.to_string(),
            Self::Node(key) | Self::Group(key) | Self::Pool(key) => key.clone(),
            Self::Image(id) => id.to_string(),
            Self::Addon(id) => id.to_string(),
            Self::Tariff(id) => id.to_string(),
            Self::Period(_, months) => months.to_string(),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Catalogue => return f.write_str("catalogue"),
            Self::Rate(_) => "rate",
            Self::Node(_) => "node",
            Self::Image(_) => "image",
            Self::Group(_) => "group",
            Self::Addon(_) => "addon",
            Self::Tariff(_) => "tariff",
            Self::Pool(_) => "pool",
            Self::Period(tariff, months) => return write!(f, "tariff {tariff} / period {months}"),
        };
        write!(f, "{kind} {}", self.id())
    }
}
