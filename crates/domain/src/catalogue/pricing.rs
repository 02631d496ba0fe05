//! The catalogue's prices in a customer's currency: its own there, or converted at a day's rate.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Addon, Catalogue, PriceError, Tariff};
use crate::{
    calendar::days_between,
    money::{Currency, Money, Rate},
};

/// An entry's own prices in a currency, which go before conversion. What is not given is converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OwnPrices {
    /// Of a month, in that currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly: Option<Money>,
    /// Of setting up, in that currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup: Option<Money>,
}

/// A rate with the day that it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatedRate {
    /// Units of the currency for one of the catalogue's.
    pub rate: Rate,
    /// Its day; none for the catalogue file's, which says none.
    pub day: Option<Date>,
}

/// The rate that prices of an invoice were converted at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion {
    /// The catalogue's currency.
    pub base: Currency,
    /// The rate, and its day.
    pub rate: DatedRate,
}

/// Where a price is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "from")]
pub enum Origin {
    /// It stands so in the catalogue, whose currency is the customer's; or it is nothing in any currency.
    Catalogue,
    /// It is the entry's own price in the customer's currency.
    Own,
    /// It was converted, rounded half up.
    Rate {
        /// As it stands in the catalogue.
        base: Money,
    },
    /// Staff fixed it for the order.
    Staff,
    /// It was reckoned from prices of units, each converted and rounded by itself.
    Units,
}

/// A price, and where it is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Priced {
    /// The price, in the customer's currency.
    pub price: Money,
    /// Where it is from.
    pub origin: Origin,
}

/// The catalogue's prices in a currency on a day.
#[derive(Debug, Clone, Copy)]
pub struct Pricing<'a> {
    catalogue: &'a Catalogue,
    currency: Currency,
    day: Date,
}

impl Catalogue {
    /// Its prices in a currency on a day.
    #[must_use]
    pub const fn pricing(&self, currency: Currency, day: Date) -> Pricing<'_> {
        Pricing { catalogue: self, currency, day }
    }

    /// The rate of a currency on a day: the newest that had begun, else the catalogue file's.
    ///
    /// # Errors
    /// [`PriceError::NoRate`].
    pub fn rate_on(&self, wanted: Currency, day: Date) -> Result<DatedRate, PriceError> {
        let daily = self.daily.get(&wanted).and_then(|rates| rates.range(..=day).next_back());
        let daily = daily.map(|(day, rate)| DatedRate { rate: *rate, day: Some(*day) });
        let undated = || self.rates.get(&wanted).map(|rate| DatedRate { rate: *rate, day: None });
        daily.or_else(undated).ok_or(PriceError::NoRate { base: self.base, wanted })
    }
}

impl DatedRate {
    /// How many days old it is on a day; none for a rate without a day, which never grows old.
    #[must_use]
    pub fn age(&self, day: Date) -> Option<i32> {
        self.day.map(|of| days_between(of, day))
    }
}

impl Pricing<'_> {
    /// A price that has none of its own in any currency.
    ///
    /// # Errors
    /// [`PriceError`].
    pub fn convert(&self, price: Money) -> Result<Priced, PriceError> {
        if price.currency() == self.currency {
            return Ok(Priced { price, origin: Origin::Catalogue });
        }
        // Nothing is nothing in any currency: no rate is needed for it.
        if price.is_zero() {
            return Ok(Priced { price: Money::zero(self.currency), origin: Origin::Catalogue });
        }
        let DatedRate { rate, .. } = self.catalogue.rate_on(self.currency, self.day)?;
        Ok(Priced { price: rate.convert(price, self.currency)?, origin: Origin::Rate { base: price } })
    }

    fn of(&self, price: Money, own: Option<Money>) -> Result<Priced, PriceError> {
        own.map_or_else(|| self.convert(price), |price| Ok(Priced { price, origin: Origin::Own }))
    }

    fn own(&self, prices: &BTreeMap<Currency, OwnPrices>) -> OwnPrices {
        prices.get(&self.currency).copied().unwrap_or_default()
    }

    /// A month of a tariff.
    ///
    /// # Errors
    /// [`PriceError`].
    pub fn tariff_monthly(&self, tariff: &Tariff) -> Result<Priced, PriceError> {
        self.of(tariff.monthly, self.own(&tariff.prices).monthly)
    }

    /// Setting a tariff up.
    ///
    /// # Errors
    /// [`PriceError`].
    pub fn tariff_setup(&self, tariff: &Tariff) -> Result<Priced, PriceError> {
        self.of(tariff.setup, self.own(&tariff.prices).setup)
    }

    /// A month of one of an addon.
    ///
    /// # Errors
    /// [`PriceError`].
    pub fn addon_monthly(&self, addon: &Addon) -> Result<Priced, PriceError> {
        self.of(addon.monthly, self.own(&addon.prices).monthly)
    }

    /// Setting one of an addon up.
    ///
    /// # Errors
    /// [`PriceError`].
    pub fn addon_setup(&self, addon: &Addon) -> Result<Priced, PriceError> {
        self.of(addon.setup, self.own(&addon.prices).setup)
    }

    /// The rate behind prices of these origins; none where none of them was converted.
    ///
    /// # Errors
    /// [`PriceError::NoRate`].
    pub fn conversion(&self, origins: impl IntoIterator<Item = Origin>) -> Result<Option<Conversion>, PriceError> {
        let base = self.catalogue.base;
        let converted = origins.into_iter().any(|origin| match origin {
            Origin::Rate { .. } => true,
            Origin::Units => base != self.currency,
            Origin::Catalogue | Origin::Own | Origin::Staff => false,
        });
        if !converted {
            return Ok(None);
        }
        Ok(Some(Conversion { base, rate: self.catalogue.rate_on(self.currency, self.day)? }))
    }
}
