//! Many samples in one row, without losing what averages need.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Sample, Series};

/// Some values of one series: enough to join rows into coarser ones and still know the exact average.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollup {
    /// The values' sum.
    pub sum: i64,
    /// How many there are.
    pub count: i64,
    /// The highest; 0 when there are none.
    pub max: i64,
}

impl Rollup {
    /// One value.
    #[must_use]
    pub const fn of(value: i64) -> Self {
        Self { sum: value, count: 1, max: value }
    }

    /// The values of both.
    #[must_use]
    pub const fn joined(self, other: Self) -> Self {
        let max = match (self.count > 0, other.count > 0) {
            (true, true) if self.max > other.max => self.max,
            (true, false) => self.max,
            _ => other.max,
        };
        Self { sum: self.sum.saturating_add(other.sum), count: self.count.saturating_add(other.count), max }
    }

    /// The average, half up; `None` when there are no values.
    #[must_use]
    pub fn average(self) -> Option<i64> {
        let (sum, count) = (i128::from(self.sum), i128::from(self.count));
        if count <= 0 { None } else { i64::try_from((2 * sum + count).div_euclid(2 * count)).ok() }
    }
}

/// A row: some samples of one server, each series by itself. A series without values has no entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rollups(BTreeMap<Series, Rollup>);

impl Rollups {
    /// A row of one sample.
    #[must_use]
    pub fn of(sample: &Sample) -> Self {
        Self(Series::ALL.into_iter().filter_map(|series| Some((series, Rollup::of(sample.get(series)?)))).collect())
    }

    /// Adds the values of `other`.
    pub fn join(&mut self, other: &Self) {
        for (&series, &more) in &other.0 {
            let rollup = self.0.entry(series).or_default();
            *rollup = rollup.joined(more);
        }
    }

    /// Puts `rollup` in the place of what the row has of `series`.
    pub fn set(&mut self, series: Series, rollup: Rollup) {
        self.0.insert(series, rollup);
    }

    /// What the row has of a series.
    #[must_use]
    pub fn get(&self, series: Series) -> Rollup {
        self.0.get(&series).copied().unwrap_or_default()
    }

    /// Whether no series has a value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.values().all(|rollup| rollup.count == 0)
    }
}
