//! Ten years of a company, day by day, against arithmetic that knows nothing of the store: which order is renewed how
//! often, and on which day it is suspended and ends.
//!
//! `VARTAI_TEST_ORDERS` makes it another number of orders, `VARTAI_TEST_MONTHLY=1` has them renew monthly, which takes
//! twelve times as long.

use std::time::Instant;

use domain::calendar::{Months, add_months};
use jiff::{ToSpan, civil::Date};
use store::RealmKind::Live;

use crate::bed::Bed;

const YEARS: i64 = 10;

fn orders() -> i64 {
    std::env::var("VARTAI_TEST_ORDERS").ok().and_then(|orders| orders.parse().ok()).unwrap_or(10_000)
}

fn monthly() -> bool {
    std::env::var("VARTAI_TEST_MONTHLY").is_ok_and(|value| value == "1")
}

/// Order n is its own customer's, is paid until n days from now (within the period), renews by itself unless 5 divides
/// n, and has money for n mod 13 years.
async fn found(bed: &Bed, orders: i64, months: u16, price: i64) {
    let periods = 12 / i64::from(months);
    bed.db.run_sql(&format!("set search_path to live, catalogue; \
        insert into customer (login, currency) select 'c' || n, 'EUR' from generate_series(1, {orders}) n; \
        do $$ begin perform post('deposit', 'movement', nextval('movement_id'), 0, c.id, '', \
          array[open_account(c.id, 'credit', 'EUR'), open_account(null, 'cash', 'EUR')], \
          array[c.id % 13 * {periods} * {price}, -(c.id % 13 * {periods} * {price})]) \
          from customer c where c.id % 13 > 0; end $$; \
        insert into orders (customer_id, tariff_id, vid, once_only, domain_ascii, domain_unicode, months, state, by_hand, \
            start_day, paid_until, anchor_day, auto_renew) \
          select n, 1, 'hosting', false, 'n' || n || '.lt', 'n' || n || '.lt', {months}, 'active', false, u - 1, u, \
            extract(day from u), n % 5 <> 0 \
          from generate_series(1, {orders}) n, \
            lateral (select (live.realm_now() at time zone 'Europe/Vilnius')::date + 15 + (n % (28 * {months}))::int as u) d; \
        insert into invoice (customer_id, order_id, purpose, months, status, currency, total, vat_points, prices, paid_at) \
          select customer_id, id, 'order', {months}, 'paid', 'EUR', 0, 0, 'gross', now() from orders; \
        insert into service_period (order_id, invoice_id, span) \
          select o.id, i.id, daterange(o.start_day, o.paid_until) from orders o join invoice i on i.order_id = o.id; \
        analyze"
    )).await;
}

/// What arithmetic says of an order by `today`: how often it was renewed, when it was suspended, when it ended.
fn predict(n: i64, until: Date, months: u16, today: Date) -> (i64, Option<Date>, Option<Date>) {
    let period = Months::new(months).unwrap();
    let may = if n % 5 == 0 { 0 } else { n % 13 * 12 / i64::from(months) };
    let (mut renewed, mut until, anchor) = (0, until, until.day());
    while renewed < may && until.saturating_sub(3.days()) <= today {
        until = add_months(until, period, anchor).unwrap();
        renewed += 1;
    }
    let suspended = until.saturating_add(4.days());
    let ended = suspended.saturating_add(14.days());
    (renewed, (suspended <= today).then_some(suspended), (ended <= today).then_some(ended))
}

#[tokio::test]
async fn ten_years_are_as_arithmetic_has_them() {
    let (months, price) = if monthly() { (1, 300) } else { (12, 3060) };
    let orders = orders();
    let bed = Bed::new().await;
    bed.db.move_live_clock(0).await;
    found(&bed, orders, months, price).await;
    let begun = Instant::now();
    let first: String = bed.text("select (live.realm_now() at time zone 'Europe/Vilnius')::date").await;
    let first: Date = first.parse().unwrap();
    let before: Vec<Date> = dates(&bed, "paid_until").await.into_iter().map(Option::unwrap).collect();
    let (owner, days) = (bed.db.owner().await, 365 * YEARS);
    bed.released(Live).await;
    for _ in 0..days {
        owner.batch_execute("update live.moved set days = days + 1").await.unwrap();
        let tally = bed.released(Live).await;
        assert_eq!(tally.failed, 0);
    }
    let today: Date = bed.text("select (live.realm_now() at time zone 'Europe/Vilnius')::date").await.parse().unwrap();
    // A day of daylight saving's change may have been passed over at midnight.
    assert!(first.until(today).unwrap().get_days() >= i32::try_from(days).unwrap() - 1);
    let (suspended, ended) =
        (dates(&bed, "lapsed_on").await, dates(&bed, "terminated_at at time zone 'Europe/Vilnius'").await);
    let renewed = owner
        .query("select (select count(*) from live.invoice i where i.order_id = o.id and purpose = 'renewal' and status = 'paid') \
                from live.orders o order by o.id", &[])
        .await
        .unwrap();
    let (mut seen, mut predicted) = (Sums::default(), Sums::default());
    for (at, until) in before.into_iter().enumerate() {
        let n = i64::try_from(at + 1).unwrap();
        let came = (renewed[at].get::<_, i64>(0), suspended[at], ended[at]);
        let expected = predict(n, until, months, today);
        assert_eq!(came, expected, "order {n}, paid until {until}");
        seen.add(came);
        predicted.add(expected);
    }
    let took = begun.elapsed();
    println!("{orders} orders, {days} days in {took:?}: predicted {predicted:?}, seen {seen:?}");
    assert!(seen.renewed > 0 && seen.suspended > 0 && seen.ended > 0, "nothing was tried");
    let tallied =
        "select concat_ws(' ', sum(renewed), sum(suspended), sum(terminated), sum(failed)) from live.billing_day";
    let expected = format!("{} {} {} 0", seen.renewed, seen.suspended, seen.ended);
    assert_eq!(bed.text(tallied).await, expected, "what the run says that it did");
    bed.db.verify_books().await;
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    renewed: i64,
    suspended: i64,
    ended: i64,
}

impl Sums {
    fn add(&mut self, (renewed, suspended, ended): (i64, Option<Date>, Option<Date>)) {
        self.renewed += renewed;
        self.suspended += i64::from(suspended.is_some());
        self.ended += i64::from(ended.is_some());
    }
}

async fn dates(bed: &Bed, column: &str) -> Vec<Option<Date>> {
    let rows =
        bed.db.owner().await.query(&format!("select ({column})::date::text from live.orders order by id"), &[]).await;
    rows.unwrap().iter().map(|row| row.get::<_, Option<String>>(0).map(|day| day.parse().unwrap())).collect()
}
