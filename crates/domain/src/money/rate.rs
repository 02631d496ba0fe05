//! Exchange rates.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Currency, Money, MoneyError, divide_half_up, format_fixed, parse_fixed};

/// How many units of a currency one unit of the catalogue's base currency is worth, to nine decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Rate(i64);

/// Not a rate: what was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an exchange rate: write a plain positive decimal with at most nine places")]
pub struct RateError(pub String);

const PLACES: u32 = 9;
const ONE: i64 = 1_000_000_000;

impl Rate {
    /// One for one.
    pub const ONE: Rate = Rate(ONE);

    /// From billionths of a unit.
    ///
    /// # Errors
    /// [`RateError`] unless positive.
    pub fn billionths(value: i64) -> Result<Self, RateError> {
        if value > 0 { Ok(Self(value)) } else { Err(RateError(value.to_string())) }
    }

    /// In billionths of a unit.
    #[must_use]
    pub const fn in_billionths(self) -> i64 {
        self.0
    }

    /// What an amount in the base currency is worth in `target`, at `self` units of it for one; rounded once, half up.
    ///
    /// # Errors
    /// [`MoneyError::TooLarge`].
    pub fn convert(self, amount: Money, target: Currency) -> Result<Money, MoneyError> {
        let up = 10_i128.pow(target.digits());
        let down = 10_i128.pow(amount.currency().digits());
        let scaled = i128::from(amount.in_minor()) * i128::from(self.0);
        let scaled = scaled.checked_mul(up).ok_or(MoneyError::TooLarge)?;
        let minor = divide_half_up(scaled, down * i128::from(ONE));
        i64::try_from(minor).map(|m| Money::minor(m, target)).map_err(|_| MoneyError::TooLarge)
    }
}

impl TryFrom<i64> for Rate {
    type Error = RateError;
    fn try_from(value: i64) -> Result<Self, Self::Error> {
        Self::billionths(value)
    }
}

impl From<Rate> for i64 {
    fn from(rate: Rate) -> Self {
        rate.in_billionths()
    }
}

impl FromStr for Rate {
    type Err = RateError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_fixed(text, PLACES).and_then(|v| Self::billionths(v).ok()).ok_or_else(|| RateError(text.to_owned()))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(format_fixed(self.0, PLACES).trim_end_matches('0').trim_end_matches('.'))
    }
}
