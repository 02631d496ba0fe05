//! The database's clock steps back (fault 13): what waits for it waits longer, no more.

use domain::orders::PowerOperation;
use store::tasks::{self, Renewed};
use testkit::OwnServer;

use crate::bed::{Bed, quick};

const HOUR: i64 = 3600;

#[tokio::test]
async fn a_clock_that_steps_back_makes_leases_longer_and_nothing_else() {
    let Some(server) = OwnServer::with_clock().await else { return };
    let bed = Bed::on(&server).await;
    let live = bed.live();
    // What was queued before the step is due after it.
    let order = bed.order().await;
    server.set_clock(-HOUR);
    bed.work_until(quick(), &format!("select state = 'active' from orders where id = {order}")).await;
    let stepped = "select assigned_at < created_at - interval '59 minutes' and completed_at >= assigned_at from task";
    assert!(bed.holds(stepped).await, "the clock did not step back");
    // Who has a task keeps it, and ends it no earlier than it was begun.
    bed.power(order, PowerOperation::Restart).await;
    let task = bed.claim().await;
    server.set_clock(-2 * HOUR);
    let renewed = live.transaction("renew", async |tx| tasks::renew_lease(tx, &task.lease).await).await.unwrap();
    assert_eq!(renewed, Renewed::Held);
    bed.apply(&task).await;
    assert!(live.transaction("end", async |tx| tasks::succeed(tx, &task, "done\n", true).await).await.unwrap());
    let restart = "t.operation = 'server_reboot'";
    let ended = format!(
        "select t.completed_at >= t.assigned_at and a.ended_at >= a.started_at \
         from task t join task_attempt a on a.task_id = t.id where {restart}"
    );
    assert!(bed.holds(&ended).await);
    // A worker that died before the step is missed once its lease is over by the new time.
    bed.power(order, PowerOperation::Suspend).await;
    let lost = bed.claim().await;
    server.set_clock(-3 * HOUR);
    assert!(live.read(async |c| tasks::expired(c).await).await.unwrap().is_empty());
    assert!(bed.holds("select lease_until > now() + interval '59 minutes' from task where state = 'running'").await);
    server.set_clock(-HOUR);
    let expired = live.read(async |c| tasks::expired(c).await).await.unwrap();
    assert_eq!(expired.iter().map(|lease| lease.id).collect::<Vec<_>>(), [lost.lease.id]);
    bed.work_until(quick(), "select not exists (select from task where state <> 'succeeded')").await;
    assert!(bed.holds("select attempt = 2 from task where operation = 'server_suspend'").await);
    bed.all_is_done().await;
}
