//! Tasks that can't be done.

use domain::orders::PowerOperation;
use store::tasks;

use crate::bed::{Bed, quick};

#[tokio::test]
async fn a_task_that_can_not_be_made_out_keeps_no_other_order_waiting() {
    let bed = Bed::new().await;
    let strange = bed.order().await;
    // A newer program would have taken it by now.
    bed.run("update task set operation = 'server_teleport', run_at = now() - interval '61 minutes'").await;
    let sealed = bed.order().await;
    bed.run(&format!("update orders set server_password = 'broken' where id = {sealed}")).await;
    let good = bed.order().await;
    bed.work_until(quick(), &format!("select state = 'active' from orders where id = {good}")).await;
    for order in [strange, sealed] {
        let tried = "select (attempt >= 1 or waiting_since is not null) and state <> 'succeeded' from task";
        let tried = format!("{tried} where order_id = {order}");
        bed.until(&tried).await;
    }
    assert!(bed.holds("select bool_and(state = 'provisioning') from orders where state <> 'active'").await);
}

#[tokio::test]
async fn a_thousand_that_can_not_be_made_out_end_and_starve_nobody() {
    let bed = Bed::new().await;
    let first = bed.ready_order().await;
    // Half of them nobody knows, half can't be opened; one is very long. Their time has long come.
    bed.run(&format!(
        "insert into orders (customer_id, tariff_id, vid, once_only, months, state, by_hand, server_login, server_password) \
           select customer_id, tariff_id, vid, false, 1, 'active', false, 'root', 'broken' \
           from orders, generate_series(1, 1000) where id = {first}; \
         insert into task (order_id, operation, params, state, max_attempts, run_at) \
           select id, case when id % 2 = 0 then 'server_teleport' else 'server_reboot' end, \
             case when id = {first} + 1 then jsonb_build_object('much', repeat('x', 5000000)) else '{{}}' end, 'queued', 1, \
             now() - interval '2 hours' from orders where id > {first}"
    ))
    .await;
    let good = bed.order().await;
    let worker = provisioner::spawn(bed.db.open(10), quick()).unwrap();
    for done in (0..=500).step_by(50) {
        bed.until(&format!("select count(*) >= {done} from task where state = 'manual' and attempt = 1")).await;
        // What can't be opened may be once the key is there again: that costs no tries.
        bed.until(&format!("select count(*) >= {done} from task where waiting_since is not null")).await;
    }
    bed.until(&format!("select state = 'active' from orders where id = {good}")).await;
    // It ends all the same.
    bed.run(
        "update task set waiting_since = now() - interval '25 hours', run_at = now() where waiting_since is not null",
    )
    .await;
    bed.until("select not exists (select from task where state in ('queued', 'running'))").await;
    worker.stop().await.unwrap();
    assert!(bed.holds("select count(*) = 1000 from task where results like 'attempt 1: the task can%'").await);
}

#[tokio::test]
async fn an_operation_of_a_newer_program_is_left_to_it() {
    let bed = Bed::new().await;
    let newer = bed.order().await;
    bed.run("update task set operation = 'server_teleport'").await;
    bed.power(newer, PowerOperation::Suspend).await;
    let other = bed.order().await;
    bed.work_until(quick(), &format!("select state = 'active' from orders where id = {other}")).await;
    let left = "select state = 'queued' and attempt = 0 and results = '' from task where operation = 'server_teleport'";
    assert!(bed.holds(left).await);
}

#[tokio::test]
async fn an_unknown_driver_is_a_failed_attempt() {
    let bed = Bed::new().await;
    bed.rename_driver("proxmox").await;
    bed.order().await;
    bed.work_until(quick(), "select state = 'queued' and coalesce(waits_for, '') = 'proxmox' from task").await;
    let log = bed.text("select results from task").await;
    assert!(log.starts_with("attempt 1: this worker has no driver \"proxmox\"\n"), "{log}");
}

#[tokio::test]
async fn what_failed_for_good_waits_for_staff_with_all_that_is_asked_of_it() {
    let bed = Bed::failing_by_staff().await;
    bed.rename_driver("proxmox").await;
    let order = bed.order().await;
    bed.run("update task set waiting_since = now() - interval '24 hours', waits_for = 'proxmox'").await;
    bed.power(order, PowerOperation::Suspend).await;
    bed.power(order, PowerOperation::Unsuspend).await;
    bed.run("update orders set state = 'provisioning'").await;
    bed.work_until(quick(), "select bool_and(state = 'manual') from task").await;
    assert!(bed.holds("select state = 'manual' and by_hand from orders").await);
    // Staff set it right and have it tried again.
    bed.rename_driver("simulated").await;
    let first = domain::tasks::TaskId(bed.text("select min(id)::text from task").await.parse().unwrap());
    bed.live().transaction("retry", async |tx| tasks::retry(tx, first).await).await.unwrap();
    bed.work_until(quick(), "select state = 'active' and not by_hand from orders").await;
    assert!(bed.machine(bed.live(), order).await.unwrap().running);
}

#[tokio::test]
async fn a_task_that_kills_its_workers_ends_with_staff() {
    let bed = Bed::failing_by_staff().await;
    bed.order().await;
    bed.run("update task set attempt = max_attempts - 1").await;
    bed.claim().await;
    bed.expire_leases().await;
    bed.work_until(quick(), "select state = 'manual' from task").await;
    assert!(bed.holds("select state = 'manual' and by_hand from orders").await);
}
