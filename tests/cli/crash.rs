//! `vartai` is killed, and whoever comes next takes over.

use super::{bed::Bed, client::Client};
use crate::support::until;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_had_in_hand_is_finished_by_the_next() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&["--with-worker"]).await;
    let demo = Client::demo(serving.gateway);
    let owner = bed.owner().await;
    let count = async |sql: &str| owner.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
    // Tasks take some hundred milliseconds; one is caught running, and kept so by the kill.
    let order = demo.order("").await;
    until("a worker has the task", async || {
        count(&format!("select count(*) from live.task where order_id = {order} and state = 'running'")).await == 1
    })
    .await;
    serving.kill();
    let server = bed.postmaster();
    assert!(server.is_some(), "PostgreSQL went with the process that was killed");
    let running = format!("select count(*) from live.task where order_id = {order} and state = 'running'");
    assert_eq!(count(&running).await, 1, "the task was over before the kill: nothing is tested");
    owner.batch_execute("update live.task set lease_until = now() where state = 'running'").await.unwrap();

    let joined = bed.start(&["worker"]);
    until("another has done it", async || {
        count(&format!("select count(*) from live.orders where id = {order} and state = 'active'")).await == 1
    })
    .await;
    assert_eq!(bed.postmaster(), server, "the next did not join the server that ran");
    assert!(joined.logged().contains("a worker is not heard of any more"), "{}", joined.logged());
    assert_eq!(count(&format!("select attempt::bigint from live.task where order_id = {order}")).await, 2);
    let machines = format!("select count(*) from live.simulated_server where order_id = {order}");
    assert_eq!(count(&machines).await, 1);
    assert_eq!(bed.json(&["ledger", "verify"]).await["ok"], true);
    assert_eq!(joined.stop().await.code, Some(0));
    assert_eq!(bed.postmaster(), None, "the last one out did not stop PostgreSQL");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_wakes_up_too_late_writes_nothing_and_works_on() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&[]).await;
    let demo = Client::demo(serving.gateway);
    let owner = bed.owner().await;
    let count = async |sql: &str| owner.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
    let sleeper = bed.start(&["worker"]);
    let order = demo.order("").await;
    let running = format!("select count(*) from live.task where order_id = {order} and state = 'running'");
    until("a worker has the task", async || count(&running).await == 1).await;
    sleeper.signal("STOP");
    assert_eq!(count(&running).await, 1, "the task was over before the worker slept: nothing is tested");
    owner.batch_execute("update live.task set lease_until = now() where state = 'running'").await.unwrap();
    let other = bed.start(&["worker"]);
    demo.processed(&order).await;
    assert_eq!(other.stop().await.code, Some(0));
    let tried = "select array_agg(a.outcome order by a.fence) from live.task_attempt a join live.task t on t.id = a.task_id \
        where t.order_id = ";
    let before: Vec<String> = owner.query_one(&format!("{tried}{order}"), &[]).await.unwrap().get(0);
    assert_eq!(before, ["lost", "succeeded"]);
    sleeper.signal("CONT");
    // It lives, and takes what comes.
    let next = demo.order("").await;
    demo.processed(&next).await;
    let after: Vec<String> = owner.query_one(&format!("{tried}{order}"), &[]).await.unwrap().get(0);
    assert_eq!(after, before);
    let boots = format!("select boots from live.simulated_server where order_id = {order}");
    assert_eq!(count(&boots).await, 1);
    assert_eq!(sleeper.stop().await.code, Some(0));
    assert_eq!(serving.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_and_the_machine_going_down_lose_nothing_that_was_answered() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&[]).await;
    let demo = Client::demo(serving.gateway);
    let mut orders = Vec::new();
    for _ in 0..3 {
        orders.push(demo.order("").await);
    }
    serving.kill();
    super::bed::signal("QUIT", bed.postmaster().unwrap());
    until("PostgreSQL is gone, with no checkpoint", async || bed.postmaster().is_none()).await;
    let serving = bed.serve(&["--with-worker"]).await;
    let demo = Client::demo(serving.gateway);
    for order in &orders {
        demo.processed(order).await;
    }
    assert_eq!(bed.json(&["ledger", "verify"]).await["ok"], true);
    assert_eq!(serving.stop().await.code, Some(0));
}
