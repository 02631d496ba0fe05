//! An amount of money.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Currency, format_fixed, parse_fixed};

/// An amount in minor units of its currency. Arithmetic is checked and never mixes currencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// What can go wrong with an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a plain decimal with at most the currency's places.
    #[error("{text:?} is not an amount in {currency}: write a plain decimal with at most {} places", .currency.digits())]
    NotAnAmount {
        /// What was given.
        text: String,
        /// The currency it was to be in.
        currency: Currency,
    },
    /// Two currencies met.
    #[error("{0} and {1} can't be reckoned together")]
    Mixed(Currency, Currency),
    /// The result does not fit 64 bits of minor units.
    #[error("the amount is too large")]
    TooLarge,
}

impl Money {
    /// So many minor units (cents, yen, fils) of a currency.
    #[must_use]
    pub const fn minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in a currency.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self::minor(0, currency)
    }

    /// Reads a plain decimal of at most the currency's places: `12.5` EUR is 1250 minor units.
    ///
    /// # Errors
    /// [`MoneyError::NotAnAmount`].
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        parse_fixed(text, currency.digits())
            .map(|minor| Self::minor(minor, currency))
            .ok_or_else(|| MoneyError::NotAnAmount { text: text.to_owned(), currency })
    }

    /// The minor units.
    #[must_use]
    pub const fn in_minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether this is nothing at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyError::Mixed`], [`MoneyError::TooLarge`].
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::TooLarge)?;
        Ok(Self { minor, ..self })
    }

    /// The difference.
    ///
    /// # Errors
    /// [`MoneyError::Mixed`], [`MoneyError::TooLarge`].
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        let minor = self.minor.checked_sub(other.minor).ok_or(MoneyError::TooLarge)?;
        Ok(Self { minor, ..self })
    }

    /// So many times this.
    ///
    /// # Errors
    /// [`MoneyError::TooLarge`].
    pub fn times(self, count: u32) -> Result<Self, MoneyError> {
        let minor = self.minor.checked_mul(i64::from(count)).ok_or(MoneyError::TooLarge)?;
        Ok(Self { minor, ..self })
    }

    fn same(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::Mixed(self.currency, other.currency)) }
    }
}

/// The amount alone, with exactly its currency's places: `12.50`, `1250`, `0.500` (CONTRACT 1.2).
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_fixed(self.minor, self.currency.digits()))
    }
}
