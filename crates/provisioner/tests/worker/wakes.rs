//! Workers are told of what is queued; they look by themselves all the same.

use domain::orders::PowerOperation;
use provisioner::WorkerSettings;
use store::customers::{self, NewTestKey};

use crate::bed::{Bed, FOR_EVER, quick};

const ALL_DONE: &str = "select not exists (select from task where state <> 'succeeded')";

/// Does not look by itself while a test lasts.
fn only_told() -> WorkerSettings {
    WorkerSettings { poll: FOR_EVER, ..quick() }
}

#[tokio::test]
async fn a_task_is_taken_without_waiting_for_the_next_look() {
    let bed = Bed::new().await;
    // Another process than the one that queues: the word goes through the database.
    let worker = provisioner::spawn(bed.db.open(10), only_told()).unwrap();
    let order = bed.order().await;
    bed.until(ALL_DONE).await;
    // Each is queued after the worker found nothing more to do.
    for wanted in [PowerOperation::Suspend, PowerOperation::Unsuspend, PowerOperation::Restart] {
        bed.power(order, wanted).await;
        bed.until(ALL_DONE).await;
    }
    worker.stop().await.unwrap();
    bed.all_is_done().await;
}

#[tokio::test]
async fn what_was_queued_while_nobody_could_be_told_is_found_when_the_worker_listens_again() {
    let bed = Bed::new().await;
    let (proxy, database) = bed.db.behind_proxy().await;
    let worker = provisioner::spawn(database.clone(), only_told()).unwrap();
    bed.order().await;
    bed.until(ALL_DONE).await;
    proxy.refuse();
    tokio::time::timeout(std::time::Duration::from_secs(30), database.monitor().gone()).await.unwrap();
    bed.order().await;
    proxy.recover();
    bed.until(ALL_DONE).await;
    worker.stop().await.unwrap();
}

#[tokio::test]
async fn a_task_that_nobody_told_of_is_found_by_looking() {
    let bed = Bed::new().await;
    let order = bed.ready_order().await;
    let worker = provisioner::spawn(bed.db.open(10), quick()).unwrap();
    // As by a process that was killed between its commit and its word of it.
    bed.run(&format!("insert into task (order_id, operation, state) values ({order}, 'server_reboot', 'queued')"))
        .await;
    bed.until(ALL_DONE).await;
    worker.stop().await.unwrap();
}

#[tokio::test]
async fn the_worker_of_a_customers_own_test_realm_is_told_too() {
    let bed = Bed::new().await;
    let key = NewTestKey { digest: &[7; 32], hint: "vt_", days: 1 };
    let mode = customers::turn_on(&bed.db.database, bed.buyer.customer, &key).await.unwrap();
    let own = bed.db.database.own_realm(&mode.name).unwrap();
    let worker = provisioner::spawn(bed.db.open(10), only_told()).unwrap();
    // The first is found when the worker begins to listen, the second is queued when there was nothing left to do.
    for orders in 1..=2 {
        bed.order_in(&own).await;
        let done = format!("select count(*) = {orders} from {}.task where state = 'succeeded'", mode.name);
        bed.until(&done).await;
    }
    worker.stop().await.unwrap();
}
