//! Many tasks, several workers.

use std::time::Duration;

use domain::orders::PowerOperation;
use provisioner::WorkerSettings;
use store::tasks;

use crate::bed::{Bed, quick};

/// Writes down each step of each task, in the order in which they become true.
const WITNESS: &str = "\
    create table seen (seq bigint generated always as identity, task bigint, order_id bigint, state text, worker uuid); \
    create function witness() returns trigger language plpgsql security definer as $$ begin \
      insert into live.seen (task, order_id, state, worker) values (new.id, new.order_id, new.state, new.lease_owner); \
      return new; end $$; \
    create trigger witness after update of state on task for each row execute function witness()";

#[tokio::test]
async fn two_workers_do_each_orders_tasks_one_by_one_and_in_order() {
    let bed = Bed::new().await;
    for _ in 0..20 {
        let order = bed.order().await;
        for turn in 0..9 {
            bed.power(order, [PowerOperation::Suspend, PowerOperation::Unsuspend][turn % 2]).await;
        }
    }
    bed.run(WITNESS).await;
    let settings = WorkerSettings { concurrency: 8, operation_time: Duration::from_millis(10), ..quick() };
    let other = provisioner::spawn(bed.db.open(10), settings.clone()).unwrap();
    bed.work_until(settings, "select count(*) = 200 from task where state = 'succeeded'").await;
    other.stop().await.unwrap();
    assert!(bed.holds("select count(*) = 400 from seen").await, "each task ran once");
    let in_turn = "select bool_and(state = case when at % 2 = 1 then 'running' else 'succeeded' end) \
           and bool_and(task = first + (at - 1) / 2) \
         from (select state, task, min(task) over (partition by order_id) as first, \
             row_number() over (partition by order_id order by seq) as at from seen) steps";
    assert!(bed.holds(in_turn).await, "none overtook another of its order or ran beside it");
    assert!(bed.holds("select count(distinct worker) = 2 from seen where state = 'running'").await);
    // Created, then suspended and started four times, then suspended.
    assert!(bed.holds("select bool_and(not running and boots = 5) and count(*) = 20 from simulated_server").await);
    bed.all_is_done().await;
}

/// So many by default; `VARTAI_TEST_TASKS` says otherwise.
fn many() -> i64 {
    std::env::var("VARTAI_TEST_TASKS").ok().and_then(|many| many.parse().ok()).unwrap_or(1000)
}

#[tokio::test]
async fn many_tasks_of_few_servers_are_done_one_by_one_and_in_order() {
    const SERVERS: i64 = 50;
    let (bed, many) = (Bed::new().await, many());
    for _ in 0..SERVERS {
        bed.order().await;
    }
    // Places on the hypervisor are not what is tested.
    bed.run("update server set node = null").await;
    let all_made = format!("select count(*) = {SERVERS} from orders where state = 'active'");
    bed.work_until(WorkerSettings { concurrency: 16, ..quick() }, &all_made).await;
    bed.run(WITNESS).await;
    bed.run(&format!(
        "insert into task (order_id, operation, state) \
           select (select min(id) from orders) + n % {SERVERS}, 'server_flush_iptables', 'queued' \
           from generate_series(1, {many}) n; analyze task"
    ))
    .await;
    let settings = WorkerSettings { concurrency: 16, ..quick() };
    let other = provisioner::spawn(bed.db.open(18), settings.clone()).unwrap();
    let worker = provisioner::spawn(bed.db.open(18), settings).unwrap();
    // In stages, so that each has its deadline.
    for done in (0..many).step_by(100).chain([many]) {
        bed.until(&format!("select count(*) >= {done} from seen where state = 'succeeded'")).await;
    }
    for worker in [worker, other] {
        worker.stop().await.unwrap();
    }
    assert!(bed.holds(&format!("select count(*) = 2 * {many} from seen")).await, "each ran once");
    let in_turn = "select bool_and(state = case when at % 2 = 1 then 'running' else 'succeeded' end) \
           and bool_and(state = 'succeeded' or task > before) \
         from (select state, task, coalesce(lag(task) over (partition by order_id order by seq), 0) as before, \
             row_number() over (partition by order_id order by seq) as at from seen) steps";
    assert!(bed.holds(in_turn).await, "none overtook another of its server or ran beside it");
    assert!(bed.holds("select count(distinct worker) = 2 from seen where state = 'running'").await);
    let waited = "select (percentile_cont(0.99) within group (order by waited) * 1000)::int || ' ms' from ( \
        select extract(epoch from assigned_at - greatest(created_at, lag(completed_at) over (partition by order_id order by id))) \
          as waited from task where operation = 'server_flush_iptables') turns";
    println!("{many} tasks: 99 of 100 waited no longer than {} for their turn", bed.text(waited).await);
    bed.all_is_done().await;
}

#[tokio::test]
async fn what_is_not_due_yet_keeps_its_orders_later_tasks_but_no_other_orders() {
    let bed = Bed::new().await;
    let waiting = bed.order().await;
    bed.power(waiting, PowerOperation::Suspend).await;
    bed.run("update task set run_at = now() + interval '1 hour' where operation = 'server_create'").await;
    let other = bed.order().await;
    bed.work_until(quick(), &format!("select state = 'active' from orders where id = {other}")).await;
    let untouched = format!("select count(*) = 2 from task where order_id = {waiting} and state = 'queued'");
    assert!(bed.holds(&untouched).await);
}

#[tokio::test]
async fn a_restart_asked_for_after_a_worker_had_the_last_is_another_one() {
    let bed = Bed::new().await;
    let order = bed.ready_order().await;
    bed.power(order, PowerOperation::Restart).await;
    bed.power(order, PowerOperation::Restart).await;
    assert!(bed.holds("select count(*) = 1 from task where operation = 'server_reboot'").await);
    // It restarts, but the worker can't tell: the task waits for its next try, and the customer asks once more.
    let task = bed.claim().await;
    bed.apply(&task).await;
    bed.live().transaction("release", async |tx| tasks::release(tx, &task.lease).await).await.unwrap();
    bed.power(order, PowerOperation::Restart).await;
    assert!(bed.holds("select count(*) = 2 from task where operation = 'server_reboot'").await);
    bed.work_until(quick(), "select not exists (select from task where state <> 'succeeded')").await;
    assert_eq!(bed.machine(bed.live(), order).await.unwrap().boots, 3);
    bed.all_is_done().await;
}
