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

/// What a customer has to pay with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Funds {
    credit: Money,
    /// What is left of bonuses, with their last days, the earliest first.
    bonuses: Vec<(Date, Money)>,
}

impl Funds {
    /// Credit, and what is left of bonuses, with the last day of those that have one.
    #[must_use]
    pub fn new(credit: Money, bonuses: impl IntoIterator<Item = (Option<Date>, Money)>) -> Self {
        let mut bonuses: Vec<_> = bonuses.into_iter().map(|(last, left)| (last.unwrap_or(Date::MAX), left)).collect();
        bonuses.sort_unstable_by_key(|(last, _)| *last);
        Self { credit, bonuses }
    }

    /// Takes what is paid on a day from the bonuses that have not ended by then. What is left to pay.
    fn spend_bonus(&mut self, day: Date, cost: Money) -> Result<Money, MoneyError> {
        let mut rest = cost;
        for (_, left) in self.bonuses.iter_mut().filter(|(last, _)| *last >= day) {
            let share = if left.in_minor() < rest.in_minor() { *left } else { rest };
            (*left, rest) = (left.minus(share)?, rest.minus(share)?);
        }
        Ok(rest)
    }

    /// What is left once it has paid on a day; `None` when it won't do.
    fn paying(&self, day: Date, cost: Money) -> Result<Option<Self>, MoneyError> {
        let mut left = self.clone();
        let rest = left.spend_bonus(day, cost)?;
        left.credit = left.credit.minus(rest)?;
        Ok((left.credit.in_minor() >= 0).then_some(left))
    }
}

/// A balance that won't do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortfall {
    /// The day of the first renewal that it won't do for.
    pub day: Date,
    /// The orders that won't be renewed, in the order of their days.
    pub orders: Vec<OrderId>,
    /// How much more credit would do for all renewals.
    pub missing: Money,
}

/// Renews in thought, day by day and order by order as the billing run does: one that costs more than what is left is
/// passed over, and cheaper ones after it may still be paid. What was passed over is not renewed later, either, since
/// there is never more left. Bonuses are spent first, and end. `None` when all can be.
///
/// # Errors
/// [`MoneyError`] when currencies differ or a sum is beyond all bounds.
pub fn forecast(funds: &Funds, upcoming: &[Upcoming]) -> Result<Option<Shortfall>, MoneyError> {
    let mut coming = upcoming.to_vec();
    coming.sort_unstable_by_key(|renewal| (renewal.day, renewal.order.0));
    let (mut left, mut of_all) = (funds.clone(), funds.clone());
    let mut wanted = Money::zero(funds.credit.currency());
    let (mut passed_over, mut short): (BTreeSet<i64>, Option<(Date, Vec<OrderId>)>) = (BTreeSet::new(), None);
    for Upcoming { day, order, cost } in coming {
        wanted = wanted.plus(of_all.spend_bonus(day, cost)?)?;
        if passed_over.contains(&order.0) {
            continue;
        }
        match left.paying(day, cost)? {
            Some(after) => left = after,
            None => {
                passed_over.insert(order.0);
                short.get_or_insert_with(|| (day, Vec::new())).1.push(order);
            }
        }
    }
    let Some((day, orders)) = short else { return Ok(None) };
    Ok(Some(Shortfall { day, orders, missing: wanted.minus(funds.credit)? }))
}
