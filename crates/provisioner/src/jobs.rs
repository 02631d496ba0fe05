//! Scheduled jobs. Each does only what is still to be done and passes over what another process has in hand, so any
//! number of workers may run them at the same time; one that fails is logged and runs again when its time comes.

use std::time::Duration;

use futures_util::future::{join, join_all, join3, join4};
use store::{Database, Error, Realm, RealmKind, invoices, sweep, tasks};
use tokio::{sync::watch, time};

use crate::{
    WorkerSettings,
    driver::Drivers,
    usage,
    worker::{around, stopping},
};

const SWEEP_EVERY: Duration = Duration::from_mins(10);
/// So many transactions a sweep runs at the most: what a burst left behind goes over the next times.
const SWEEPS: usize = 100;

/// Invoices are numbered this often: "which takes seconds" (CONTRACT 2.2).
const NUMBER_EVERY: Duration = Duration::from_secs(2);

/// Runs the jobs until told to stop.
pub(crate) async fn run(
    database: &Database,
    drivers: &[(&Realm, Drivers)],
    settings: &WorkerSettings,
    stop: watch::Receiver<bool>,
) {
    let of_realms = join_all(RealmKind::ALL.map(|kind| {
        let realm = database.realm(kind);
        let (series, days) = (settings.invoice_series.as_str(), settings.keep_secrets_days);
        join4(
            every(settings.reap_every, "reap leases", realm, stop.clone(), || reap(realm)),
            every(SWEEP_EVERY, "sweep saved answers", realm, stop.clone(), || sweep_answers(realm)),
            every(SWEEP_EVERY, "sweep task secrets", realm, stop.clone(), move || sweep_secrets(realm, days)),
            every(NUMBER_EVERY, "number invoices", realm, stop.clone(), || number_invoices(realm, series)),
        )
    }));
    let usage = join_all(drivers.iter().map(|(realm, drivers)| {
        let period = settings.sample_every;
        // Asked more often than it is due, so that a new server is measured soon.
        let asked = (period / 5).max(Duration::from_millis(100));
        join(
            every(asked, "read usage", realm, stop.clone(), move || usage::read_due(realm, drivers, period)),
            every(SWEEP_EVERY, "sweep usage", realm, stop.clone(), || sweep_usage(realm)),
        )
    }));
    let test = &database.test;
    let of_test = every(SWEEP_EVERY, "sweep the test realm", test, stop.clone(), || sweep_test_realm(test));
    join3(of_realms, usage, of_test).await;
}

async fn number_invoices(realm: &Realm, series: &str) -> Result<usize, Error> {
    realm.transaction("number invoices", async |tx| invoices::number(tx, series).await).await
}

async fn sweep_secrets(realm: &Realm, days: i32) -> Result<usize, Error> {
    realm.transaction("sweep task secrets", async |tx| sweep::task_secrets(tx, days).await).await
}

async fn sweep_usage(realm: &Realm) -> Result<usize, Error> {
    realm.transaction("sweep usage", async |tx| store::usage::sweep(tx).await).await
}

/// Runs `job` at once and then again and again, some time `period` apart.
async fn every<F: Future<Output = Result<usize, Error>>>(
    period: Duration,
    name: &'static str,
    realm: &Realm,
    mut stop: watch::Receiver<bool>,
    job: impl Fn() -> F,
) {
    let realm = realm.kind().schema();
    while !*stop.borrow() {
        match job().await {
            Ok(0) => tracing::debug!(realm, job = name, "nothing to do"),
            Ok(done) => tracing::info!(realm, job = name, done, "job done"),
            Err(error) => tracing::warn!(realm, job = name, %error, "job failed"),
        }
        tokio::select! {
            () = time::sleep(around(period)) => {}
            () = stopping(&mut stop) => {}
        }
    }
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
