//! Orders through their operations.

use domain::orders::{OrderId, PowerOperation};
use store::tasks::SimulatedServer;

use crate::bed::{Bed, quick};

/// Power, systems and starts of a machine.
fn told(machine: SimulatedServer) -> (bool, i32, i64) {
    (machine.running, machine.generation, machine.boots)
}

#[tokio::test]
async fn a_placed_order_is_made() {
    let bed = Bed::new().await;
    let order = bed.order().await;
    assert_eq!(bed.text("select state from orders").await, "provisioning");
    bed.work_until(quick(), "select state = 'active' from orders").await;
    assert_eq!(bed.text("select state from task").await, "succeeded");
    assert_eq!(bed.text("select results from task").await, "created on simulated-1, system generation 1, running\n");
    assert!(bed.holds("select completed_at >= assigned_at and assigned_at >= created_at from task").await);
    let machine = bed.machine(bed.live(), order).await;
    assert_eq!(machine.map(told), Some((true, 1, 1)));
    assert_eq!(bed.text("select image_id from simulated_server").await, "debian-12-x86_64");
    bed.all_is_done().await;
}

#[tokio::test]
async fn what_is_asked_while_an_order_is_made_comes_after() {
    let bed = Bed::new().await;
    let order = bed.order().await;
    bed.power(order, PowerOperation::Suspend).await;
    assert_eq!(bed.text("select state from orders").await, "suspended");
    bed.work_until(quick(), "select count(*) = 2 from task where state = 'succeeded'").await;
    assert_eq!(bed.text("select state from orders").await, "suspended");
    let machine = bed.machine(bed.live(), order).await;
    assert_eq!(machine.map(told), Some((false, 1, 1)));
    assert!(bed.holds("select bool_and(results like '%stopped%') from task where id = 2").await);
    bed.all_is_done().await;
}

#[tokio::test]
async fn every_operation_does_what_it_says() {
    let bed = Bed::new().await;
    for order in [bed.order().await, bed.dedicated_order().await] {
        every_operation_on(&bed, order).await;
    }
    bed.all_is_done().await;
}

async fn every_operation_on(bed: &Bed, order: OrderId) {
    bed.work_until(quick(), &format!("select state = 'active' from orders where id = {order}")).await;
    let steps = [
        (PowerOperation::Restart, true, 1, 2),
        (PowerOperation::Reinstall, true, 2, 3),
        (PowerOperation::Suspend, false, 2, 3),
        (PowerOperation::Unsuspend, true, 2, 4),
    ];
    for (operation, running, generation, boots) in steps {
        bed.power(order, operation).await;
        bed.work_until(quick(), "select not exists (select from task where state <> 'succeeded')").await;
        let machine = bed.machine(bed.live(), order).await;
        assert_eq!(machine.map(told), Some((running, generation, boots)), "{operation:?}");
    }
    bed.terminate(order).await;
    bed.work_until(quick(), "select not exists (select from task where state <> 'succeeded')").await;
    assert_eq!(bed.machine(bed.live(), order).await, None);
}

#[tokio::test]
async fn a_missing_machine_is_removed_already_but_can_not_be_suspended() {
    let bed = Bed::new().await;
    let (one, other) = (bed.ready_order().await, bed.ready_order().await);
    bed.run("delete from simulated_server").await;
    bed.power(one, PowerOperation::Suspend).await;
    bed.terminate(other).await;
    bed.work_until(
        quick(),
        "select count(*) = 2 from task where (operation, state) in \
           (('server_suspend', 'manual'), ('server_destroy', 'succeeded'))",
    )
    .await;
    let log = bed.text("select results from task where operation = 'server_suspend'").await;
    assert_eq!(log, "attempt 1: simulated-1 has no machine for this order\n");
    assert_eq!(bed.machine(bed.live(), other).await, None);
}
