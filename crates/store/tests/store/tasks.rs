//! The queue: one task of an order at a time, in order, and what becomes of those that fail.

use std::{collections::BTreeSet, time::Duration};

use domain::{
    orders::{OrderId, PowerOperation},
    tasks::{Operation, ProvisioningRules, RefundFailed, TaskId},
};
use futures_util::future::join_all;
use secrecy::ExposeSecret;
use store::{
    Error, Realm, Tx,
    db::Rules,
    orders::Buyer,
    tasks::{self, Cancelled, ClaimedTask, Failed, Next, Renewed, Simulated, TaskFilter},
};
use testkit::TestDb;

use crate::acts::{claim, hosting, place, power, state, succeed, terminate, vds, vds_by_hand};

/// A try that failed.
fn no_luck(next: Next) -> Failed<'static> {
    Failed { class: "unavailable", driver: Some("simulated"), why: "no luck", known: true, unseen: false, next }
}

async fn give_back(realm: &Realm, task: &ClaimedTask, wait_seconds: u64) -> bool {
    let failed = no_luck(Next::After(Duration::from_secs(wait_seconds)));
    let back = realm.transaction("give back", async |tx| tasks::give_back(tx, &task.lease, &failed).await);
    back.await.unwrap()
}

/// Ends the leases that ran out. Returns how many there were.
async fn reap(realm: &Realm) -> usize {
    let expired = realm.read(async |c| tasks::expired(c).await).await.unwrap();
    for lease in &expired {
        assert!(realm.transaction("reap", async |tx| tasks::reap(tx, lease).await).await.unwrap());
        assert!(!realm.transaction("reap", async |tx| tasks::reap(tx, lease).await).await.unwrap(), "once is enough");
    }
    expired.len()
}

async fn retry(realm: &Realm, id: TaskId) -> Result<(), Error> {
    realm.transaction("retry", async |tx| tasks::retry(tx, id).await).await
}

/// Ann has a server that is being made. What fails for good waits for staff.
async fn server() -> (TestDb, Buyer, OrderId) {
    let mut db = TestDb::with_demo_catalogue().await;
    db.database = db.under(Rules {
        provisioning: ProvisioningRules { refund_failed: RefundFailed::ByStaff, ..TestDb::rules().provisioning },
        ..TestDb::rules()
    });
    let ann = db.customer("ann").credit("1000.00").add().await;
    let id = place(&db.database, &ann, &vds()).await;
    (db, ann, id)
}

#[tokio::test]
async fn an_order_s_tasks_are_claimed_one_at_a_time_and_in_order() {
    let (db, ann, one) = server().await;
    let (store, live) = (&db.database, &db.database.live);
    let other = place(store, &ann, &hosting("example.lt")).await;
    for wanted in [PowerOperation::Restart, PowerOperation::Restart, PowerOperation::Suspend, PowerOperation::Unsuspend]
    {
        power(store, &ann, one, wanted).await.unwrap();
    }
    let first = claim(live).await.unwrap();
    assert_eq!((first.lease.order, first.operation, first.lease.attempt), (one, Operation::Create, 1));
    assert_eq!((first.driver.as_deref(), first.image.as_deref()), (Some("simulated"), Some("debian-12-x86_64")));
    assert_eq!((first.login.as_str(), first.password.as_ref().unwrap().expose_secret().len()), ("root", 20));
    let second = claim(live).await.unwrap();
    assert_eq!((second.lease.order, second.operation, second.login), (other, Operation::Create, format!("u{other}")));
    assert!(claim(live).await.is_none(), "an order's next task waits for the one before");
    assert!(succeed(live, &first).await);
    assert_eq!(state(&db, one).await, "active");
    // The second restart was one with the first, which nobody had begun.
    let mut done = Vec::new();
    while let Some(task) = claim(live).await {
        assert!(claim(live).await.is_none());
        assert!(succeed(live, &task).await);
        assert!(!succeed(live, &task).await, "it is done only once");
        done.push(task.operation);
    }
    // Its power goes before what else its customer wants of it.
    assert_eq!(done, [Operation::Suspend, Operation::Unsuspend, Operation::Restart]);
    db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_workers_never_claim_the_same() {
    let (db, ann, one) = server().await;
    let mut orders = BTreeSet::from([one]);
    for at in 0..3 {
        orders.insert(place(&db.database, &ann, &hosting(&format!("example{at}.lt"))).await);
    }
    for id in &orders {
        power(&db.database, &ann, *id, PowerOperation::Suspend).await.unwrap();
    }
    let store = db.open(12);
    let mut claimed = BTreeSet::new();
    // A worker may find nothing while another holds the row; the next look finds it.
    while claimed.len() < orders.len() {
        for task in join_all((0..12).map(|_| claim(&store.live))).await.into_iter().flatten() {
            assert_eq!(task.operation, Operation::Create);
            assert!(claimed.insert(task.lease.order), "claimed twice");
        }
    }
    assert_eq!(claimed, orders);
    assert!(claim(&store.live).await.is_none());
}

#[tokio::test]
async fn a_task_given_back_waits_its_time_and_in_the_end_for_staff() {
    let (db, ann, id) = server().await;
    let live = &db.database.live;
    power(&db.database, &ann, id, PowerOperation::Restart).await.unwrap();
    let task = claim(live).await.unwrap();
    assert!(give_back(live, &task, 3_600).await);
    assert!(!give_back(live, &task, 0).await, "it is no longer this worker's");
    assert!(claim(live).await.is_none(), "neither it nor what comes after it");
    db.run_sql("update live.task set run_at = now()").await;
    for attempt in 2..=task.lease.max_attempts {
        let task = claim(live).await.unwrap();
        assert_eq!((task.operation, task.lease.attempt), (Operation::Create, attempt));
        assert!(give_back(live, &task, 0).await);
    }
    assert_eq!(state(&db, id).await, "manual");
    let filter = TaskFilter { state: Some("manual".to_owned()), most: 10, ..TaskFilter::default() };
    let manual = live.read(async |c| tasks::list(c, &filter).await).await.unwrap();
    let left: Vec<_> = manual.iter().map(|t| (t.operation.as_str(), t.attempt, t.results.lines().count())).collect();
    let expected = [(Operation::Restart.name(), 0, 0), (Operation::Create.name(), 5, 5)];
    assert_eq!(left, expected, "what comes after it waits for staff too");
}

#[tokio::test]
async fn a_creation_that_is_tried_again_makes_the_order_the_provisioner_s() {
    let (db, ann, id) = server().await;
    let live = &db.database.live;
    while let Some(task) = claim(live).await {
        assert!(give_back(live, &task, 0).await);
    }
    assert_eq!(state(&db, id).await, "manual");
    let task = TaskId(db.value("select id from live.task").await);
    retry(live, task).await.unwrap();
    assert!(matches!(retry(live, task).await, Err(Error::Refused(_))), "it waits for a worker");
    assert_eq!(state(&db, id).await, "provisioning");
    let again = claim(live).await.unwrap();
    assert_eq!((again.lease.id, again.lease.attempt), (task, 1));
    assert!(succeed(live, &again).await);
    assert_eq!(state(&db, id).await, "active");
    // What its customer asks for next is the provisioner's too.
    assert!(!power(&db.database, &ann, id, PowerOperation::Restart).await.unwrap().by_hand);
    assert_eq!(claim(live).await.unwrap().operation, Operation::Restart);
}

/// The reason for which a task was not queued again.
async fn retry_refused(realm: &Realm, id: TaskId) -> String {
    match retry(realm, id).await {
        Err(Error::Refused(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// An order's newest task of an operation.
async fn task_of(db: &TestDb, order: OrderId, operation: Operation) -> TaskId {
    let sql = format!("select max(id) from live.task where order_id = {order} and operation = '{}'", operation.name());
    TaskId(db.value(&sql).await)
}

#[tokio::test]
async fn no_worker_is_given_what_only_staff_can_do() {
    let (db, ann, _) = server().await;
    let live = &db.database.live;
    assert!(succeed(live, &claim(live).await.unwrap()).await);
    let id = place(&db.database, &ann, &vds_by_hand()).await;
    power(&db.database, &ann, id, PowerOperation::Suspend).await.unwrap();
    let mut operations = vec![Operation::Create, Operation::Suspend];
    for round in ["waiting", "ended"] {
        for operation in &operations {
            let why = retry_refused(live, task_of(&db, id, *operation).await).await;
            assert!(why.contains("has no driver"), "{round}, {operation}: {why}");
        }
        if round == "waiting" {
            assert!(claim(live).await.is_none());
            terminate(&db.database, id).await.unwrap();
            operations = vec![Operation::Destroy];
        }
    }
    assert!(claim(live).await.is_none());
    assert_eq!(db.value::<i64>("select count(*) from live.task where state in ('queued', 'running')").await, 0);
}

#[tokio::test]
async fn what_follows_a_failed_creation_is_tried_again_after_it() {
    let (db, ann, id) = server().await;
    let live = &db.database.live;
    power(&db.database, &ann, id, PowerOperation::Suspend).await.unwrap();
    while let Some(task) = claim(live).await {
        assert!(give_back(live, &task, 0).await);
    }
    assert_eq!(state(&db, id).await, "suspended");
    let (create, suspend) = (task_of(&db, id, Operation::Create).await, task_of(&db, id, Operation::Suspend).await);
    let why = retry_refused(live, suspend).await;
    assert!(why.contains("creation"), "{why}");
    assert!(claim(live).await.is_none());
    retry(live, create).await.unwrap();
    retry(live, suspend).await.unwrap();
    for operation in [Operation::Create, Operation::Suspend] {
        let task = claim(live).await.unwrap();
        assert_eq!(task.operation, operation);
        assert!(succeed(live, &task).await);
    }
    assert_eq!(state(&db, id).await, "suspended");
    assert!(!power(&db.database, &ann, id, PowerOperation::Unsuspend).await.unwrap().by_hand);
}

#[tokio::test]
async fn what_was_never_made_is_only_removed_once_its_order_has_ended() {
    let (db, _, id) = server().await;
    let live = &db.database.live;
    let create = claim(live).await.unwrap();
    terminate(&db.database, id).await.unwrap();
    let give_up = async |task: &ClaimedTask| {
        let gave_up = async |tx: &mut Tx| tasks::give_back(tx, &task.lease, &no_luck(Next::Never)).await;
        assert!(live.transaction("give up", gave_up).await.unwrap());
    };
    give_up(&create).await;
    let why = retry_refused(live, create.lease.id).await;
    assert!(why.contains("terminated"), "{why}");
    let destroy = claim(live).await.unwrap();
    give_up(&destroy).await;
    retry(live, destroy.lease.id).await.unwrap();
    let again = claim(live).await.unwrap();
    assert_eq!((again.lease.id, again.operation), (destroy.lease.id, Operation::Destroy));
}

#[tokio::test]
async fn a_worker_that_falls_silent_loses_its_task() {
    let (db, _, id) = server().await;
    let live = &db.database.live;
    let renew = async |task: &ClaimedTask| {
        live.transaction("renew lease", async |tx| tasks::renew_lease(tx, &task.lease).await).await.unwrap()
            == Renewed::Held
    };
    let lost = claim(live).await.unwrap();
    assert!(renew(&lost).await);
    assert_eq!(reap(live).await, 0);
    db.run_sql("update live.task set lease_until = now() - interval '1 second'").await;
    assert_eq!(reap(live).await, 1);
    let taken = claim(live).await.unwrap();
    assert_eq!((taken.lease.id, taken.lease.attempt), (lost.lease.id, 2));
    assert!(taken.lease.fence > lost.lease.fence);
    assert!(!renew(&lost).await);
    assert!(!succeed(live, &lost).await);
    assert_eq!(state(&db, id).await, "provisioning");
    assert!(succeed(live, &taken).await);
    assert_eq!(state(&db, id).await, "active");
}

#[tokio::test]
async fn the_last_worker_s_silence_hands_the_order_to_staff() {
    let (db, _, id) = server().await;
    let live = &db.database.live;
    while claim(live).await.is_some() {
        db.run_sql("update live.task set lease_until = now() - interval '1 second'").await;
        assert_eq!(reap(live).await, 1);
    }
    assert_eq!(db.value::<i32>("select attempt from live.task").await, 5);
    assert_eq!(state(&db, id).await, "manual");
}

#[tokio::test]
async fn a_task_that_nobody_has_taken_can_be_cancelled() {
    let (db, ann, id) = server().await;
    let live = &db.database.live;
    let create = claim(live).await.unwrap();
    power(&db.database, &ann, id, PowerOperation::Restart).await.unwrap();
    let restart = TaskId(db.value("select max(id) from live.task").await);
    let cancel = async |id| live.transaction("cancel", async |tx| tasks::cancel(tx, id).await).await;
    assert_eq!(cancel(restart).await.unwrap(), Cancelled::Done);
    assert!(matches!(cancel(restart).await, Err(Error::Refused(_))), "it is over");
    assert!(succeed(live, &create).await);
    assert!(matches!(cancel(create.lease.id).await, Err(Error::Refused(_))), "it is done");
    assert!(claim(live).await.is_none());
}

#[tokio::test]
async fn the_simulated_hypervisor_does_what_its_newest_task_says() {
    let (db, ann, id) = server().await;
    let (store, live) = (&db.database, &db.database.live);
    let apply = async |task: &ClaimedTask| {
        live.transaction("apply", async |tx| tasks::apply_simulated(tx, task).await).await.unwrap()
    };
    let machine = async || {
        let now = live.read(async |c| tasks::simulated(c, id).await).await.unwrap().unwrap();
        (now.running, now.generation, now.boots)
    };
    let create = claim(live).await.unwrap();
    for _ in 0..2 {
        assert_eq!((apply(&create).await, machine().await), (Simulated::Done, (true, 1, 1)), "again is no second time");
    }
    assert!(succeed(live, &create).await);
    power(store, &ann, id, PowerOperation::Reinstall).await.unwrap();
    let reinstall = claim(live).await.unwrap();
    assert_eq!((reinstall.operation, reinstall.generation), (Operation::Reinstall, 2));
    assert_eq!((apply(&reinstall).await, machine().await), (Simulated::Done, (true, 2, 2)));
    assert!(succeed(live, &reinstall).await);
    power(store, &ann, id, PowerOperation::Suspend).await.unwrap();
    let suspend = claim(live).await.unwrap();
    assert_eq!((apply(&suspend).await, machine().await), (Simulated::Done, (false, 2, 2)));
    assert_eq!(apply(&reinstall).await, Simulated::Outdated, "an older task comes too late");
    assert_eq!(machine().await, (false, 2, 2));
}
