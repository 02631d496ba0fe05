//! The database's server dies in the middle of what a worker tells the queue, and recovers.

use std::time::Duration;

use provisioner::WorkerSettings;
use testkit::OwnServer;

use crate::bed::{Bed, FOR_EVER, quick};

/// Who comes to a point waits there as long as somebody holds its lock.
const LOCK: i64 = 4711;

/// The points, by what an update of a task is there.
const POINTS: [(&str, &str); 3] = [
    ("claim", "old.state = 'queued' and new.state = 'running'"),
    ("renewal", "old.state = 'running' and new.state = 'running' and old.lease_until < new.lease_until"),
    ("end", "new.state = 'succeeded'"),
];

/// Whoever is about to do `point` waits; returns once somebody does.
async fn arrived(bed: &Bed, at: &str) {
    bed.run(&format!(
        "create or replace function wait_here() returns trigger language plpgsql as $$ begin \
           perform pg_advisory_xact_lock({LOCK}); return new; end $$; \
         create or replace trigger point before update on task for each row when ({at}) execute function wait_here()"
    ))
    .await;
}

#[tokio::test]
async fn a_server_that_dies_under_a_claim_a_renewal_or_an_end_loses_no_task() {
    let server = OwnServer::start().await;
    let mut bed = Bed::on(&server).await;
    // Nobody polls: after each crash, what is queued is found because the worker listens again.
    let settings = WorkerSettings {
        renew_every: Duration::from_millis(20),
        operation_time: Duration::from_secs(2),
        poll: FOR_EVER,
        ..quick()
    };
    let worker = provisioner::spawn(bed.db.open(10), settings).unwrap();
    for (name, at) in POINTS {
        let holder = server.session().await;
        holder.batch_execute(&format!("select pg_advisory_lock({LOCK})")).await.unwrap();
        arrived(&bed, at).await;
        let order = bed.order().await;
        bed.until("select exists (select from pg_locks where locktype = 'advisory' and not granted)").await;
        server.crash().await;
        bed.look_again().await;
        bed.until(&format!("select state = 'active' from orders where id = {order}")).await;
        let once = format!("select boots = 1 and running from simulated_server where order_id = {order}");
        assert!(bed.holds(&once).await, "{name}");
        let tries = format!(
            "select count(*) filter (where a.outcome = 'succeeded') = 1 and bool_and(a.outcome is not null) \
             from task_attempt a join task t on t.id = a.task_id where t.order_id = {order}"
        );
        assert!(bed.holds(&tries).await, "{name}");
    }
    // What was done was told once there was somebody to tell it to: it was not tried again.
    let last = "select attempt = 1 from task order by id desc limit 1";
    assert!(
        bed.holds(last).await,
        "{}",
        bed.text("select string_agg(to_jsonb(a)::text, ' ') from task_attempt a").await
    );
    worker.stop().await.unwrap();
    bed.all_is_done().await;
}
