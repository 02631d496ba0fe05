//! Who is reminded when, and that what is foretold comes true.

use std::collections::BTreeSet;

use domain::{dunning::Policy, notices::RemindDays, orders::OrderId};
use jiff::civil::Date;
use serde_json::Value;
use store::{
    RealmKind::{Live, Test},
    billing::Tally,
};
use testkit::TestDb;

use crate::bed::Bed;

const LEFT: &str = "select coalesce(string_agg(facts ->> 'days_left', ' ' order by id), '') from";

/// Has an order be paid for so many days from now, on that day of the month.
async fn until(bed: &Bed, id: OrderId, days: i64) {
    let today = "(live.realm_now() at time zone 'Europe/Vilnius')::date";
    bed.db
        .run_sql(&format!(
            "update live.orders set paid_until = {today} + {days}, \
        anchor_day = extract(day from {today} + {days}) where id = {id}; \
        update live.service_period set span = daterange({today} - 400, {today} + {days}) where order_id = {id}"
        ))
        .await;
}

#[tokio::test]
async fn reminders_are_looked_for_once_a_day_and_each_hour_for_what_came_meanwhile() {
    let bed = Bed::new().await;
    let ann = bed.db.customer("ann").credit("100.00").add().await;
    let (a, b) = (bed.hosting(Live, &ann, "a.lt", 1).await, bed.hosting(Live, &ann, "b.lt", 1).await);
    let told = format!("{LEFT} live.notice where event = 'order.expiring'");
    until(&bed, a, 7).await;
    bed.through(Live).await;
    assert_eq!(bed.text(&told).await, "7");
    until(&bed, b, 7).await;
    bed.through(Live).await;
    assert_eq!(bed.text(&told).await, "7", "somebody looked just now");
    bed.db.run_sql("update live.billing_run set reminded_at = reminded_at - interval '61 minutes'").await;
    bed.through(Live).await;
    assert_eq!(bed.text(&told).await, "7 7", "an hour later it is seen, on its day");
    // A clock that was set back passes the hour again.
    bed.db
        .run_sql("delete from live.notice; update live.billing_run set reminded_at = now() + interval '1 minute'")
        .await;
    bed.through(Live).await;
    assert_eq!(bed.text(&told).await, "7 7");
    until(&bed, a, 2).await;
    bed.next_day().await;
    assert_eq!(bed.text(&told).await, "7 7 1", "a day begins with it, whatever hour it is");
}

#[tokio::test]
async fn a_clock_that_jumps_passes_over_no_reminder() {
    let bed = Bed::new().await;
    let tester = bed.db.customer("test").of(Test).add().await;
    bed.hosting(Test, &tester, "left.lt", 1).await;
    let done =
        "update test.task set state = 'succeeded', completed_at = now(); update test.orders set state = 'active'";
    bed.db.run_sql(done).await;
    bed.through(Test).await;
    bed.advance(60).await;
    let told = format!("{LEFT} test.notice where event = 'order.expiring'");
    assert_eq!(bed.text(&told).await, "");
    bed.through(Test).await;
    assert_eq!(bed.text(&told).await, "14 7 1");
    let on_their_days = "select bool_and((facts ->> 'until')::date - (at at time zone 'Europe/Vilnius')::date \
                         = (facts ->> 'days_left')::int) from test.notice where event = 'order.expiring'";
    assert!(bed.db.value::<bool>(on_their_days).await);
}

#[tokio::test]
async fn customers_are_reminded_page_by_page() {
    const MANY: i64 = 450;
    let bed = Bed::new().await;
    bed.db.run_sql(&format!("set search_path to live, catalogue; \
        insert into customer (login, currency) select 'c' || n, 'EUR' from generate_series(1, {MANY}) n; \
        insert into orders (customer_id, tariff_id, vid, once_only, domain_ascii, domain_unicode, months, state, by_hand, \
            start_day, paid_until, anchor_day, auto_renew) \
          select 1 + n / 2, 1, 'hosting', false, 'n' || n || '.lt', 'n' || n || '.lt', 1, 'active', false, d, d + 7, 1, n % 2 = 0 \
          from generate_series(0, 2 * {MANY} - 1) n, lateral (select (realm_now() at time zone 'Europe/Vilnius')::date as d) d"
    )).await;
    bed.through(Live).await;
    let counts = "select string_agg(event || ' ' || n, ', ' order by event) from (select event, count(*) as n \
                  from live.notice where event in ('order.expiring', 'balance.low') group by 1) e";
    assert_eq!(bed.text(counts).await, format!("balance.low {MANY}, order.expiring {MANY}"));
}

/// So many days are looked ahead: some months are renewed twice in them.
const AHEAD: u16 = 36;

/// Months of hosting that renew by themselves, out of a balance that won't do for all of them.
async fn renewing(balance: i64, periods: &[(u16, i64)]) -> Bed {
    let mut bed = Bed::new().await;
    let policy = Policy { remind_days: RemindDays::new(&[AHEAD]).unwrap(), ..Policy::default() };
    bed.db.database = bed.db.under(store::db::Rules { policy, ..TestDb::rules() });
    let ann = bed.db.customer("ann").credit("1000.00").add().await;
    for (n, (months, days)) in periods.iter().enumerate() {
        let id = bed.hosting(Live, &ann, &format!("n{n}.lt"), *months).await;
        bed.auto_renew(id).await;
        until(&bed, id, *days).await;
    }
    // Made, so that no end gives money back.
    let made = "update live.task set state = 'succeeded', assigned_at = now(), completed_at = now(); \
                update live.orders set state = 'active'";
    bed.db.run_sql(made).await;
    let has: i64 = bed.db.value("select sum(balance)::bigint from live.account where customer_id = 1").await;
    bed.withdraw(&ann, has - balance).await;
    bed.db.run_sql("delete from live.notice").await;
    bed
}

/// The first day on which a renewal that was due was not made, and all orders of which one was not.
async fn live_through(bed: &Bed) -> (Option<Date>, BTreeSet<i64>) {
    let overdue = "select coalesce(string_agg(id::text, ','), '') from live.orders \
                   where paid_until - 3 <= (live.realm_now() at time zone 'Europe/Vilnius')::date";
    let (mut first, mut orders) = (None, BTreeSet::new());
    for day in 0..=AHEAD {
        if day > 0 {
            bed.next_day().await;
        }
        let left = bed.text(overdue).await;
        let left: Vec<i64> = left.split(',').filter(|id| !id.is_empty()).map(|id| id.parse().unwrap()).collect();
        if !left.is_empty() && first.is_none() {
            first =
                Some(bed.text("select (live.realm_now() at time zone 'Europe/Vilnius')::date").await.parse().unwrap());
        }
        orders.extend(left);
    }
    (first, orders)
}

async fn foretold(bed: &Bed) -> Option<Value> {
    let facts = "select coalesce((select facts::text from live.notice where event = 'balance.low' order by id limit 1), 'null')";
    let facts: Value = serde_json::from_str(&bed.text(facts).await).unwrap();
    (!facts.is_null()).then_some(facts)
}

#[tokio::test]
async fn what_is_foretold_of_a_balance_comes_true() {
    // Months at 3.00, the first two of which are renewed twice; a quarter costs more than is left by then.
    for (balance, periods) in
        [(1000, [(1, 5), (1, 8), (3, 20), (1, 33)].as_slice()), (1199, &[(1, 3), (1, 4), (12, 31)])]
    {
        let bed = renewing(balance, periods).await;
        assert_eq!(bed.through(Live).await.failed, 0);
        let told = foretold(&bed).await.unwrap_or_else(|| panic!("nothing is foretold of {balance} and {periods:?}"));
        let (day, orders) = live_through(&bed).await;
        assert_eq!(told["ends_on"], day.unwrap().to_string(), "{balance} and {periods:?}: {told}");
        let of: BTreeSet<i64> = told["orders"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect();
        assert_eq!(of, orders, "{balance} and {periods:?}: {told}");
        bed.db.verify_books().await;

        // With what is missing, all are renewed; with a cent less, nobody says so.
        let missing = told["missing"].as_i64().unwrap();
        let bed = renewing(balance + missing - 1, periods).await;
        bed.through(Live).await;
        assert!(foretold(&bed).await.is_some(), "{told}");
        let bed = renewing(balance + missing, periods).await;
        bed.through(Live).await;
        assert_eq!(foretold(&bed).await, None, "{told}");
        assert_eq!(live_through(&bed).await.0, None, "{told}");
    }
}

#[tokio::test]
async fn who_waits_for_money_is_looked_at_and_not_held() {
    let bed = Bed::new().await;
    let ann = bed.db.customer("ann").credit("5.00").add().await;
    let id = bed.hosting(Live, &ann, "ann.lt", 1).await;
    bed.auto_renew(id).await;
    until(&bed, id, 3).await;
    assert_eq!(bed.through(Live).await, Tally { raised: 1, ..Tally::default() });
    assert_eq!(bed.due().await, (1, 0), "2.00 don't pay 3.00, and the proforma is there");
    bed.deposit(&ann, 99).await;
    assert_eq!(bed.due().await, (1, 0));
    bed.deposit(&ann, 1).await;
    assert_eq!(bed.due().await, (1, 1));
    assert_eq!(bed.through(Live).await, Tally { renewed: 1, ..Tally::default() });
    assert_eq!(bed.due().await, (0, 0));
}
