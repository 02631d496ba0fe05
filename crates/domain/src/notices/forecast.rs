//! When a balance will no longer do for the renewals that are coming.

use std::collections::BTreeSet;

use jiff::{ToSpan, civil::Date};

use crate::{
    calendar::{Months, add_months},
    money::{Money, MoneyError},
    orders::OrderId,
};

/// A renewal that is coming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upcoming {
    /// The day the billing run tries it.
    pub day: Date,
    /// Of which order.
    pub order: OrderId,
    /// What it costs, at the prices of today.
    pub cost: Money,
}

/// An order that renews by itself, again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewing {
    /// Which.
    pub order: OrderId,
    /// Until when it is paid.
    pub until: Date,
    /// The day of month that its renewals keep.
    pub anchor: i8,
    /// For so long each time.
    pub months: Months,
    /// What each costs, at the prices of today.
    pub cost: Money,
}

impl Renewing {
    /// Its renewals up to the day `last`, each tried so many days before what is paid by then ends.
    pub fn upcoming(&self, days_before: u16, last: Date) -> impl Iterator<Item = Upcoming> {
        let Self { order, until, anchor, months, cost } = *self;
        let ends = std::iter::successors(Some(until), move |until| add_months(*until, months, anchor));
        let days = ends.map_while(move |until| until.checked_sub(i64::from(days_before).days()).ok());
        days.take_while(move |day| *day <= last).map(move |day| Upcoming { day, order, cost })
    }
}

/// A balance that won't do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortfall {
    /// The day of the first renewal that it won't do for.
    pub day: Date,
    /// The orders that won't be renewed, in the order of their days.
    pub orders: Vec<OrderId>,
    /// How much more would do for all of their renewals.
    pub missing: Money,
}

/// Renews in thought, day by day and order by order as the billing run does: one that costs more than what is left is
/// passed over, and cheaper ones after it may still be paid. What was passed over is not renewed later, either, since
/// there is never more left. `None` when all can be.
///
/// # Errors
/// [`MoneyError`] when currencies differ or a sum is beyond all bounds.
pub fn forecast(balance: Money, upcoming: &[Upcoming]) -> Result<Option<Shortfall>, MoneyError> {
    let mut coming = upcoming.to_vec();
    coming.sort_unstable_by_key(|renewal| (renewal.day, renewal.order.0));
    let (mut left, mut total) = (balance, Money::zero(balance.currency()));
    let (mut passed_over, mut short): (BTreeSet<i64>, Option<(Date, Vec<OrderId>)>) = (BTreeSet::new(), None);
    for Upcoming { day, order, cost } in coming {
        total = total.plus(cost)?;
        if passed_over.contains(&order.0) {
            continue;
        }
        let after = left.minus(cost)?;
        if after.in_minor() >= 0 {
            left = after;
            continue;
        }
        passed_over.insert(order.0);
        short.get_or_insert_with(|| (day, Vec::new())).1.push(order);
    }
    let Some((day, orders)) = short else { return Ok(None) };
    Ok(Some(Shortfall { day, orders, missing: total.minus(balance)? }))
}
