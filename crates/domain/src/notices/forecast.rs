//! When a balance will no longer do for the renewals that are coming.

use jiff::civil::Date;

use crate::{
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

/// A balance that won't do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortfall {
    /// The day of the first renewal that it won't do for.
    pub day: Date,
    /// The orders that won't be renewed, in the order of their days.
    pub orders: Vec<OrderId>,
    /// How much more would do for all of them.
    pub missing: Money,
}

/// Renews in thought, day by day and order by order as the billing run does: one that costs more than what is left is
/// passed over, and cheaper ones after it may still be paid. `None` when all can be.
///
/// # Errors
/// [`MoneyError`] when currencies differ or a sum is beyond all bounds.
pub fn forecast(balance: Money, upcoming: &[Upcoming]) -> Result<Option<Shortfall>, MoneyError> {
    let mut coming = upcoming.to_vec();
    coming.sort_unstable_by_key(|renewal| (renewal.day, renewal.order.0));
    let (mut left, mut total) = (balance, Money::zero(balance.currency()));
    let mut short: Option<(Date, Vec<OrderId>)> = None;
    for Upcoming { day, order, cost } in coming {
        total = total.plus(cost)?;
        let after = left.minus(cost)?;
        if after.in_minor() >= 0 {
            left = after;
            continue;
        }
        short.get_or_insert_with(|| (day, Vec::new())).1.push(order);
    }
    let Some((day, orders)) = short else { return Ok(None) };
    Ok(Some(Shortfall { day, orders, missing: total.minus(balance)? }))
}
