//! Reminders and forecasts, against oracles that are written another way.

use domain::{
    calendar::Months,
    money::{Currency::EUR, Money},
    notices::{Funds, RemindDays, RemindDaysError, Renewing, Shortfall, Upcoming, forecast},
    orders::OrderId,
};
use jiff::{
    ToSpan,
    civil::{Date, date},
};
use proptest::prelude::*;

fn upcoming(of: &[(i8, i64)]) -> Vec<Upcoming> {
    let renewal = |(at, (day, cost)): (usize, &(i8, i64))| Upcoming {
        day: date(2027, 1, 1) + i64::from(*day).days(),
        order: OrderId(i64::try_from(at).unwrap()),
        cost: Money::minor(*cost, EUR),
    };
    of.iter().enumerate().map(renewal).collect()
}

proptest! {
    /// Living through the days one by one reminds once for each of the days that are reached, on that day.
    #[test]
    fn each_day_reminds_once(days in prop::collection::vec(1..=60_u16, 0..8), begins in 0..100_i32) {
        let remind = RemindDays::new(&days).unwrap();
        let mut seen = Vec::new();
        for left in (-5..=begins).rev() {
            if let Some(due) = remind.due(left) && seen.last() != Some(&due) {
                prop_assert!(i32::from(due) == left || left == begins, "{due} with {left} left");
                seen.push(due);
            }
        }
        let mut expected: Vec<u16> = remind.iter().filter(|day| i32::from(*day) <= begins).collect();
        // Who begins between two reminders gets the one that was reached.
        if let Some(reached) = remind.due(begins) && expected.first() != Some(&reached) {
            expected.insert(0, reached);
        }
        prop_assert_eq!(seen, expected);
    }

    /// With what is missing all are paid; with a cent less they are not.
    #[test]
    fn what_is_missing_is_what_would_do(
        balance in 0..5000_i64, of in prop::collection::vec((0..30_i8, 0..1000_i64), 0..12),
    ) {
        let coming = upcoming(&of);
        let at = |minor| forecast(&Funds::new(Money::minor(minor, EUR), []), &coming).unwrap();
        let total: i64 = of.iter().map(|(_, cost)| cost).sum();
        match at(balance) {
            None => prop_assert!(total <= balance),
            Some(short) => {
                prop_assert_eq!(short.missing.in_minor(), total - balance);
                prop_assert_eq!(at(total), None);
                prop_assert!(at(total - 1).is_some());
                let first = coming.iter().find(|c| Some(&c.order) == short.orders.first()).unwrap();
                prop_assert_eq!(first.day, short.day);
                // What is renewed all the same costs no more than there is.
                let paid: i64 =
                    coming.iter().filter(|c| !short.orders.contains(&c.order)).map(|c| c.cost.in_minor()).sum();
                prop_assert!(paid <= balance && !short.orders.is_empty());
            }
        }
    }
}

/// More than all costs, in cents.
const RICH: i64 = 1_000_000_000;

/// A life of orders, lived day by day: each has until when it is paid, the day of month it keeps, months and price.
struct Life {
    orders: Vec<(Date, i8, u16, i64)>,
    left: i64,
    /// Each with its last day.
    bonuses: Vec<(Date, i64)>,
    spent: i64,
    first: Option<Date>,
    lost: Vec<usize>,
}

impl Life {
    fn day(&mut self, day: Date, days_before: u16) {
        for (at, (until, anchor, months, cost)) in self.orders.iter_mut().enumerate() {
            if day < *until - i64::from(days_before).days() {
                continue;
            }
            let usable = self.bonuses.iter().filter(|(last, _)| *last >= day).map(|(_, left)| *left);
            if *cost > self.left + usable.sum::<i64>() {
                self.first.get_or_insert(day);
                if !self.lost.contains(&at) {
                    self.lost.push(at);
                }
                continue;
            }
            self.spent += *cost;
            let mut rest = *cost;
            for (_, left) in self.bonuses.iter_mut().filter(|(last, _)| *last >= day) {
                let share = rest.min(*left);
                (*left, rest) = (*left - share, rest - share);
            }
            self.left -= rest;
            let month = until.first_of_month() + i64::from(*months).months();
            *until = month + i64::from((*anchor).min(month.days_in_month()) - 1).days();
        }
    }
}

fn order() -> impl Strategy<Value = (u16, i8, u16, i64)> {
    // Renewed within the days or not, on a day of month of its own, and often monthly.
    (
        0..70_u16,
        1..=31_i8,
        prop_oneof![4 => Just(1_u16), 1 => 2..=12_u16],
        prop_oneof![9 => 1..900_i64, 1 => Just(5000)],
    )
}

proptest! {
    /// A forecast is what comes of living through the days, with each order renewed as often as it ends in them.
    #[test]
    fn a_forecast_is_what_comes_of_living_through_the_days(
        balance in 0..4000_i64, days_before in 0..20_u16, ahead in 1..=60_i64, begins in 0..400_i64,
        of in prop::collection::vec(order(), 0..8), given in prop::collection::vec((0..70_i64, 1..900_i64), 0..4),
    ) {
        let today = date(2027, 1, 1) + begins.days();
        let mut bonuses: Vec<(Date, i64)> = given.iter().map(|(days, left)| (today + days.days(), *left)).collect();
        bonuses.sort_unstable();
        let orders: Vec<(Date, i8, u16, i64)> = of
            .iter()
            .map(|(from, anchor, months, cost)| (today + i64::from(*from + days_before).days(), *anchor, *months, *cost))
            .collect();
        let last = today + ahead.days();
        let coming: Vec<Upcoming> = orders
            .iter()
            .enumerate()
            .flat_map(|(at, (until, anchor, months, cost))| {
                let (order, months) = (OrderId(i64::try_from(at).unwrap()), Months::new(*months).unwrap());
                let of = Renewing { order, until: *until, anchor: *anchor, months, cost: Money::minor(*cost, EUR) };
                of.upcoming(days_before, last).collect::<Vec<_>>()
            })
            .collect();
        let live = |left: i64| {
            let (orders, bonuses) = (orders.clone(), bonuses.clone());
            let mut life = Life { orders, left, bonuses, spent: 0, first: None, lost: Vec::new() };
            (0..=ahead).for_each(|after| life.day(today + after.days(), days_before));
            life
        };
        let (poor, rich) = (live(balance), live(RICH));
        let expected = poor.first.map(|day| Shortfall {
            day,
            orders: poor.lost.iter().map(|at| OrderId(i64::try_from(*at).unwrap())).collect(),
            missing: Money::minor(RICH - rich.left - balance, EUR),
        });
        let given = bonuses.iter().map(|(last, left)| (Some(*last), Money::minor(*left, EUR)));
        prop_assert_eq!(forecast(&Funds::new(Money::minor(balance, EUR), given), &coming).unwrap(), expected);
        prop_assert_eq!(coming.iter().map(|renewal| renewal.cost.in_minor()).sum::<i64>(), rich.spent);
    }
}

#[test]
fn a_balance_ends_on_the_day_of_the_first_renewal_that_it_won_t_do_for() {
    let coming = upcoming(&[(9, 300), (2, 500), (4, 900), (6, 100)]);
    let short = forecast(&Funds::new(Money::minor(700, EUR), []), &coming).unwrap().unwrap();
    assert_eq!(short.day, date(2027, 1, 5));
    assert_eq!(short.orders, [OrderId(2), OrderId(0)], "900 is too much, 100 is not, and then 300 is");
    assert_eq!(short.missing, Money::minor(1100, EUR));
}

#[test]
fn days_of_reminders_are_few_and_before_the_end() {
    assert_eq!(RemindDays::new(&[1, 14, 7, 7]).unwrap(), RemindDays::default());
    assert_eq!(RemindDays::new(&[]).unwrap().due(0), None);
    assert_eq!(RemindDays::new(&[0]), Err(RemindDaysError::Day(0)));
    assert_eq!(RemindDays::new(&[61]), Err(RemindDaysError::Day(61)));
    assert_eq!(RemindDays::new(&[1, 2, 3, 4, 5, 6, 7, 8, 9]), Err(RemindDaysError::TooMany));
    assert_eq!(RemindDays::default().due(0), Some(1), "the last day is the last reminder's, if it was not told yet");
}
