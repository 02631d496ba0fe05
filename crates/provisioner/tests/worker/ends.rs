//! How a worker ends when it is told to.

use std::time::Duration;

use provisioner::WorkerSettings;

use crate::bed::{Bed, quick, stuck};

#[tokio::test]
async fn running_tasks_end_and_no_other_begins() {
    let bed = Bed::new().await;
    bed.order().await;
    bed.order().await;
    let settings = WorkerSettings { concurrency: 1, operation_time: Duration::from_secs(1), ..quick() };
    let worker = provisioner::spawn(bed.database(), settings).unwrap();
    bed.until("select exists (select from task where state = 'running')").await;
    worker.stop().await.unwrap();
    assert_eq!(bed.text("select string_agg(state, ' ' order by state) from task").await, "queued succeeded");
    assert!(bed.holds("select attempt = 0 from task where state = 'queued'").await);
}

#[tokio::test]
async fn what_does_not_end_in_time_is_given_back_uncounted() {
    let bed = Bed::new().await;
    bed.order().await;
    let settings = WorkerSettings { drain_for: Duration::from_millis(10), ..stuck() };
    let worker = provisioner::spawn(bed.database(), settings).unwrap();
    bed.until("select state = 'running' from task").await;
    worker.stop().await.unwrap();
    assert!(bed.holds("select state = 'queued' and attempt = 0 and run_at <= now() from task").await);
    bed.work_until(quick(), "select state = 'active' from orders").await;
    bed.all_is_done().await;
}

#[tokio::test]
async fn an_idle_worker_ends_at_once() {
    let bed = Bed::new().await;
    let worker = provisioner::spawn(bed.database(), quick()).unwrap();
    tokio::time::timeout(Duration::from_secs(10), worker.stop()).await.unwrap().unwrap();
}
