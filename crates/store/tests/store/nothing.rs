//! Tasks that come to nothing, and orders that end: what becomes of the money, the order and the server.

use std::time::Duration;

use domain::{
    orders::{OrderId, PowerOperation},
    tasks::{Operation, ProvisioningRules, TaskId},
};
use store::{
    Error, Realm,
    db::Rules,
    orders, servers,
    tasks::{self, Cancelled, ClaimedTask, Failed, Next},
};

use testkit::TestDb;

use crate::{
    acts::{balance, claim, place, power, state, succeed, terminate, vds},
    steering::{change, do_all, ready, reboot, server},
};

/// What Ann has at first, in cents.
const RICH: i64 = 100_000;

/// A try that failed for good. False when it was not the task's worker any more.
pub async fn fail(realm: &Realm, task: &ClaimedTask) -> bool {
    let failed = Failed {
        class: "missing",
        driver: Some("simulated"),
        why: "no template",
        known: true,
        unseen: false,
        next: Next::Never,
    };
    realm.transaction("fail", async |tx| tasks::give_back(tx, &task.lease, &failed).await).await.unwrap()
}

async fn cancel(realm: &Realm, id: TaskId) -> Result<Cancelled, Error> {
    realm.transaction("cancel", async |tx| tasks::cancel(tx, id).await).await
}

async fn restore(realm: &Realm, id: OrderId) -> Result<(), Error> {
    realm.transaction("restore", async |tx| orders::restore(tx, id).await).await
}

#[tokio::test]
async fn what_failed_for_good_is_paid_back_once() {
    let (db, ann, id) = server().await;
    let (store, live) = (&db.database, &db.database.live);
    power(store, &ann, id, PowerOperation::Suspend).await.unwrap();
    let create = claim(live).await.unwrap();
    assert!(balance(store, &ann).await < RICH);
    assert!(fail(live, &create).await);
    assert!(!fail(live, &create).await, "a second time finds nothing to do");
    assert_eq!(balance(store, &ann).await, RICH);
    assert_eq!(
        db.value::<String>("select string_agg(state, ' ' order by id) from live.task").await,
        "failed cancelled"
    );
    let log: String = db.value("select results from live.task where operation = 'server_create'").await;
    assert_eq!(log, "attempt 1: no template\n14.90 EUR returned to the balance\n");
    let seen = db.value::<bool>("select by_hand and attention like 'server_create failed%' from live.orders");
    assert!(seen.await);
    assert_eq!(state(&db, id).await, "manual");
    let tried: String = db.value("select concat_ws(' ', outcome, class, driver, detail) from live.task_attempt").await;
    assert_eq!(tried, "failed missing simulated no template");
    // Nobody gets it for nothing afterwards.
    let again = live.transaction("retry", async |tx| tasks::retry(tx, create.lease.id).await).await;
    assert!(matches!(&again, Err(Error::Refused(why)) if why.contains("was returned")), "{again:?}");
    let done = orders::Processed::default();
    let done = live.transaction("process", async |tx| orders::process(tx, id, &done).await).await;
    assert!(matches!(done, Err(Error::Refused(_))), "{done:?}");
    terminate(store, id).await.unwrap();
    assert_eq!(balance(store, &ann).await, RICH);
    db.verify_books().await;
}

#[tokio::test]
async fn a_change_that_fails_takes_later_ones_with_it() {
    let (db, ann, id) = ready().await;
    let (store, live) = (&db.database, &db.database.live);
    let before = balance(store, &ann).await;
    for cpu in [4, 8, 6] {
        change(store, &ann, id, cpu).await.unwrap();
    }
    reboot(store, &ann, id).await.unwrap();
    let first = claim(live).await.unwrap();
    assert!(balance(store, &ann).await < before);
    assert!(fail(live, &first).await);
    assert_eq!(balance(store, &ann).await, before);
    assert_eq!(db.value::<i32>("select cpu_ghz from live.server").await, 2, "it is what it was");
    assert_eq!(state(&db, id).await, "active");
    assert_eq!(do_all(live).await, [Operation::Restart], "the rest goes on");
    let states = "select string_agg(state, ' ' order by id) from live.task where operation = 'server_change'";
    assert_eq!(db.value::<String>(states).await, "failed cancelled cancelled");
    db.verify_books().await;
}

#[tokio::test]
async fn what_is_cancelled_is_taken_back_and_what_came_after_it_stays() {
    let (db, ann, id) = ready().await;
    let (store, live) = (&db.database, &db.database.live);
    let customer = ann.customer;
    let rename = async |name: &str| {
        let name = domain::domain_name::DomainName::parse(name).unwrap();
        live.transaction("rename", async |tx| servers::rename(tx, customer, id, &name).await).await.unwrap()
    };
    let one = rename("one.example").await;
    let two = rename("two.example").await;
    assert_eq!(cancel(live, one).await.unwrap(), Cancelled::Done);
    let hostname = "select coalesce(hostname, 'none') from live.server";
    assert_eq!(db.value::<String>(hostname).await, "two.example");
    assert_eq!(cancel(live, two).await.unwrap(), Cancelled::Done);
    assert_eq!(db.value::<String>(hostname).await, "none", "not the first one's, which came to nothing too");
    let password = "select encode(server_password, 'hex') from live.orders";
    let had: String = db.value(password).await;
    let reset = async |tx: &mut store::Tx| servers::reset_password(tx, customer, id, None).await;
    let reset = live.transaction("reset", reset).await.unwrap();
    assert_ne!(db.value::<String>(password).await, had);
    cancel(live, reset).await.unwrap();
    assert_eq!(db.value::<String>(password).await, had);
    let before = balance(store, &ann).await;
    let bigger = change(store, &ann, id, 4).await.unwrap();
    cancel(live, bigger).await.unwrap();
    assert_eq!((balance(store, &ann).await, db.value::<i32>("select cpu_ghz from live.server").await), (before, 2));
    power(store, &ann, id, PowerOperation::Suspend).await.unwrap();
    let suspend = TaskId(db.value("select max(id) from live.task").await);
    cancel(live, suspend).await.unwrap();
    assert_eq!(state(&db, id).await, "active");
    assert!(do_all(live).await.is_empty());
    db.verify_books().await;
}

#[tokio::test]
async fn a_creation_that_is_cancelled_ends_its_order() {
    let (db, ann, id) = server().await;
    let (store, live) = (&db.database, &db.database.live);
    let create = TaskId(db.value("select id from live.task").await);
    assert_eq!(cancel(live, create).await.unwrap(), Cancelled::Done);
    assert_eq!((state(&db, id).await.as_str(), balance(store, &ann).await), ("terminated", RICH));
    assert!(do_all(live).await.is_empty(), "there is nothing to remove");
    // One that a worker has is let go of, once it is known that it was not done.
    let id = place(store, &ann, &vds()).await;
    let create = claim(live).await.unwrap();
    assert_eq!(cancel(live, create.lease.id).await.unwrap(), Cancelled::Asked);
    let told = live.transaction("renew", async |tx| tasks::renew_lease(tx, &create.lease).await).await.unwrap();
    assert_eq!(told, tasks::Renewed::CancelAsked);
    let doubtful = Failed {
        class: "unavailable",
        driver: None,
        why: "no answer",
        known: false,
        unseen: false,
        next: Next::After(Duration::ZERO),
    };
    let back = async |task: &ClaimedTask, failed: &Failed<'_>| {
        live.transaction("back", async |tx| tasks::give_back(tx, &task.lease, failed).await).await.unwrap()
    };
    assert!(back(&create, &doubtful).await);
    let again = claim(live).await.unwrap();
    assert!(again.cancel_asked, "whoever has it next looks, and begins nothing");
    assert!(back(&again, &Failed { known: true, ..doubtful }).await);
    assert_eq!((state(&db, id).await.as_str(), balance(store, &ann).await), ("terminated", RICH));
    assert_eq!(do_all(live).await, [Operation::Destroy], "it may be there in part");
    let outcomes = "select string_agg(outcome, ' ' order by fence) from live.task_attempt";
    assert_eq!(db.value::<String>(outcomes).await, "unknown cancelled succeeded");
    db.verify_books().await;
}

#[tokio::test]
async fn what_is_being_deleted_can_not_be_cancelled() {
    let (db, ann, id) = ready().await;
    let live = &db.database.live;
    power(&db.database, &ann, id, PowerOperation::Reinstall).await.unwrap();
    let reinstall = claim(live).await.unwrap();
    assert!(matches!(cancel(live, reinstall.lease.id).await, Err(Error::Refused(_))));
    assert!(succeed(live, &reinstall).await);
    terminate(&db.database, id).await.unwrap();
    let destroy = TaskId(db.value("select max(id) from live.task").await);
    assert!(matches!(cancel(live, destroy).await, Err(Error::Refused(_))));
}

#[tokio::test]
async fn what_ends_an_order_ends_what_waits_for_it() {
    let (db, ann, id) = server().await;
    let (store, live) = (&db.database, &db.database.live);
    let create = claim(live).await.unwrap();
    power(store, &ann, id, PowerOperation::Reinstall).await.unwrap();
    terminate(store, id).await.unwrap();
    assert!(succeed(live, &create).await);
    assert_eq!(do_all(live).await, [Operation::Destroy]);
    assert_eq!(state(&db, id).await, "terminated");
}

#[tokio::test]
async fn an_ended_order_is_restored_while_its_server_is_there() {
    let (mut db, ann, id) = ready().await;
    db.database = db.under(Rules { provisioning: ProvisioningRules::default(), ..TestDb::rules() });
    let (store, live) = (&db.database, &db.database.live);
    reboot(store, &ann, id).await.unwrap();
    terminate(store, id).await.unwrap();
    assert_eq!(do_all(live).await, [Operation::Suspend], "it is off, and there");
    restore(live, id).await.unwrap();
    assert_eq!(state(&db, id).await, "active");
    assert_eq!(do_all(live).await, [Operation::Unsuspend]);
    assert!(matches!(restore(live, id).await, Err(Error::Refused(_))), "it has not ended");
    // A suspended one comes back suspended.
    power(store, &ann, id, PowerOperation::Suspend).await.unwrap();
    assert_eq!(do_all(live).await, [Operation::Suspend]);
    terminate(store, id).await.unwrap();
    restore(live, id).await.unwrap();
    assert_eq!(state(&db, id).await, "suspended");
    terminate(store, id).await.unwrap();
    db.run_sql("update live.task set run_at = now() where state = 'queued'").await;
    assert!(do_all(live).await.contains(&Operation::Destroy));
    assert!(matches!(restore(live, id).await, Err(Error::Refused(_))), "its server is gone");
    db.verify_books().await;
}
