//! Percentages: discounts and VAT rates.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{format_fixed, parse_fixed};

/// A share between 0 and 100 %, in hundredths of a percent (basis points).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Percent(u16);

/// Not a percentage between 0 and 100 with at most two decimals: what was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a percentage between 0 and 100 with at most two decimals")]
pub struct PercentError(pub String);

impl Percent {
    /// Nothing off, nothing on.
    pub const ZERO: Percent = Percent(0);
    /// Basis points of the whole.
    pub const WHOLE: i64 = 10_000;

    /// So many basis points.
    ///
    /// # Errors
    /// [`PercentError`] outside 0..=10000.
    pub fn basis_points(points: i64) -> Result<Self, PercentError> {
        match u16::try_from(points) {
            Ok(p) if points <= Self::WHOLE => Ok(Self(p)),
            _ => Err(PercentError(points.to_string())),
        }
    }

    /// In basis points.
    #[must_use]
    pub fn in_basis_points(self) -> i64 {
        i64::from(self.0)
    }

    /// What is left of the whole, in basis points.
    #[must_use]
    pub fn remainder(self) -> i64 {
        Self::WHOLE - self.in_basis_points()
    }
}

impl TryFrom<i64> for Percent {
    type Error = PercentError;
    fn try_from(points: i64) -> Result<Self, Self::Error> {
        Self::basis_points(points)
    }
}

impl From<Percent> for i64 {
    fn from(percent: Percent) -> Self {
        percent.in_basis_points()
    }
}

impl FromStr for Percent {
    type Err = PercentError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_fixed(text, 2)
            .and_then(|points| Self::basis_points(points).ok())
            .ok_or_else(|| PercentError(text.to_owned()))
    }
}

/// The shortest form: `0`, `5`, `12.5` (CONTRACT 1.2).
impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let full = format_fixed(self.in_basis_points(), 2);
        f.write_str(full.trim_end_matches('0').trim_end_matches('.'))
    }
}
