//! The billing run's decisions: which state at which day, and when a person is asked.

use domain::{
    catalogue::Tariff,
    dunning::{
        Due, End, Ends, Facts, Finding, FindingKind, Lapse, Limits, Payments, Policy, Release, Standing, TaskOutcomes,
        check, due, renewal_period, uncovered,
    },
    orders::{Order, OrderState, SuspendedBy},
};
use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date};
use proptest::prelude::*;

use crate::build::{TODAY, catalogue, months, order};

fn after(day: Date, days: i64) -> Date {
    day.saturating_add(days.days())
}

fn tariff() -> Tariff {
    catalogue().tariffs.into_iter().find(|t| t.id == order().tariff).unwrap()
}

fn policy(grace_days: u16, keep_days: u16) -> Policy {
    Policy { lapse: Lapse { grace_days, keep_days }, ..Policy::default() }
}

/// An order that goes on as the run would have it, when nobody pays.
struct Life {
    order: Order,
    lapsed_on: Option<Date>,
    has_proforma: bool,
    ended: Option<Date>,
}

impl Life {
    fn of(order: Order) -> Self {
        Self { order, lapsed_on: None, has_proforma: false, ended: None }
    }

    fn standing(&self) -> Standing<'_> {
        let (lapsed_on, has_proforma) = (self.lapsed_on, self.has_proforma);
        Standing {
            order: &self.order,
            ordered_on: TODAY,
            auto_renew: false,
            lapsed_on,
            last_months: None,
            has_proforma,
        }
    }

    fn run(&mut self, policy: &Policy, tariff: &Tariff, day: Date) -> Due {
        let due = due(&self.standing(), Some(tariff), policy, day);
        self.has_proforma |= due.raise.is_some();
        match due.end {
            Some(End::Suspend) => {
                self.order.state = OrderState::Suspended;
                self.order.suspended_by = Some(SuspendedBy::System);
                self.lapsed_on = Some(day);
            }
            Some(End::Mark) => self.lapsed_on = Some(day),
            Some(End::Terminate) => {
                self.order.state = OrderState::Terminated;
                self.ended = Some(day);
            }
            Some(End::Expire) => unreachable!("it was paid"),
            None => {}
        }
        due
    }
}

proptest! {
    #[test]
    fn run_every_day_an_order_is_where_the_calendar_says(
        grace in 0_u16..20, keep in 0_u16..40, own in prop::option::of((0_u16..20, 0_u16..40)), by_customer: bool,
    ) {
        let tariff = Tariff { grace_days: own.map(|o| o.0), keep_days: own.map(|o| o.1), ..tariff() };
        let (grace, keep) = own.unwrap_or((grace, keep));
        let policy = policy(grace, keep);
        let suspended = Order { state: OrderState::Suspended, suspended_by: Some(SuspendedBy::Customer), ..order() };
        let mut life = Life::of(if by_customer { suspended } else { order() });
        let until = life.order.paid_until.unwrap();
        let suspends = after(until, i64::from(grace) + 1);
        let ends = after(suspends, i64::from(keep));
        for days in 0..3650 {
            let day = after(TODAY, days);
            // The grace and the end on one day are two runs of that day.
            life.run(&policy, &tariff, day);
            life.run(&policy, &tariff, day);
            let expected = match () {
                () if day >= ends => OrderState::Terminated,
                () if day >= suspends || by_customer => OrderState::Suspended,
                () => OrderState::Active,
            };
            prop_assert_eq!(life.order.state, expected, "{}, paid until {}", day, until);
        }
        prop_assert_eq!(life.ended, Some(ends));
    }

    #[test]
    fn however_seldom_the_run_comes_nobody_is_ended_before_the_days_of_keeping(
        grace in 0_u16..10, keep in 1_u16..30, gaps in prop::collection::vec(1_i64..90, 1..30),
    ) {
        let (policy, tariff) = (policy(grace, keep), tariff());
        let mut life = Life::of(order());
        let until = life.order.paid_until.unwrap();
        let mut day = TODAY;
        for gap in gaps {
            day = after(day, gap);
            life.run(&policy, &tariff, day);
            if life.order.state != OrderState::Active {
                prop_assert!(day > after(until, grace.into()));
            }
        }
        if let Some(ended) = life.ended {
            prop_assert!(ended >= after(life.lapsed_on.unwrap(), keep.into()));
        }
    }

    #[test]
    fn renewals_and_proformas_are_due_in_their_windows_and_never_beside_an_unpaid_invoice(
        left in -40_i64..40, auto_renew: bool, has_proforma: bool, unpaid: bool, last in prop::option::of(prop::sample::select(vec![1_u16, 3, 6, 24])),
    ) {
        let policy = Policy::default();
        let order = Order { paid_until: Some(after(TODAY, left)), has_unpaid_invoice: unpaid, ..order() };
        let last_months = last.map(months);
        let standing = Standing { order: &order, ordered_on: TODAY, auto_renew, lapsed_on: None, last_months, has_proforma };
        let due = due(&standing, Some(&tariff()), &policy, TODAY);
        let soon = left <= 3;
        // 6 months are for new orders only.
        let period = Some(months(last.filter(|m| *m != 6).unwrap_or(1)));
        prop_assert_eq!(due.renew, period.filter(|_| auto_renew && soon && !unpaid));
        prop_assert_eq!(due.raise, period.filter(|_| !unpaid && !has_proforma && left <= if auto_renew { 3 } else { 14 }));
        prop_assert_eq!(due.pay_owed, auto_renew && soon && unpaid);
        prop_assert_eq!(due.end, (left < -3).then_some(End::Suspend));
    }

    #[test]
    fn a_quiet_day_stops_nothing_and_each_excess_does(
        gap in 0_i64..36 * 3600, drift in -300_i64..=300, recent in 1_u64..100, usual in 0_u64..1000, ended in 0_u64..500,
        running in 0_u64..100_000, habit in 0_u64..500,
    ) {
        let now = Timestamp::from_second(2_000_000_000).unwrap();
        let at = |seconds: i64| now.checked_sub(SignedDuration::from_secs(seconds)).unwrap();
        let limits = Limits::default();
        let most = 20.max(3 * habit).max(running * 2 / 100);
        let quiet = Facts {
            now,
            last_run: Some(at(gap)),
            expected_now: Some(at(drift)),
            payments: Payments { recent, usual },
            tasks: TaskOutcomes { failed: ended / 2, ended },
            ends: Ends { due: most / 2, done: most - most / 2, usual: habit, running },
        };
        prop_assert_eq!(check(&quiet, &limits), vec![]);
        let kinds = |facts: Facts| check(&facts, &limits).iter().map(|f| f.kind).collect::<Vec<_>>();
        prop_assert_eq!(kinds(Facts { last_run: Some(at(-301)), ..quiet }), vec![FindingKind::ClockBack]);
        prop_assert_eq!(kinds(Facts { last_run: Some(at(36 * 3600 + gap)), ..quiet }), vec![FindingKind::LongGap]);
        prop_assert_eq!(kinds(Facts { expected_now: Some(at(301 + gap)), ..quiet }), vec![FindingKind::ClockJump]);
        prop_assert_eq!(kinds(Facts { expected_now: Some(at(-301 - gap)), ..quiet }), vec![FindingKind::ClockJump]);
        let stopped = Facts { payments: Payments { recent: 0, usual: 10 + usual }, ..quiet };
        prop_assert_eq!(kinds(stopped), vec![FindingKind::PaymentsStopped]);
        let failing = Facts { tasks: TaskOutcomes { failed: 6 + ended, ended: 6 + 2 * ended - ended / 2 }, ..quiet };
        prop_assert_eq!(kinds(failing), vec![FindingKind::TasksFail]);
        let many = Facts { ends: Ends { due: 1, done: most, ..quiet.ends }, ..quiet };
        prop_assert_eq!(kinds(many), vec![FindingKind::TooManyEnds]);
        let none_left = Facts { ends: Ends { due: 0, done: 10 * most, ..quiet.ends }, ..quiet };
        prop_assert_eq!(kinds(none_left), vec![], "nothing is left to be stopped");
    }

    #[test]
    fn a_release_lets_pass_what_was_seen_that_day_and_no_more(extent in 1_u64..1_000_000, more in 1_u64..1000) {
        let seen = Finding { kind: FindingKind::TooManyEnds, extent };
        let release = Release { day: TODAY, findings: vec![seen] };
        let left = |finding, release, day| uncovered(&[finding], release, day);
        prop_assert_eq!(left(seen, Some(&release), TODAY), vec![]);
        prop_assert_eq!(left(Finding { extent: extent - 1, ..seen }, Some(&release), TODAY), vec![]);
        let larger = Finding { extent: extent + more, ..seen };
        let other = Finding { kind: FindingKind::PaymentsStopped, ..seen };
        prop_assert_eq!(left(larger, Some(&release), TODAY), vec![larger]);
        prop_assert_eq!(left(other, Some(&release), TODAY), vec![other]);
        prop_assert_eq!(left(seen, Some(&release), after(TODAY, 1)), vec![seen]);
        prop_assert_eq!(left(seen, None, TODAY), vec![seen]);
    }
}

#[test]
fn nothing_is_due_of_orders_that_are_not_paid_or_wait_for_staff_or_are_over() {
    for state in [OrderState::AwaitingPayment, OrderState::Manual, OrderState::Terminated] {
        let order = Order { state, paid_until: Some(after(TODAY, -100)), ..order() };
        let of = Standing {
            order: &order,
            ordered_on: TODAY,
            auto_renew: true,
            lapsed_on: None,
            last_months: None,
            has_proforma: false,
        };
        assert!(due(&of, Some(&tariff()), &Policy::default(), TODAY).is_nothing(), "{state:?}");
    }
}

#[test]
fn a_tariff_without_renewals_is_never_renewed_and_ends_all_the_same() {
    let mut tariff = tariff();
    tariff.periods.iter_mut().for_each(|period| period.for_renewal = false);
    assert_eq!(renewal_period(&tariff, Some(months(1))), None);
    let order = Order { paid_until: Some(after(TODAY, -4)), ..order() };
    let of = Standing {
        order: &order,
        ordered_on: TODAY,
        auto_renew: true,
        lapsed_on: None,
        last_months: None,
        has_proforma: false,
    };
    let expected = Due { end: Some(End::Suspend), ..Due::default() };
    assert_eq!(due(&of, Some(&tariff), &Policy::default(), TODAY), expected);
}

#[test]
fn an_order_that_nobody_pays_for_ends_after_its_days() {
    let order = Order { state: OrderState::AwaitingPayment, start: None, paid_until: None, ..order() };
    for (days, end) in [(0, None), (29, None), (30, Some(End::Expire)), (400, Some(End::Expire))] {
        let ordered_on = after(TODAY, -days);
        let of = Standing {
            order: &order,
            ordered_on,
            auto_renew: true,
            lapsed_on: None,
            last_months: None,
            has_proforma: false,
        };
        assert_eq!(due(&of, Some(&tariff()), &Policy::default(), TODAY), Due { end, ..Due::default() }, "{days} days");
    }
}
