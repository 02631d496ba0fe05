//! The days that a payment pays for.

use jiff::civil::Date;

use crate::calendar::{Months, add_months};

/// Days paid for: from `from`, not including `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// The first day.
    pub from: Date,
    /// The day it is paid until.
    pub until: Date,
}

/// The first interval of an order that is paid `today`.
#[must_use]
pub fn first_interval(today: Date, months: Months) -> Option<Interval> {
    Some(Interval { from: today, until: add_months(today, months, today.day())? })
}

/// The interval that a renewal adds, from the old paid-until day, on the order's day of month (CONTRACT 1.5).
#[must_use]
pub fn next_interval(paid_until: Date, months: Months, anchor_day: i8) -> Option<Interval> {
    Some(Interval { from: paid_until, until: add_months(paid_until, months, anchor_day)? })
}
