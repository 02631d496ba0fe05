//! One order's life: days, money and tasks.

use domain::orders::OrderId;
use store::{
    RealmKind::{Live, Test},
    billing::Tally,
    invoices::{self, PaidFrom},
};

use crate::bed::Bed;

#[tokio::test]
async fn a_test_realm_lives_through_four_hundred_days_at_once_and_all_falls_on_its_day() {
    let bed = Bed::new().await;
    let tester = bed.db.customer("test").of(Test).add().await;
    bed.hosting(Test, &tester, "left.lt", 1).await;
    bed.db
        .run_sql(
            "update test.task set state = 'succeeded', completed_at = now(); update test.orders set state = 'active'",
        )
        .await;
    bed.through(Test).await;
    bed.advance(400).await;
    let tally = bed.through(Test).await;
    assert_eq!(tally, Tally { raised: 1, suspended: 1, terminated: 1, ..Tally::default() });
    let days = "select lapsed_on - paid_until || ' ' || terminated_at::date - paid_until from test.orders";
    assert_eq!(bed.text(days).await, "4 18", "three days of grace, then fourteen of keeping");
    let proforma = "select (o.paid_until - i.created_at::date) || ' ' || i.status from test.invoice i \
                    join test.orders o on o.id = i.order_id where i.ahead";
    assert_eq!(bed.text(proforma).await, "14 cancelled", "raised fourteen days before, cancelled at the end");
    let tasks = "select string_agg(operation || ' ' || state, ', ' order by id) from test.task";
    assert_eq!(
        bed.text(tasks).await,
        "server_create succeeded, server_suspend cancelled, server_destroy queued",
        "no worker took the others"
    );
    // A database that was made while it was yesterday in UTC begins with that day.
    let days =
        "select (count(*) = max(day) - min(day) + 1 and count(*) between 401 and 402)::text from test.billing_day";
    assert_eq!(bed.text(days).await, "true", "each day was run");
    assert_eq!(bed.through(Test).await, Tally::default(), "nothing is left");
}

#[tokio::test]
async fn an_order_renews_from_the_balance_until_that_is_out_and_goes_on_when_it_is_paid() {
    let bed = Bed::new().await;
    let ann = bed.db.customer("ann").credit("9.00").add().await;
    let id = bed.hosting(Live, &ann, "ann.lt", 1).await;
    bed.auto_renew(id).await;
    bed.through(Live).await;
    let mut renewed_on = Vec::new();
    let mut suspended = false;
    while !suspended {
        let left =
            bed.text("select paid_until - (live.realm_now() at time zone 'Europe/Vilnius')::date from live.orders");
        let left: i64 = left.await.parse().unwrap();
        let tally = bed.next_day().await;
        if tally.renewed > 0 {
            renewed_on.push(left - 1);
        }
        if tally.raised > 0 {
            assert_eq!(left - 1, 3, "the balance was not enough on its day");
        }
        suspended = tally.suspended > 0;
        assert_eq!(suspended, left - 1 == -4, "{left}");
    }
    assert_eq!(renewed_on, [3, 3], "three days before the end, twice 3.00 of what is left of 9.00");
    assert_eq!(bed.state(id).await, "suspended");
    bed.deposit(&ann, 300).await;
    assert_eq!(bed.through(Live).await, Tally { renewed: 1, ..Tally::default() });
    assert_eq!(bed.state(id).await, "active");
    assert_eq!(bed.text("select coalesce(lapsed_on::text, 'none') from live.orders").await, "none");
    let ahead = "select string_agg(status, ',') from live.invoice where ahead";
    assert_eq!(bed.text(ahead).await, "cancelled", "the renewal took the proforma's place");
    let tasks = "select string_agg(operation, ',' order by id) from live.task";
    assert_eq!(bed.text(tasks).await, "server_create,server_suspend,server_unsuspend");
    bed.db.verify_books().await;
}

async fn proforma(bed: &Bed) -> domain::billing::InvoiceId {
    domain::billing::InvoiceId(bed.db.value("select id from live.invoice where ahead and status = 'unpaid'").await)
}

#[tokio::test]
async fn a_proforma_that_is_paid_renews_and_starts_a_suspended_order_again() {
    let bed = Bed::new().await;
    let ann = bed.db.customer("ann").credit("3.00").add().await;
    let id = bed.hosting(Live, &ann, "ann.lt", 1).await;
    bed.db.move_live_clock(40).await;
    assert_eq!(bed.through(Live).await, Tally { raised: 1, suspended: 1, ..Tally::default() });
    let proforma = proforma(&bed).await;
    let pay = async |tx: &mut store::Tx| invoices::pay(tx, proforma, PaidFrom::Outside, "").await;
    bed.db.database.live.transaction("pay", pay).await.unwrap();
    assert_eq!(bed.state(id).await, "active");
    // Paid for longer by staff, an order that the system suspended starts again, too.
    bed.db.move_live_clock(40).await;
    assert_eq!(bed.through(Live).await.suspended, 1);
    let far = store::orders::Overrule { paid_until: Some(jiff::civil::date(2999, 1, 1)), ..Default::default() };
    let overrule = async |tx: &mut store::Tx| store::orders::overrule(tx, id, &far).await;
    bed.db.database.live.transaction("overrule", overrule).await.unwrap();
    assert_eq!(bed.state(id).await, "active");
    assert_eq!(bed.through(Live).await, Tally::default());
    bed.db.verify_books().await;
}

#[tokio::test]
async fn an_order_that_its_customer_suspended_is_kept_and_ends_without_starting_again() {
    let bed = Bed::new().await;
    let ann = bed.db.customer("ann").credit("3.00").add().await;
    let id = bed.hosting(Live, &ann, "ann.lt", 1).await;
    let wanted = domain::orders::PowerOperation::Suspend;
    let suspend = async |tx: &mut store::Tx| store::orders::change_power(tx, ann.customer, id, wanted).await;
    assert!(bed.db.database.live.transaction("suspend", suspend).await.is_ok());
    bed.db.move_live_clock(40).await;
    assert_eq!(bed.through(Live).await.suspended, 1, "its days of keeping begin");
    assert_eq!(bed.text("select suspended_by from live.orders").await, "customer");
    bed.db.move_live_clock(13).await;
    assert_eq!(bed.through(Live).await.terminated, 0);
    assert_eq!(bed.next_day().await.terminated, 1);
    assert_eq!(bed.state(id).await, "terminated");
}

#[tokio::test]
async fn an_order_that_nobody_pays_for_ends_and_frees_its_domain() {
    let bed = Bed::new().await;
    let ann = bed.db.customer("ann").add().await;
    let id = bed.hosting(Live, &ann, "ann.lt", 1).await;
    bed.db.move_live_clock(29).await;
    assert_eq!(bed.through(Live).await, Tally::default());
    assert_eq!(bed.next_day().await, Tally { expired: 1, ..Tally::default() });
    assert_eq!(bed.state(id).await, "terminated");
    assert_eq!(bed.text("select string_agg(status, ',') from live.invoice").await, "cancelled");
    assert_eq!(bed.text("select count(*) from live.task").await, "0", "there is nothing to be removed");
    bed.hosting(Live, &ann, "ann.lt", 1).await;
}

#[tokio::test]
async fn one_bad_row_stops_no_other_and_is_tried_again() {
    let bed = Bed::new().await;
    let ann = bed.db.customer("ann").credit("12.00").add().await;
    let mut ids: Vec<OrderId> = Vec::new();
    for domain in ["a.lt", "b.lt", "c.lt"] {
        let id = bed.hosting(Live, &ann, domain, 1).await;
        bed.auto_renew(id).await;
        ids.push(id);
    }
    // What no decision can be made on.
    bed.db.run_sql(&format!("update live.orders set domain_reg = 0, months = 999 where id = {}", ids[1])).await;
    bed.db.move_live_clock(35).await;
    let tally = bed.through(Live).await;
    assert_eq!((tally.renewed, tally.failed), (1, 1), "{tally:?}");
    assert_eq!(tally.suspended, 1, "the balance was enough for one of the others");
    assert_eq!(bed.through(Live).await, Tally { failed: 1, ..Tally::default() });
    bed.db.run_sql(&format!("update live.orders set months = 1 where id = {}", ids[1])).await;
    assert_eq!(bed.through(Live).await, Tally { raised: 1, suspended: 1, ..Tally::default() });
    assert_eq!(bed.text("select failed from live.billing_day").await, "2");
    bed.db.verify_books().await;
}

#[tokio::test]
async fn who_pays_before_the_server_is_removed_gets_it_back() {
    let bed = Bed::with_destroy_grace(72).await;
    let ann = bed.db.customer("ann").credit("3.00").add().await;
    let id = bed.hosting(Live, &ann, "ann.lt", 1).await;
    let done = "update live.task set state = 'succeeded', assigned_at = now(), completed_at = now() where state = 'queued' \
                and operation <> 'server_destroy'; update live.orders set state = 'active' where state = 'provisioning'";
    bed.db.run_sql(done).await;
    bed.db.move_live_clock(40).await;
    assert_eq!(bed.through(Live).await.suspended, 1);
    bed.db.move_live_clock(14).await;
    assert_eq!(bed.through(Live).await.terminated, 1);
    let waits = "select run_at - now() between interval '71 hours' and interval '72 hours' from live.task \
                 where operation = 'server_destroy' and state = 'queued'";
    assert!(bed.db.value::<bool>(waits).await, "its server is there for three days more");
    let restore = async |tx: &mut store::Tx| store::orders::restore(tx, id).await;
    bed.live().transaction("restore", restore).await.unwrap();
    assert_eq!(
        bed.through(Live).await,
        Tally { raised: 1, ..Tally::default() },
        "it is not ended again, and asks for money"
    );
    bed.db.move_live_clock(13).await;
    assert_eq!(bed.through(Live).await, Tally::default(), "there are days to pay in");
    assert_eq!(bed.state(id).await, "suspended");
    let invoice = proforma(&bed).await;
    // A month doesn't make up for what is owed; the next one does.
    let pay = async |tx: &mut store::Tx| invoices::pay(tx, invoice, PaidFrom::Outside, "").await;
    bed.live().transaction("pay", pay).await.unwrap();
    bed.deposit(&ann, 600).await;
    bed.auto_renew(id).await;
    assert_eq!(bed.through(Live).await.renewed, 1);
    assert_eq!(bed.state(id).await, "active");
    let removed = "select count(*) from live.task where operation = 'server_destroy' and state <> 'cancelled'";
    assert_eq!(bed.text(removed).await, "0");
    bed.db.verify_books().await;
}
