//! What is due of an order on a day.

use jiff::civil::Date;

use super::Policy;
use crate::{
    calendar::{Months, days_between},
    catalogue::Tariff,
    orders::{Order, OrderState, SuspendedBy},
};

/// An order, with what only the billing run asks of it.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// The order.
    pub order: &'a Order,
    /// The day it was ordered.
    pub ordered_on: Date,
    /// Whether it renews by itself, from the balance.
    pub auto_renew: bool,
    /// The day its grace was found to be over. It is kept from then on.
    pub lapsed_on: Option<Date>,
    /// The period that was paid last.
    pub last_months: Option<Months>,
    /// Whether a proforma was raised ahead for its renewal.
    pub has_proforma: bool,
}

/// How an order that isn't renewed goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its grace is over: the system suspends it.
    Suspend,
    /// Its grace is over, and its customer has it suspended already: the days that it is kept begin.
    Mark,
    /// It was kept long enough: it ends for good.
    Terminate,
    /// Nobody paid for it: it ends before it began.
    Expire,
}

/// What is due of an order. Each is tried in this order, and a renewal that succeeds takes the place of the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Due {
    /// Pay the renewal that its customer asked for and could not pay then.
    pub pay_owed: bool,
    /// Renew it from the balance, for so long.
    pub renew: Option<Months>,
    /// Raise a proforma for its renewal, for so long.
    pub raise: Option<Months>,
    /// Go on towards its end.
    pub end: Option<End>,
}

impl Due {
    /// Whether nothing is.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// The period of a renewal that nobody chose: the one paid last, else the tariff's shortest; `None` when the tariff has
/// none for renewals.
#[must_use]
pub fn renewal_period(tariff: &Tariff, last: Option<Months>) -> Option<Months> {
    let allowed = || tariff.periods.iter().filter(|p| p.for_renewal).map(|p| p.months);
    allowed().find(|months| Some(*months) == last).or_else(|| allowed().min())
}

/// What is due of an order on `day`.
///
/// An order is overdue once its paid-until day is past (CONTRACT 1.5). It runs on for the days of grace, is suspended, is
/// kept from that day on, and ends. The days it is kept count from its suspension and not from its paid-until day: when
/// the run stood still, nobody is suspended and ended on one day.
#[must_use]
pub fn due(of: &Standing<'_>, tariff: Option<&Tariff>, policy: &Policy, day: Date) -> Due {
    match of.order.state {
        OrderState::Provisioning | OrderState::Active | OrderState::Suspended => {}
        OrderState::AwaitingPayment => {
            let expired = days_between(of.ordered_on, day) >= i32::from(policy.unpaid_order_days);
            return Due { end: expired.then_some(End::Expire), ..Due::default() };
        }
        // For staff to make, or over: nothing of it goes by itself.
        OrderState::Manual | OrderState::Terminated => return Due::default(),
    }
    let Some(left) = of.order.days_left(day) else { return Due::default() };
    let lapse = policy.lapse.of(tariff);
    let end = match of.lapsed_on {
        Some(since) if days_between(since, day) >= i32::from(lapse.keep_days) => Some(End::Terminate),
        Some(_) => None,
        None if left >= -i32::from(lapse.grace_days) => None,
        None if of.order.suspended_by == Some(SuspendedBy::Customer) => Some(End::Mark),
        None => Some(End::Suspend),
    };
    let renews = of.auto_renew && left <= i32::from(policy.renew_days_before);
    let ahead = if of.auto_renew { policy.renew_days_before } else { policy.proforma_days_before };
    let raises = left <= i32::from(ahead) && !of.has_proforma && end != Some(End::Terminate);
    let months = tariff.and_then(|tariff| renewal_period(tariff, of.last_months));
    let months = months.filter(|_| !of.order.has_unpaid_invoice);
    Due {
        pay_owed: renews && of.order.has_unpaid_invoice,
        renew: months.filter(|_| renews),
        raise: months.filter(|_| raises),
        end,
    }
}
