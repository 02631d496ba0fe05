//! Scheduled jobs. Each does only what is still to be done and passes over what another process has in hand, so any
//! number of workers may run them at the same time; one that fails is logged and runs again when its time comes.

use std::{cell::Cell, time::Duration};

use futures_util::{
    FutureExt,
    future::{LocalBoxFuture, join_all},
};
use store::{Database, Error, Realm, RealmKind, Tx, customers, invoices, sweep, tasks};
use tokio::{
    sync::watch,
    time::{self, Instant},
};

use crate::{
    Biller, Ran, WorkerSettings, billing,
    driver::Drivers,
    notices::{NoticeSettings, Relay, sweep as sweep_files},
    usage,
    worker::{around, stopping},
};

const SWEEP_EVERY: Duration = Duration::from_mins(10);
/// So many transactions a sweep runs at the most: what a burst left behind goes over the next times.
const SWEEPS: usize = 100;

/// A customer's own test realm is looked at this often: whoever moves its clock waits for what comes of it.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Invoices are numbered this often: "which takes seconds" (CONTRACT 2.2).
const NUMBER_EVERY: Duration = Duration::from_secs(2);

/// Entries of wallets are sealed this often.
const SEAL_EVERY: Duration = Duration::from_mins(1);

/// The outbox is looked into this often.
const RELAY_EVERY: Duration = Duration::from_secs(1);

/// Runs the jobs until told to stop.
pub(crate) async fn run(
    database: &Database,
    drivers: &[(&Realm, Drivers)],
    settings: &WorkerSettings,
    stop: watch::Receiver<bool>,
) {
    let billers = RealmKind::ALL.map(|kind| Biller::new(database.realm(kind), Some(stop.clone())));
    // Each on the heap: together they would fill a thread's stack.
    let mut jobs: Vec<LocalBoxFuture<'_, ()>> = Vec::new();
    for kind in RealmKind::ALL {
        let realm = database.realm(kind);
        let days = settings.keep_secrets_days;
        jobs.push(every(settings.reap_every, "tidy the queue", realm, &stop, Box::new(|| tidy(realm).boxed_local())));
        for (name, job) in sweeps(realm, days) {
            jobs.push(every(SWEEP_EVERY, name, realm, &stop, job));
        }
        jobs.push(every(
            NUMBER_EVERY,
            "number invoices",
            realm,
            &stop,
            Box::new(move || number_papers(realm, settings).boxed_local()),
        ));
    }
    for (kind, biller) in RealmKind::ALL.into_iter().zip(&billers) {
        let (realm, period) = (database.realm(kind), settings.bill_every);
        jobs.push(every(period, "billing run", realm, &stop, Box::new(move || bill(biller).boxed_local())));
    }
    let live = &database.live;
    jobs.push(every(
        settings.bill_every,
        "settle invoices",
        live,
        &stop,
        Box::new(|| billing::settle(live).boxed_local()),
    ));
    for (realm, drivers) in drivers {
        let period = settings.sample_every;
        // Asked more often than it is due, so that a new server is measured soon.
        let asked = (period / 5).max(Duration::from_millis(100));
        jobs.push(every(
            asked,
            "read usage",
            realm,
            &stop,
            Box::new(move || usage::read_due(realm, drivers, period).boxed_local()),
        ));
    }
    let test = &database.test;
    jobs.push(every(
        SWEEP_EVERY,
        "sweep the test realm",
        test,
        &stop,
        Box::new(|| sweep_test_realm(test).boxed_local()),
    ));
    jobs.push(every(
        SWEEP_EVERY,
        "sweep customers' own test realms",
        live,
        &stop,
        Box::new(|| customers::sweep_test_modes(database).boxed_local()),
    ));
    join_all(jobs).await;
}

/// What is taken out of each realm.
fn sweeps(realm: &Realm, keep_secrets_days: i32) -> [(&'static str, Job<'_>); 4] {
    [
        ("sweep saved answers", Box::new(|| sweep_answers(realm).boxed_local())),
        ("sweep task secrets", Box::new(move || sweep_secrets(realm, keep_secrets_days).boxed_local())),
        ("sweep usage", Box::new(|| sweep_usage(realm).boxed_local())),
        ("sweep tokens", Box::new(|| sweep_tokens(realm).boxed_local())),
    ]
}

/// Runs the jobs of notices and statements until told to stop.
pub(crate) async fn run_notices(database: &Database, settings: &WorkerSettings, stop: watch::Receiver<bool>) {
    let live = &database.live;
    let relay = |settings| RealmKind::ALL.map(|kind| Relay::new(database.realm(kind), settings, Some(stop.clone())));
    let relays = settings.notices.as_ref().map(relay);
    let seal: Job<'_> = Box::new(|| store::statements::seal_all(live, None).boxed_local());
    let mut jobs = vec![every(SEAL_EVERY, "seal entries", live, &stop, seal)];
    jobs.extend(relays.iter().flatten().flat_map(|relay| notices(relay, &stop)));
    if let Some(settings) = &settings.notices {
        let sweep: Job<'_> = Box::new(|| sweep_mail(settings).boxed_local());
        jobs.push(every(SWEEP_EVERY, "sweep mail", live, &stop, sweep));
    }
    join_all(jobs).await;
}

/// The jobs of a customer's own test realm. What is older than a day is swept with all other such realms.
pub(crate) async fn run_own(realm: &Realm, settings: &WorkerSettings, stop: watch::Receiver<bool>) {
    let biller = Biller::new(realm, Some(stop.clone()));
    let ran = Cell::new(None);
    let relay = settings.notices.as_ref().map(|notices| Relay::new(realm, notices, Some(stop.clone())));
    let mut jobs: Vec<LocalBoxFuture<'_, ()>> = vec![
        every(settings.reap_every, "tidy the queue", realm, &stop, Box::new(|| tidy(realm).boxed_local())),
        every(SWEEP_EVERY, "sweep tokens", realm, &stop, Box::new(|| sweep_tokens(realm).boxed_local())),
        every(NUMBER_EVERY, "number invoices", realm, &stop, Box::new(|| number_papers(realm, settings).boxed_local())),
        every(SWEEP_EVERY, "sweep saved answers", realm, &stop, Box::new(|| sweep_answers(realm).boxed_local())),
        every(
            SWEEP_EVERY,
            "sweep task secrets",
            realm,
            &stop,
            Box::new(|| sweep_secrets(realm, settings.keep_secrets_days).boxed_local()),
        ),
        every(
            LOOK_EVERY,
            "billing run",
            realm,
            &stop,
            Box::new(|| bill_own(&biller, realm, settings, &ran).boxed_local()),
        ),
    ];
    jobs.extend(relay.iter().flat_map(|relay| notices(relay, &stop)));
    join_all(jobs).await;
}

/// Runs as often as elsewhere, and at once when the clock has passed a day.
async fn bill_own(
    biller: &Biller<'_>,
    realm: &Realm,
    settings: &WorkerSettings,
    ran: &Cell<Option<Instant>>,
) -> Result<usize, Error> {
    let look = async |tx: &mut Tx| Ok::<_, Error>(store::billing::last_day(tx).await? < tx.today());
    let is_behind = realm.transaction("look at billing run", look).await?;
    if !is_behind && ran.get().is_some_and(|at| at.elapsed() < settings.bill_every) {
        return Ok(0);
    }
    let done = bill(biller).await?;
    ran.set(Some(Instant::now()));
    Ok(done)
}

/// A job; it tells how much it did.
type Job<'a> = Box<dyn Fn() -> LocalBoxFuture<'a, Result<usize, Error>> + 'a>;

async fn bill(biller: &Biller<'_>) -> Result<usize, Error> {
    Ok(match biller.run().await? {
        Ran::Through { tally, .. } => usize::try_from(tally.done()).unwrap_or(usize::MAX),
        Ran::Elsewhere | Ran::Held(_) => 0,
    })
}

/// Invoices first, since a credit note waits for its invoice's number.
async fn number_papers(realm: &Realm, settings: &WorkerSettings) -> Result<usize, Error> {
    let (of_invoices, of_credit_notes) = (settings.invoice_series.as_str(), settings.credit_note_series.as_str());
    let numbered = realm.transaction("number invoices", async |tx| invoices::number(tx, of_invoices).await).await?;
    let number = async |tx: &mut Tx| invoices::number_credit_notes(tx, of_credit_notes).await;
    Ok(numbered + realm.transaction("number credit notes", number).await?)
}

async fn sweep_secrets(realm: &Realm, days: i32) -> Result<usize, Error> {
    realm.transaction("sweep task secrets", async |tx| sweep::task_secrets(tx, days).await).await
}

async fn sweep_usage(realm: &Realm) -> Result<usize, Error> {
    realm.transaction("sweep usage", async |tx| store::usage::sweep(tx).await).await
}

/// Sending a realm's notices, and taking out those that have had their day.
fn notices<'a>(relay: &'a Relay<'_>, stop: &watch::Receiver<bool>) -> [LocalBoxFuture<'a, ()>; 2] {
    let (realm, days) = (relay.realm(), relay.settings().keep_days);
    let sweep: Job<'a> = Box::new(move || sweep_notices(realm, days).boxed_local());
    [
        every(RELAY_EVERY, "send notices", realm, stop, Box::new(move || relay.run().boxed_local())),
        every(SWEEP_EVERY, "sweep notices", realm, stop, sweep),
    ]
}

async fn sweep_notices(realm: &Realm, days: u16) -> Result<usize, Error> {
    let sweep = async || realm.transaction("sweep notices", async |tx| store::notices::sweep(tx, days).await).await;
    repeated(sweep).await
}

/// Mail that was written to files, of all realms.
async fn sweep_mail(settings: &NoticeSettings) -> Result<usize, Error> {
    let (days, directory) = (settings.keep_days, settings.mail.directory.clone());
    let swept = tokio::task::spawn_blocking(move || sweep_files(&directory, days)).await;
    swept
        .map_err(|error| Error::Failed(error.to_string()))?
        .map_err(|error| Error::Failed(format!("old mail: {error}")))
}

/// Runs `job` at once and then again and again, some time `period` apart.
fn every<'a>(
    period: Duration,
    name: &'static str,
    realm: &'a Realm,
    stop: &watch::Receiver<bool>,
    job: Job<'a>,
) -> LocalBoxFuture<'a, ()> {
    let stop = stop.clone();
    async move { run_every(period, name, realm, stop, job).await }.boxed_local()
}

async fn run_every(period: Duration, name: &'static str, realm: &Realm, mut stop: watch::Receiver<bool>, job: Job<'_>) {
    let realm = realm.schema();
    while !*stop.borrow() {
        match job().await {
            Ok(0) => tracing::debug!(realm, job = name, "nothing to do"),
            Ok(done) => tracing::info!(realm, job = name, done, "job done"),
            Err(error) => store::log_failure!(warn, error, realm, job = name, "job failed"),
        }
        tokio::select! {
            () = time::sleep(around(period)) => {}
            () = stopping(&mut stop) => {}
        }
    }
}

/// Gives back what dead workers had, and has done what only a clock that stepped back keeps waiting.
async fn tidy(realm: &Realm) -> Result<usize, Error> {
    let mut tidied = reap(realm).await?;
    if realm.read(async |connection| tasks::are_stranded(connection).await).await? {
        let pulled = realm.transaction("pull tasks forward", async |tx| tasks::pull_forward(tx).await).await?;
        if pulled > 0 {
            tracing::warn!(tasks = pulled, "the database's clock stepped back; what was due is done all the same");
        }
        tidied += pulled;
    }
    Ok(tidied)
}

async fn sweep_tokens(realm: &Realm) -> Result<usize, Error> {
    realm.transaction("sweep tokens of commits", async |tx| store::db::forget_tokens(tx).await).await
}

/// Gives back the tasks of workers that are not heard of any more: one that can't be given back keeps no other.
async fn reap(realm: &Realm) -> Result<usize, Error> {
    let mut reaped = 0;
    for lease in realm.read(async |connection| tasks::expired(connection).await).await? {
        match realm.transaction("reap lease", async |tx| tasks::reap(tx, &lease).await).await {
            Ok(true) => {
                reaped += 1;
                let (task, order) = (lease.id.0, lease.order.0);
                tracing::warn!(task, order, attempt = lease.attempt, "a worker is not heard of any more");
            }
            Ok(false) => {}
            Err(error @ Error::Unreachable(_)) => return Err(error),
            Err(error) => tracing::warn!(task = lease.id.0, %error, "a lease that ran out can't be ended"),
        }
    }
    Ok(reaped)
}

async fn sweep_answers(realm: &Realm) -> Result<usize, Error> {
    let sweep = async || realm.transaction("sweep saved answers", async |tx| sweep::saved_answers(tx).await).await;
    repeated(sweep).await
}

async fn sweep_test_realm(realm: &Realm) -> Result<usize, Error> {
    let sweep = async || realm.transaction("sweep the test realm", async |tx| sweep::test_realm(tx).await).await;
    repeated(sweep).await
}

/// Sweeps until little is left.
async fn repeated(once: impl AsyncFn() -> Result<usize, Error>) -> Result<usize, Error> {
    let mut swept = 0;
    for _ in 0..SWEEPS {
        let now = once().await?;
        swept += now;
        if now < sweep::AT_A_TIME {
            break;
        }
    }
    Ok(swept)
}
