//! Days, calendar months and the company's time zone.

use std::time::Duration;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// A number of calendar months that something is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Months(u16);

impl Months {
    /// The longest period that can be sold: ten years.
    pub const MAX: u16 = 120;

    /// A period of `count` months; `None` for 0 or more than [`Months::MAX`].
    #[must_use]
    pub fn new(count: u16) -> Option<Self> {
        (1..=Self::MAX).contains(&count).then_some(Self(count))
    }

    /// Plain decimal digits; leading zeros are allowed (`01` is `1`, CONTRACT 1.1).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_digits(text).and_then(|n| u16::try_from(n).ok()).and_then(Self::new)
    }

    /// How many.
    #[must_use]
    pub const fn count(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Months {
    type Error = String;
    fn try_from(count: u16) -> Result<Self, Self::Error> {
        Self::new(count).ok_or_else(|| format!("{count} is not a number of months between 1 and {}", Self::MAX))
    }
}

impl From<Months> for u16 {
    fn from(months: Months) -> Self {
        months.count()
    }
}

impl std::fmt::Display for Months {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Plain ASCII digits as a number; `None` for anything else, an empty text and what exceeds 63 bits.
#[must_use]
pub fn parse_digits(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// The day `months` after `from`, on the day of month `anchor` or the month's last where it has no such day.
///
/// The anchor is the day of the order's start, so that 31 Jan → 28 Feb → 31 Mar (CONTRACT 1.5, renewOrder).
/// `None` past the calendar's end.
#[must_use]
pub fn add_months(from: Date, months: Months, anchor: i8) -> Option<Date> {
    let month0 = i32::from(from.year()) * 12 + i32::from(from.month()) - 1 + i32::from(months.count());
    let year = i16::try_from(month0.div_euclid(12)).ok()?;
    let month = i8::try_from(month0.rem_euclid(12) + 1).ok()?;
    let first = Date::new(year, month, 1).ok()?;
    Date::new(year, month, anchor.clamp(1, first.days_in_month())).ok()
}

/// The day that `moment` falls on in the company's time zone (CONTRACT 1.2).
#[must_use]
pub fn day_of(moment: Timestamp, zone: &TimeZone) -> Date {
    moment.to_zoned(zone.clone()).date()
}

/// `YYYY-MM-DD HH:MM:SS` in the company's time zone (CONTRACT 1.2).
#[must_use]
pub fn moment_text(moment: Timestamp, zone: &TimeZone) -> String {
    moment.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `YYYY-MM-DD` and nothing else; `None` for days that are not there.
#[must_use]
pub fn parse_day(text: &str) -> Option<Date> {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, b)| match at {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        });
    if shape { text.parse().ok() } else { None }
}

/// A span of time that is more than none, in days (`400d`) or hours (`12h`).
#[must_use]
pub fn parse_span(text: &str) -> Option<Duration> {
    let (count, hours) = match (text.strip_suffix('d'), text.strip_suffix('h')) {
        (Some(days), _) => (days, 24),
        (None, Some(hours)) => (hours, 1),
        (None, None) => return None,
    };
    let hours = u64::try_from(parse_digits(count)?).ok()?.checked_mul(hours)?;
    hours.checked_mul(3600).filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

/// Days from `from` until `to`; negative when `to` is past.
#[must_use]
pub fn days_between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}
