//! Drivers that lie, break off, or do not know.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use domain::{
    calendar::Months,
    catalogue::{TariffId, Vid},
    field::Field,
    orders::{OrderId, PlaceRequest, Unpaid},
    tasks::Operation,
    usage::Counters,
};
use futures_util::{FutureExt, future::LocalBoxFuture};
use store::{Realm, orders::place};
use testkit::TestDb;
use uuid::Uuid;

use super::*;
use crate::driver::{Ctx, Driver, Handle, Machine, Observed, Outcome, SimulatedDriver, Traits, Trouble};

/// Says what it is told to say; `None` panics.
struct Scripted {
    outcome: Option<Outcome>,
    seen: Option<Observed>,
}

impl Driver for Scripted {
    fn operations(&self) -> BTreeSet<Operation> {
        Operation::ALL.into()
    }

    fn time_for(&self, _: Operation) -> Duration {
        Duration::from_mins(1)
    }

    fn probe(&self) -> LocalBoxFuture<'_, Result<BTreeSet<Operation>, Trouble>> {
        async { Ok(self.operations()) }.boxed_local()
    }

    fn cancel<'a>(&'a self, _: &'a Handle) -> LocalBoxFuture<'a, ()> {
        async {}.boxed_local()
    }

    fn execute<'a>(&'a self, _: &'a ClaimedTask, _: &'a Ctx) -> LocalBoxFuture<'a, Outcome> {
        async { self.outcome.clone().unwrap() }.boxed_local()
    }

    fn observe<'a>(&'a self, _: &'a ClaimedTask, _: &'a Ctx) -> LocalBoxFuture<'a, Observed> {
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
    Outcome::Unknown { class: Class::Unavailable, why: "no answer".into() }
}

fn running() -> Observed {
    Observed::Present(Machine { running: true, generation: 1, boot: None, traits: Traits::default() })
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
    let drivers = Drivers::Live(BTreeMap::from([(SimulatedDriver::NAME.to_owned(), scripted)]));
    attempt(realm, &drivers, &claim, &WorkerSettings::default(), watch::channel(false).1).await;
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
    let stopped = Observed::Present(Machine { running: false, generation: 1, boot: None, traits: Traits::default() });
    let (state, log, _) = tried(Operation::Create, Some(done()), Some(stopped)).await;
    assert_eq!((state.as_str(), log.as_str()), ("queued", "attempt 1: the machine is stopped\n"));
    let (state, log, _) = tried(Operation::Destroy, Some(done()), Some(running())).await;
    assert_eq!((state.as_str(), log.as_str()), ("queued", "attempt 1: the machine is still there\n"));
    let gone = Observed::Unavailable(Trouble::new(Class::Unavailable, "n1 does not answer"));
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
        Some(Observed::Present(Machine { running: true, generation: 1, boot: None, traits }))
    };
    let (state, log, _) = tried(Operation::MoveAddress, Some(done()), with(Some(&["198.18.0.2"]))).await;
    assert_eq!((state.as_str(), log.as_str()), ("succeeded", "addresses set on n1, system generation 1, running\n"));
    for seen in [Some(&[][..]), Some(&["198.18.0.2", "198.18.0.3"][..]), Some(&["198.18.0.3"][..])] {
        let (state, log, _) = tried(Operation::MoveAddress, Some(done()), with(seen)).await;
        let missed = "attempt 1: the machine's list of addresses is not what it is to be\n";
        assert_eq!((state.as_str(), log.as_str()), ("queued", missed), "{seen:?}");
    }
}
/// A machine that says which start of its system it is in, and a driver that has it restarted.
#[derive(Default)]
struct Restarter {
    boots: Cell<u32>,
    /// It is asked after so often before it is done.
    pending: Cell<u32>,
    asked: RefCell<Vec<Option<Handle>>>,
    cancelled: RefCell<Vec<Handle>>,
    /// Without effect.
    liar: bool,
    /// Does not tell the start.
    blind: bool,
}

impl Driver for Restarter {
    fn operations(&self) -> BTreeSet<Operation> {
        [Operation::Restart].into()
    }

    fn time_for(&self, _: Operation) -> Duration {
        Duration::from_mins(1)
    }

    fn probe(&self) -> LocalBoxFuture<'_, Result<BTreeSet<Operation>, Trouble>> {
        async { Ok(self.operations()) }.boxed_local()
    }

    fn cancel<'a>(&'a self, handle: &'a Handle) -> LocalBoxFuture<'a, ()> {
        async { self.cancelled.borrow_mut().push(handle.clone()) }.boxed_local()
    }

    fn execute<'a>(&'a self, _: &'a ClaimedTask, ctx: &'a Ctx) -> LocalBoxFuture<'a, Outcome> {
        async {
            self.asked.borrow_mut().push(ctx.handle());
            ctx.log().line("asked; the password is driver-secret");
            if let Some(left) = self.pending.get().checked_sub(1) {
                self.pending.set(left);
                return Outcome::Pending { handle: Handle("job-1".into()), poll_after: Duration::from_millis(1) };
            }
            self.boots.set(self.boots.get() + u32::from(!self.liar));
            done()
        }
        .boxed_local()
    }

    fn observe<'a>(&'a self, _: &'a ClaimedTask, _: &'a Ctx) -> LocalBoxFuture<'a, Observed> {
        let boot = (!self.blind).then(|| self.boots.get().to_string());
        async { Observed::Present(Machine { running: true, generation: 1, boot, traits: Traits::default() }) }
            .boxed_local()
    }

    fn usage(&self, _: OrderId) -> LocalBoxFuture<'_, Option<Counters>> {
        async { None }.boxed_local()
    }
}

/// A restart in the queue, and who does it.
struct Restart {
    db: TestDb,
    restarter: Rc<Restarter>,
}

impl Restart {
    async fn by(restarter: Restarter) -> Self {
        let db = TestDb::with_demo_catalogue().await;
        order(&db, &db.database.live).await;
        db.run_sql("update live.task set operation = 'server_reboot'").await;
        Self { db, restarter: Rc::new(restarter) }
    }

    async fn claim(&self) -> Claim {
        self.db
            .run_sql("update live.task set state = 'queued', run_at = now(), lease_owner = null, lease_until = null")
            .await;
        let worker = Uuid::new_v4();
        let realm = &self.db.database.live;
        realm.transaction("claim", async |tx| tasks::claim(tx, worker).await).await.unwrap().unwrap()
    }

    async fn attempt(&self, cancelled: watch::Receiver<bool>) {
        let driver: Rc<dyn Driver> = self.restarter.clone();
        let drivers = Drivers::Live(BTreeMap::from([(SimulatedDriver::NAME.to_owned(), driver)]));
        attempt(&self.db.database.live, &drivers, &self.claim().await, &WorkerSettings::default(), cancelled).await;
    }

    async fn tried(&self) -> String {
        self.attempt(watch::channel(false).1).await;
        let told = "select concat_ws(' ', state, coalesce(verified::text, '-'), coalesce(boot, '-'), \
             coalesce(handle, '-')) from live.task";
        self.db.value(told).await
    }
}

#[tokio::test]
async fn a_restart_is_done_when_the_machine_says_another_start() {
    let restart = Restart::by(Restarter::default()).await;
    assert_eq!(restart.tried().await, "succeeded true 0 -");
    let liar = Restart::by(Restarter { liar: true, ..Restarter::default() }).await;
    assert_eq!(liar.tried().await, "queued - 0 -");
    let log: String = liar.db.value("select results from live.task").await;
    assert!(log.ends_with("attempt 1: the machine has not been restarted\n"), "{log}");
    let blind = Restart::by(Restarter { blind: true, ..Restarter::default() }).await;
    assert_eq!(blind.tried().await, "succeeded false - -");
}

#[tokio::test]
async fn a_restart_that_a_dead_worker_had_done_is_not_done_again() {
    let restart = Restart::by(Restarter::default()).await;
    // The worker kept what it saw, had it restarted, and was not heard of any more.
    let Claim::Ready(task) = restart.claim().await else { panic!("it can be made out") };
    let realm = &restart.db.database.live;
    realm.transaction("keep", async |tx| tasks::keep_boot(tx, &task.lease, "0").await).await.unwrap();
    restart.restarter.boots.set(1);
    assert_eq!(restart.tried().await, "succeeded true 0 -");
    assert_eq!(restart.restarter.boots.get(), 1);
    assert!(restart.restarter.asked.borrow().is_empty());
}

#[tokio::test]
async fn what_is_left_under_way_is_asked_after_by_the_next_worker() {
    let restart = Restart::by(Restarter { pending: Cell::new(3), ..Restarter::default() }).await;
    assert_eq!(restart.tried().await, "succeeded true 0 -");
    let job = Some(Handle("job-1".into()));
    assert_eq!(*restart.restarter.asked.borrow(), [None, job.clone(), job.clone(), job.clone()]);
    // It is kept before it is waited for: a worker that dies while it waits leaves it to the next.
    let restart = Restart::by(Restarter { pending: Cell::new(u32::MAX), ..Restarter::default() }).await;
    let dies = async {
        while restart.restarter.asked.borrow().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = restart.attempt(watch::channel(false).1) => panic!("it is under way for ever"),
        () = dies => {}
    }
    let kept: String = restart.db.value("select handle from live.task").await;
    assert_eq!(kept, "job-1");
    restart.restarter.asked.borrow_mut().clear();
    restart.restarter.pending.set(0);
    assert_eq!(restart.tried().await, "succeeded true 0 -");
    assert_eq!(*restart.restarter.asked.borrow(), [job]);
}

#[tokio::test]
async fn what_is_not_wanted_any_more_is_given_up() {
    let restart = Restart::by(Restarter { pending: Cell::new(u32::MAX), ..Restarter::default() }).await;
    let (cancel, cancelled) = watch::channel(false);
    let stop = async {
        while !restart.db.value::<bool>("select handle is not null from live.task").await {
            tokio::task::yield_now().await;
        }
        cancel.send_replace(true);
    };
    tokio::join!(restart.attempt(cancelled), stop);
    assert_eq!(*restart.restarter.cancelled.borrow(), [Handle("job-1".into())]);
    let log: String = restart.db.value("select results from live.task").await;
    assert!(log.ends_with("attempt 1: it was told to stop; the machine has not been restarted\n"), "{log}");
}

#[tokio::test]
async fn time_spent_under_way_counts_for_the_next_worker() {
    let restart = Restart::by(Restarter { pending: Cell::new(u32::MAX), ..Restarter::default() }).await;
    restart
        .db
        .run_sql("update live.task set boot = '0', handle = 'job-1', handle_at = now() - interval '1 hour'")
        .await;
    restart.attempt(watch::channel(false).1).await;
    assert_eq!(*restart.restarter.cancelled.borrow(), [Handle("job-1".into())]);
    let log: String = restart.db.value("select results from live.task").await;
    assert!(log.contains("it was still under way when its time was over"), "{log}");
}

#[tokio::test]
async fn what_a_driver_can_not_do_waits_for_staff() {
    let restart = Restart::by(Restarter::default()).await;
    restart.db.run_sql("update live.task set operation = 'server_suspend'").await;
    assert_eq!(restart.tried().await, "manual - - -");
}

/// A try that ended in so many seconds at the most, uncounted, and what the order's state says of it.
async fn waits(class: Class) {
    let retry = Outcome::Retry { after: None, class, why: "no such program".into() };
    let (state, log, due) = tried(Operation::Create, Some(retry), None).await;
    assert_eq!((state.as_str(), log.as_str()), ("queued", "attempt 1: no such program\n"), "{class:?}");
    assert!((2.0..=5.0).contains(&due), "soon back: {class:?}, {due}");
}

#[tokio::test]
async fn what_could_not_be_begun_is_tried_again_soon() {
    for class in Class::ALL.into_iter().filter(|class| class.waits()) {
        waits(class).await;
    }
}
