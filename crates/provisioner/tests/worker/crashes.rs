//! Workers that die, workers that are overtaken, and a database that goes away.

use std::time::Duration;

use domain::{orders::PowerOperation, tasks::Operation};
use provisioner::WorkerSettings;
use store::tasks::{self, Failed, Next, Renewed, Simulated};

use crate::bed::{Bed, quick, stuck};

const ALL_DONE: &str = "select not exists (select from task where state <> 'succeeded')";

#[tokio::test]
async fn what_a_dead_worker_had_is_done_by_another() {
    let bed = Bed::new().await;
    let order = bed.order().await;
    bed.work_until(stuck(), "select state = 'running' from task").await;
    assert_eq!(bed.machine(bed.live(), order).await, None);
    bed.expire_leases().await;
    bed.work_until(quick(), "select state = 'active' from orders").await;
    assert!(bed.holds("select attempt = 2 from task").await);
    let log = bed.text("select results from task").await;
    assert!(log.starts_with("attempt 1: the worker was not heard of any more\ncreated on "), "{log}");
    bed.all_is_done().await;
}

#[tokio::test]
async fn what_a_dead_worker_had_done_is_not_done_twice() {
    let bed = Bed::new().await;
    let order = bed.order().await;
    for (operation, wanted) in [
        (Operation::Create, None),
        (Operation::Restart, Some(PowerOperation::Restart)),
        (Operation::Reinstall, Some(PowerOperation::Reinstall)),
    ] {
        if let Some(wanted) = wanted {
            bed.power(order, wanted).await;
        }
        let before = bed.machine(bed.live(), order).await.map_or(0, |machine| machine.boots);
        let task = bed.claim().await;
        assert_eq!(task.operation, operation);
        bed.apply(&task).await;
        bed.expire_leases().await;
        bed.work_until(quick(), ALL_DONE).await;
        assert_eq!(bed.machine(bed.live(), order).await.unwrap().boots, before + 1, "{operation}");
    }
    bed.all_is_done().await;
}

#[tokio::test]
async fn who_was_overtaken_writes_nothing_more() {
    let bed = Bed::new().await;
    let order = bed.order().await;
    let late = bed.claim().await;
    bed.expire_leases().await;
    bed.work_until(quick(), ALL_DONE).await;
    bed.power(order, PowerOperation::Suspend).await;
    bed.work_until(quick(), ALL_DONE).await;
    let before = bed.text("select string_agg(to_jsonb(task)::text, ' ' order by id) from task").await;
    let failed = Failed { class: "internal", driver: None, why: "late", known: true, unseen: false, next: Next::Never };
    let live = bed.live();
    let wrote = live
        .transaction("write late", async |tx| {
            let applied = tasks::apply_simulated(tx, &late).await?;
            assert_eq!(applied, Simulated::Outdated);
            let renewed = tasks::renew_lease(tx, &late.lease).await? != Renewed::Lost;
            let succeeded = tasks::succeed(tx, &late, "late", true).await?;
            let given_back = tasks::give_back(tx, &late.lease, &failed).await?;
            let released = tasks::release(tx, &late.lease).await?;
            let reaped = tasks::reap(tx, &late.lease).await?;
            Ok::<_, store::Error>([renewed, succeeded, given_back, released, reaped])
        })
        .await;
    assert_eq!(wrote.unwrap(), [false; 5]);
    assert_eq!(bed.text("select string_agg(to_jsonb(task)::text, ' ' order by id) from task").await, before);
    assert!(!bed.machine(live, order).await.unwrap().running);
}

#[tokio::test]
async fn a_lease_is_kept_as_long_as_the_work_takes() {
    let bed = Bed::new().await;
    bed.order().await;
    let settings = WorkerSettings { renew_every: Duration::from_millis(20), ..stuck() };
    let renewed =
        "select lease_until > now() + interval '20 seconds' and attempt = 1 from task where state = 'running'";
    bed.work_until(settings, "select exists (select from task where state = 'running')").await;
    // Nobody is there now who renews it; a new worker finds it running and leaves it alone until it has expired.
    bed.run("update task set lease_until = now() + interval '10 seconds'").await;
    assert!(!bed.holds(renewed).await);
    bed.expire_leases().await;
    let settings = WorkerSettings { renew_every: Duration::from_millis(20), ..stuck() };
    let work = bed.work_until(settings, "select attempt = 3 from task");
    let meddle = async {
        bed.until("select state = 'running' and attempt = 2 from task").await;
        bed.run("update task set lease_until = now() + interval '10 seconds'").await;
        bed.until("select lease_until > now() + interval '20 seconds' from task").await;
        // And a worker that finds its lease gone stops: its only slot is free to take the task again.
        bed.run("update task set fence = nextval('task_fence'), lease_until = now() - interval '1 second'").await;
    };
    tokio::join!(work, meddle);
}

#[tokio::test]
async fn work_whose_lease_can_not_be_renewed_is_aborted() {
    let bed = Bed::new().await;
    bed.order().await;
    let (proxy, database) = bed.db.behind_proxy().await;
    let settings = WorkerSettings {
        renew_every: Duration::from_millis(20),
        trust_lease_for: Duration::from_millis(200),
        ..stuck()
    };
    let worker = provisioner::spawn(database, settings).unwrap();
    bed.until("select state = 'running' from task").await;
    proxy.refuse();
    bed.expire_leases().await;
    proxy.recover();
    // Its one slot is free only because it let go of the first try.
    bed.until("select state = 'running' and attempt = 2 from task").await;
    drop(worker);
}

#[tokio::test]
async fn leases_are_kept_when_every_connection_is_taken() {
    let bed = Bed::new().await;
    bed.order().await;
    let database = bed.db.open(1);
    let settings = WorkerSettings { renew_every: Duration::from_millis(20), ..stuck() };
    let worker = provisioner::spawn(database.clone(), settings).unwrap();
    bed.until("select state = 'running' from task").await;
    let renewed = async {
        bed.run("update task set lease_until = now() + interval '10 seconds'").await;
        bed.until("select lease_until > now() + interval '20 seconds' and attempt = 1 from task").await;
    };
    let taken = database.live.read(async |_| {
        renewed.await;
        Ok::<_, store::Error>(())
    });
    taken.await.unwrap();
    drop(worker);
}

#[tokio::test]
async fn a_task_under_way_that_staff_cancel_is_let_go_of() {
    let bed = Bed::new().await;
    let order = bed.order().await;
    let settings =
        WorkerSettings { renew_every: Duration::from_millis(20), stop_for: Duration::from_millis(10), ..stuck() };
    let work = bed.work_until(settings, "select state = 'cancelled' from task where operation = 'server_create'");
    let cancel = async {
        bed.until("select state = 'running' from task").await;
        let id = domain::tasks::TaskId(bed.text("select id::text from task").await.parse().unwrap());
        bed.live().transaction("cancel", async |tx| tasks::cancel(tx, id).await).await.unwrap();
    };
    tokio::join!(work, cancel);
    // The removal may have been begun as well by now.
    let let_go = "select outcome = 'cancelled' and class = 'cancelled' from task_attempt \
                  where task_id = (select id from task where operation = 'server_create')";
    assert!(bed.holds(let_go).await);
    assert!(
        bed.holds(&format!("select state = 'terminated' and paid_until is null from orders where id = {order}")).await
    );
    bed.db.verify_books().await;
}

#[tokio::test]
async fn the_worker_outlives_a_database_that_goes_away() {
    let bed = Bed::new().await;
    let (proxy, database) = bed.db.behind_proxy().await;
    let worker = provisioner::spawn(database.clone(), quick()).unwrap();
    bed.order().await;
    bed.until(ALL_DONE).await;
    proxy.refuse();
    tokio::time::timeout(Duration::from_secs(30), database.monitor().gone()).await.unwrap();
    bed.order().await;
    proxy.recover();
    bed.until(ALL_DONE).await;
    worker.stop().await.unwrap();
    bed.all_is_done().await;
}

#[tokio::test]
async fn a_lost_answer_to_a_commit_loses_no_task() {
    let bed = Bed::new().await;
    let (proxy, database) = bed.db.behind_proxy().await;
    let worker = provisioner::spawn(database, quick()).unwrap();
    let mut orders = 0;
    for lost in 1..=4 {
        match lost % 2 {
            0 => proxy.lose_commit(),
            _ => proxy.lose_answer_to_commit(),
        }
        // The network loses a COMMIT only where it knows one.
        while proxy.lost() < lost {
            assert!(orders < 100, "no commit was lost");
            bed.order().await;
            orders += 1;
            tokio::select! {
                () = bed.until(ALL_DONE) => {}
                () = bury_the_dead(&bed) => {}
            }
        }
    }
    worker.stop().await.unwrap();
    let once = format!("select bool_and(boots = 1) and count(*) = {orders} from simulated_server");
    assert!(bed.holds(&once).await);
    bed.all_is_done().await;
}

/// A claim that was committed unseen is nobody's until its lease runs out: it does so twice a second here.
async fn bury_the_dead(bed: &Bed) {
    let mut pace = tokio::time::interval(Duration::from_millis(500));
    loop {
        pace.tick().await;
        bed.expire_leases().await;
    }
}
