//! Drivers that lie, break off, or do not know.

use std::{collections::BTreeMap, rc::Rc, time::Duration};

use domain::{
    calendar::Months,
    catalogue::{TariffId, Vid},
    field::Field,
    orders::{OrderId, PlaceRequest, Unpaid},
    tasks::Operation,
    usage::Counters,
};
use futures_util::future::LocalBoxFuture;
use store::{Realm, orders::place};
use testkit::TestDb;
use uuid::Uuid;

use super::*;
use crate::driver::{Machine, SimulatedDriver, Traits};

/// Says what it is told to say; `None` panics.
struct Scripted {
    outcome: Option<Outcome>,
    seen: Option<Observed>,
}

impl Driver for Scripted {
    fn execute<'a>(&'a self, _: &'a ClaimedTask) -> LocalBoxFuture<'a, Outcome> {
        async { self.outcome.clone().unwrap() }.boxed_local()
    }

    fn observe<'a>(&'a self, _: &'a ClaimedTask) -> LocalBoxFuture<'a, Observed> {
        async { self.seen.clone().unwrap() }.boxed_local()
    }

    fn usage(&self, _: OrderId) -> LocalBoxFuture<'_, Option<Counters>> {
        async { None }.boxed_local()
    }
}

fn done() -> Outcome {
    Outcome::Done { node: "n1".into() }
}

fn unknown() -> Outcome {
    Outcome::Unknown { why: "no answer".into() }
}

fn running() -> Observed {
    Observed::Present(Machine { running: true, generation: 1, traits: Traits::default() })
}

async fn order(db: &TestDb, realm: &Realm) {
    let buyer = db.customer("ann").credit("1000.00").add().await;
    let request = PlaceRequest {
        vid: Field::Given(Vid::Dedicated),
        tariff: Field::Given(TariffId(30)),
        period: Field::Given(Months::new(1).unwrap()),
        domain: Field::Absent,
        addons: Vec::new(),
    };
    let placed = realm.transaction("order", async |tx| place(tx, &buyer, &request, Unpaid::Refuse).await).await;
    assert!(placed.is_ok());
}

/// What becomes of an order's first task, made the given operation, with a driver that says so: its state, its log, and
/// in how many seconds it is due again.
async fn tried(operation: Operation, outcome: Option<Outcome>, seen: Option<Observed>) -> (String, String, f64) {
    let db = TestDb::with_demo_catalogue().await;
    let realm = &db.database.live;
    order(&db, realm).await;
    db.run_sql(&format!("update live.task set operation = '{operation}'")).await;
    let worker = Uuid::new_v4();
    let claim = realm.transaction("claim", async |tx| tasks::claim(tx, worker).await).await.unwrap().unwrap();
    let scripted: Rc<dyn Driver> = Rc::new(Scripted { outcome, seen });
    attempt(realm, &Drivers::Live(BTreeMap::from([(SimulatedDriver::NAME, scripted)])), &claim).await;
    let due = "select extract(epoch from run_at - now())::float8 from live.task";
    (
        db.value("select state from live.task").await,
        db.value("select results from live.task").await,
        db.value(due).await,
    )
}

#[tokio::test]
async fn what_a_driver_says_is_done_must_be_seen() {
    let (state, log, _) = tried(Operation::Create, Some(done()), Some(running())).await;
    assert_eq!((state.as_str(), log.as_str()), ("succeeded", "created on n1, system generation 1, running\n"));
    let stopped = Observed::Present(Machine { running: false, generation: 1, traits: Traits::default() });
    let (state, log, _) = tried(Operation::Create, Some(done()), Some(stopped)).await;
    assert_eq!((state.as_str(), log.as_str()), ("queued", "attempt 1: the machine is stopped\n"));
    let (state, log, _) = tried(Operation::Destroy, Some(done()), Some(running())).await;
    assert_eq!((state.as_str(), log.as_str()), ("queued", "attempt 1: the machine is still there\n"));
    let gone = Observed::Unavailable("n1 does not answer".into());
    assert_eq!(tried(Operation::Destroy, Some(done()), Some(gone)).await.0, "queued");
}

#[tokio::test]
async fn what_a_driver_does_not_know_is_looked_at() {
    let (state, log, _) = tried(Operation::Create, Some(unknown()), Some(running())).await;
    assert_eq!(state, "succeeded");
    assert_eq!(log, "no answer; created on the hypervisor, system generation 1, running\n");
    let (state, log, _) = tried(Operation::Create, Some(unknown()), Some(Observed::Missing)).await;
    assert_eq!((state.as_str(), log.as_str()), ("queued", "attempt 1: no answer; there is no machine\n"));
    // A machine that runs may or may not have been restarted.
    assert_eq!(tried(Operation::Restart, Some(unknown()), Some(running())).await.0, "queued");
    // Nor does it say that its packet filter was emptied.
    assert_eq!(tried(Operation::FlushFilter, Some(unknown()), Some(running())).await.0, "queued");
}

#[tokio::test]
async fn a_driver_that_panics_has_failed_one_task() {
    let (state, log, _) = tried(Operation::Create, None, Some(Observed::Missing)).await;
    assert_eq!((state.as_str(), log.as_str()), ("queued", "attempt 1: the driver broke off; there is no machine\n"));
    assert_eq!(tried(Operation::Create, Some(done()), None).await.0, "queued");
}

#[tokio::test]
async fn a_driver_says_when_it_is_to_be_asked_again_and_when_never() {
    let retry = |after| Outcome::Retry { after: Some(after), class: Class::Unavailable, why: "busy".into() };
    let (state, log, due) = tried(Operation::Create, Some(retry(Duration::from_secs(90))), None).await;
    assert_eq!((state.as_str(), log.as_str()), ("queued", "attempt 1: busy\n"));
    assert!((60.0..=90.0).contains(&due), "{due}");
    let (_, _, due) = tried(Operation::Create, Some(retry(Duration::from_secs(86_400))), None).await;
    assert!((570.0..=600.0).contains(&due), "no longer than the cap: {due}");
    let fail = Outcome::Fail { class: Class::Missing, why: "there is none".into() };
    let (state, log, _) = tried(Operation::Suspend, Some(fail), None).await;
    assert_eq!((state.as_str(), log.as_str()), ("manual", "attempt 1: there is none\n"));
}

#[tokio::test]
async fn addresses_that_are_not_seen_are_not_there() {
    let with = |addresses: Option<&[&str]>| {
        let addresses = addresses.map(|all| all.iter().map(|ip| ip.parse().unwrap()).collect());
        let traits = Traits { addresses, ..Traits::default() };
        Some(Observed::Present(Machine { running: true, generation: 1, traits }))
    };
    let (state, log, _) = tried(Operation::MoveAddress, Some(done()), with(Some(&["198.18.0.2"]))).await;
    assert_eq!((state.as_str(), log.as_str()), ("succeeded", "addresses set on n1, system generation 1, running\n"));
    for seen in [None, Some(&[][..]), Some(&["198.18.0.2", "198.18.0.3"][..]), Some(&["198.18.0.3"][..])] {
        let (state, log, _) = tried(Operation::MoveAddress, Some(done()), with(seen)).await;
        let missed = "attempt 1: the machine's list of addresses is not what it is to be\n";
        assert_eq!((state.as_str(), log.as_str()), ("queued", missed), "{seen:?}");
    }
}
