//! What a line's figure was reckoned from, beyond what stands on paper: kept with the line, so that it can be explained.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    catalogue::Origin,
    money::{Money, Percent},
};

/// What a line was reckoned from. It stands with the line from its issue on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Working {
    /// Where its unit price is from.
    pub origin: Origin,
    /// The price of a month before rounding, in `1 / RESOURCE_SCALE` of a minor unit, where it isn't the unit price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact_monthly: Option<i64>,
    /// The part of a paid interval that the line is for; none for a whole one, and for what is paid once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<PartOfInterval>,
    /// The line's price before VAT was taken out or added.
    pub price: Money,
}

/// The days of a paid interval that something is paid for, from a day to the interval's end, and the interval's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartOfInterval {
    /// From this day on.
    pub from: Date,
    /// The interval's end, which isn't paid for any more.
    pub until: Date,
    /// The days from the one to the other.
    pub days: i32,
    /// The days of the interval.
    pub of_days: i32,
    /// The interval's months.
    pub months: u16,
    /// The discount on the monthly price.
    pub discount: Percent,
}
