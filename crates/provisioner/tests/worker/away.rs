//! Hypervisors that are away for a while: no paid order is lost, and nothing is done twice.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command},
};

use domain::tasks::Operation;
use provisioner::{
    WorkerSettings,
    driver::{DriverKind, DriverSettings, EndpointSettings, HttpSettings, Timeouts},
};
use store::tasks;

use crate::{
    bed::{Bed, quick},
    hooks::{bed, hooked},
};

/// Each task is claimed at least so often while its hypervisor is away: more often than it has tries.
const CLAIMS: u32 = 8;

/// A hook behind HTTP, which is started later than it is needed.
struct Service {
    port: u16,
    place: tempfile::TempDir,
    running: Option<Child>,
}

impl Service {
    fn new() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { port, place: tempfile::TempDir::new().unwrap(), running: None }
    }

    fn settings(&self) -> WorkerSettings {
        let secret = self.place.path().join("secret");
        fs::write(&secret, "a secret of both, 24 byte").unwrap();
        let endpoint =
            EndpointSettings { url: format!("http://127.0.0.1:{}", self.port), networks: Vec::new(), ca_file: None };
        let driver = DriverSettings {
            operations: Operation::ALL.into(),
            timeouts: Timeouts::default(),
            kind: DriverKind::Http(HttpSettings { endpoint, secret_files: vec![secret] }),
        };
        WorkerSettings { drivers: BTreeMap::from([("hooked".to_owned(), driver)]), ..quick() }
    }

    fn start(&mut self) {
        let hooks = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/drivers/hooks");
        let mut serve = Command::new("python3");
        serve.arg(hooks.join("serve.py")).arg(self.port.to_string()).env("MACHINES", self.place.path());
        self.running = Some(serve.spawn().unwrap());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill().unwrap();
            running.wait().unwrap();
        }
    }
}

/// Has what waits claimed again and again, until each of so many tasks has been more often than it has tries.
async fn claimed_often(bed: &Bed, tasks: u32) {
    let claims: i64 = bed.text("select last_value::text from task_fence").await.parse().unwrap();
    let enough = format!("select last_value >= {} from task_fence", claims + i64::from(tasks * CLAIMS));
    while !bed.holds(&enough).await {
        bed.until("select not exists (select from task where state = 'running')").await;
        bed.run("update task set run_at = now() where state = 'queued'").await;
        bed.until("select exists (select from task where state = 'running' or run_at > now())").await;
    }
}

/// Works until `meanwhile` is over.
async fn working(bed: &Bed, settings: WorkerSettings, meanwhile: impl Future<Output = ()>) {
    tokio::select! {
        () = provisioner::run(bed.database(), settings, std::future::pending()) => panic!("the worker ended of itself"),
        () = meanwhile => {}
    }
}

#[tokio::test]
async fn eight_orders_outlast_a_hook_that_nobody_serves() {
    let bed = bed().await;
    let mut service = Service::new();
    for _ in 0..8 {
        bed.order().await;
    }
    let settings = service.settings();
    working(&bed, settings.clone(), claimed_often(&bed, 8)).await;
    bed.expire_leases().await;
    bed.run("update task set state = 'queued', lease_owner = null, lease_until = null where state = 'running'").await;
    assert!(bed.holds("select bool_and(state = 'provisioning') and count(*) = 8 from orders").await);
    let kept = bed.text("select string_agg(distinct results, '|') from task").await;
    assert_eq!(kept, "attempt 1: the hook: it can't be reached\n", "one line, however long it takes");
    let tries = "select count(*) <= 16 and bool_and(outcome = 'retry' and class = 'unavailable') from task_attempt \
                 where ended_at is not null";
    assert!(bed.holds(tries).await);
    service.start();
    bed.run("update task set run_at = now()").await;
    bed.work_until(settings, "select bool_and(state = 'active') from orders").await;
    bed.all_is_done().await;
}

#[tokio::test]
async fn a_hook_that_can_not_do_it_now_costs_no_tries_whatever_is_asked_of_it() {
    let bed = bed().await;
    let (place, settings) = hooked("[ -e $HERE/away ] && exit 69\ngood \"$@\"");
    let order = bed.order().await;
    bed.work_until(settings.clone(), "select state = 'active' from orders").await;
    fs::write(place.path().join("away"), "").unwrap();
    bed.terminate(order).await;
    working(&bed, settings.clone(), claimed_often(&bed, 1)).await;
    assert!(bed.holds("select bool_and(state <> 'manual' and attempt <= 1) from task").await);
    fs::remove_file(place.path().join("away")).unwrap();
    bed.expire_leases().await;
    bed.run("update task set run_at = now() where state = 'queued'").await;
    bed.work_until(settings, "select not exists (select from task where state <> 'succeeded')").await;
    bed.all_is_done().await;
}

#[tokio::test]
async fn staff_are_told_once_of_a_hypervisor_that_is_away_and_customers_of_nothing() {
    let bed = bed().await;
    let (_place, settings) = hooked("exit 69");
    for _ in 0..3 {
        bed.order().await;
    }
    let notices = "select count(*)::text || ' ' || coalesce(min(facts ->> 'driver'), '-') from notice \
                   where event = 'tasks.waiting'";
    bed.work_until(settings.clone(), "select bool_and(waiting_since is not null) from task").await;
    assert_eq!(bed.text(notices).await, "0 -", "it may be back in a moment");
    bed.run("update task set waiting_since = now() - interval '6 minutes'").await;
    working(&bed, settings, claimed_often(&bed, 3)).await;
    assert_eq!(bed.text(notices).await, "1 hooked");
    assert!(bed.holds("select bool_and(channel = 'staff') from notice where event = 'tasks.waiting'").await);
    let waited_for = bed.live().read(async |connection| tasks::waited_for(connection).await).await.unwrap();
    let [of] = waited_for.as_slice() else { panic!("{waited_for:?}") };
    assert_eq!((of.driver.as_str(), of.tasks, of.class.as_str()), ("hooked", 3, "unavailable"));
    assert!((360..3600).contains(&of.seconds), "{of:?}");
    assert_eq!(of.why, "the hook can't do it now (code 69)");
}

#[tokio::test]
async fn who_waits_for_too_long_gets_the_money_back() {
    let bed = bed().await;
    let (_place, settings) = hooked("exit 75");
    bed.order().await;
    bed.work_until(settings.clone(), "select waiting_since is not null and state = 'queued' from task").await;
    bed.run("update task set waiting_since = now() - interval '23 hours 59 minutes', run_at = now()").await;
    bed.work_until(settings.clone(), "select run_at > now() and state = 'queued' from task").await;
    bed.run("update task set waiting_since = now() - interval '24 hours', run_at = now()").await;
    bed.work_until(settings, "select state = 'failed' from task").await;
    assert!(bed.holds("select state = 'manual' and attention is not null from orders").await);
    assert!(bed.text("select results from task").await.contains("returned to the balance"));
    bed.db.verify_books().await;
}

#[tokio::test]
async fn what_may_be_done_already_is_looked_at_before_it_is_done_again() {
    let bed = bed().await;
    // It makes the machine, and its host is gone before it can say so.
    let (place, settings) = hooked(
        "[ -e $HERE/away ] && exit 69\n\
         [ \"$1\" = create ] && { good \"$@\" > /dev/null; echo x >> $HERE/made; touch $HERE/away; exit 1; }\n\
         good \"$@\"",
    );
    bed.order().await;
    bed.work_until(settings.clone(), "select unseen and state = 'queued' and attempt = 1 from task").await;
    working(&bed, settings.clone(), claimed_often(&bed, 1)).await;
    bed.expire_leases().await;
    assert!(bed.holds("select attempt <= 2 and state in ('queued', 'running') from task").await);
    assert!(bed.holds("select state = 'provisioning' from orders").await);
    fs::remove_file(place.path().join("away")).unwrap();
    bed.run("update task set run_at = now() where state = 'queued'").await;
    bed.work_until(settings, "select state = 'active' from orders").await;
    assert_eq!(fs::read_to_string(place.path().join("made")).unwrap(), "x\n", "it was made once");
    bed.all_is_done().await;
}

#[tokio::test]
async fn what_is_not_there_after_the_last_try_has_failed_and_is_not_tried_again() {
    let bed = bed().await;
    let (place, settings) = hooked(
        "[ -e $HERE/away ] && exit 69\n\
         [ \"$1\" = create ] && { echo x >> $HERE/asked; touch $HERE/away; exit 1; }\n\
         good \"$@\"",
    );
    bed.order().await;
    bed.run("update task set attempt = max_attempts - 1").await;
    bed.work_until(settings.clone(), "select unseen and state = 'queued' from task").await;
    assert!(bed.holds("select state = 'provisioning' from orders").await, "nobody knows yet whether it is there");
    working(&bed, settings.clone(), claimed_often(&bed, 1)).await;
    bed.expire_leases().await;
    fs::remove_file(place.path().join("away")).unwrap();
    bed.run("update task set run_at = now() where state = 'queued'").await;
    bed.work_until(settings, "select state = 'failed' from task").await;
    assert_eq!(fs::read_to_string(place.path().join("asked")).unwrap(), "x\n");
    bed.db.verify_books().await;
}
