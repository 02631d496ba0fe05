//! How finely the past is remembered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How long a stretch of time one row tells of, and for how long such rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// Five minutes, kept for 26 hours: for the graph of a day.
    Fine,
    /// Half an hour, kept for 8 days: for the graph of a week.
    HalfHour,
    /// Two hours, kept for 32 days: for the graph of a month.
    TwoHours,
    /// A day, kept for 400 days: for the graph of a year.
    Day,
}

/// The most rows that the usage of one server takes, of all resolutions: 312 + 384 + 384 + 400. Each is a row per
/// server and start, with every series in it.
pub const ROWS_PER_SERVER: i64 =
    Resolution::Fine.rows() + Resolution::HalfHour.rows() + Resolution::TwoHours.rows() + Resolution::Day.rows();

impl Resolution {
    /// All of them, the finest first.
    pub const ALL: [Self; 4] = [Self::Fine, Self::HalfHour, Self::TwoHours, Self::Day];

    /// The name that it is stored under.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::HalfHour => "half_hour",
            Self::TwoHours => "two_hours",
            Self::Day => "day",
        }
    }

    /// The length of a row's time, in seconds.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Fine => 5 * 60,
            Self::HalfHour => 30 * 60,
            Self::TwoHours => 2 * 3600,
            Self::Day => 24 * 3600,
        }
    }

    /// How many rows of a server are kept at most.
    #[must_use]
    pub const fn rows(self) -> i64 {
        match self {
            Self::Fine => 26 * 12,
            Self::HalfHour => 8 * 48,
            Self::TwoHours => 32 * 12,
            Self::Day => 400,
        }
    }

    /// The start of the oldest row that is kept at `now`: rows that start earlier are to be deleted.
    #[must_use]
    pub fn oldest(self, now: Timestamp) -> Timestamp {
        let start = bucket(self, now).as_second() - (self.rows() - 1) * self.seconds();
        Timestamp::from_second(start).unwrap_or(Timestamp::MIN)
    }
}

/// The start of the row that `moment` belongs to. Rows start at whole multiples of their length in UTC, so that a
/// row lies within one row of each coarser resolution; a day's row is a day of UTC.
#[must_use]
pub fn bucket(resolution: Resolution, moment: Timestamp) -> Timestamp {
    let second = moment.as_second() - i64::from(moment.subsec_nanosecond() < 0);
    Timestamp::from_second(second - second.rem_euclid(resolution.seconds())).unwrap_or(Timestamp::MIN)
}
