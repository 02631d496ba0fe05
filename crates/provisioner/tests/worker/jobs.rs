//! The scheduled jobs.

use store::RealmKind;

use crate::bed::{Bed, quick, stuck};

#[tokio::test]
async fn answers_past_their_day_are_swept_in_both_realms() {
    let bed = Bed::new().await;
    bed.db.customer("test").of(RealmKind::Test).add().await;
    for realm in ["live", "test"] {
        bed.run(&format!(
            "insert into {realm}.saved_answer (customer_id, request_id, request_hash, created_at) \
             select (select id from {realm}.customer), 'r' || n, sha256(''), now() - make_interval(hours => 2 * n) \
             from generate_series(1, 1500) n"
        ))
        .await;
    }
    let kept = "select (select count(*) from live.saved_answer) = 11 and (select count(*) from test.saved_answer) = 11";
    bed.work_until(quick(), kept).await;
}

#[tokio::test]
async fn the_test_realms_old_orders_are_swept_unless_they_are_being_worked_on() {
    let bed = Bed::of(RealmKind::Test).await;
    let test = &bed.db.database.test;
    let old = bed.order_in(test).await;
    bed.work_until(quick(), "select state = 'active' from orders").await;
    let busy = bed.order_in(test).await;
    bed.work_until(stuck(), "select exists (select from task where state = 'running')").await;
    bed.run("update orders set entered_at = now() - interval '25 hours'").await;
    let new = bed.order_in(test).await;
    let left = format!("select array_agg(id::int order by id) = '{{{busy},{new}}}' from orders");
    bed.work_until(stuck(), &left).await;
    assert!(bed.holds(&format!("select not exists (select from task where order_id = {old})")).await);
    assert!(bed.holds(&format!("select exists (select from task where order_id = {busy})")).await);
}
