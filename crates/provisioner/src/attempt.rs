//! One try of a task: a driver does it, then it is looked at, then the queue is told.

mod perform;
#[cfg(test)]
mod tests;

use std::time::Duration;

use store::{
    Error, Realm,
    tasks::{self, Claim, ClaimedTask, Failed, Lease, Next},
};
use tokio::{sync::watch, time};

use crate::{
    WorkerSettings,
    backoff::{AWAY, DATABASE, TASK, random},
    driver::{Class, Drivers, Lines, Log},
};
use perform::perform;

/// Telling the queue fails so often at the most, where the database does answer. Then the lease runs out.
const TELLS: u32 = 5;

/// A try that did what it was to do.
struct Success {
    /// A line for the task's log.
    results: String,
    /// Whether all of it was seen.
    verified: bool,
}

/// A try that did not.
enum Stop {
    /// It failed.
    Failed(Failure),
    /// The lease is another's: there is nothing to write.
    Lost,
}

/// A try that failed.
struct Failure {
    class: Class,
    why: String,
    /// Whether it is known that it was not done.
    known: bool,
    /// Whether it may have been done and nobody could look.
    unseen: bool,
    next: Next,
}

impl Failure {
    /// Nothing was begun: tried again after `wait`, or when the backoff says. It is a try only of a kind that doesn't
    /// wait.
    fn not_begun(lease: &Lease, class: Class, why: String, wait: Option<Duration>) -> Self {
        let wait = wait.map(|wait| wait.min(TASK.cap));
        if !class.waits() {
            let counted = Self::counted(lease, class, why);
            return Self { next: wait.map_or(counted.next, Next::After), ..counted };
        }
        let wait = wait.unwrap_or_else(|| AWAY.after(lease.waited.unwrap_or_default(), random()));
        Self { class, why, known: true, unseen: false, next: Next::Waiting(wait) }
    }

    /// One of the task's tries: tried again when the backoff says.
    fn counted(lease: &Lease, class: Class, why: String) -> Self {
        let failures = u32::try_from(lease.attempt).unwrap_or(1);
        let next = Next::After(TASK.full_jitter(failures, random()));
        Self { class, why, known: true, unseen: false, next }
    }

    /// One that is not tried again, or not before staff have looked.
    const fn final_one(class: Class, why: String) -> Self {
        let next = if class.is_for_staff() { Next::Staff } else { Next::Never };
        Self { class, why, known: true, unseen: false, next }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Does what was claimed and tells the queue how it went. `cancelled` becomes true when it is not wanted any more.
pub(crate) async fn attempt(
    realm: &Realm,
    drivers: &Drivers,
    claim: &Claim,
    settings: &WorkerSettings,
    cancelled: watch::Receiver<bool>,
) {
    match claim {
        Claim::Ready(task) => {
            let (log, lines) = Log::new(task.password.clone());
            let work = async {
                let end = perform(realm, drivers, task, &log, settings, cancelled).await;
                log.close();
                end
            };
            let (end, ()) = tokio::join!(work, stream(realm, &task.lease, lines));
            conclude(realm, task, end, &log).await;
        }
        Claim::Unreadable { lease, why, next } => {
            tracing::error!(why, "the task can't be made out");
            let public = "the task can't be made out by this worker".to_owned();
            let mut failure = Failure::not_begun(lease, Class::Configuration, public, None);
            failure.next = next.unwrap_or(failure.next);
            fail(realm, lease, None, failure).await;
        }
    }
}

async fn conclude(realm: &Realm, task: &ClaimedTask, end: Result<Success, Stop>, log: &Log) {
    match end {
        Ok(Success { results, verified }) => {
            tracing::info!(results, verified, "task done");
            let line = log.masked(format!("{results}\n"));
            settle(realm, async |tx| tasks::succeed(tx, task, &line, verified).await).await;
        }
        Err(Stop::Failed(failure)) => {
            let why = log.masked(failure.why);
            fail(realm, &task.lease, task.driver.as_deref(), Failure { why, ..failure }).await;
        }
        Err(Stop::Lost) => {}
    }
}

async fn fail(realm: &Realm, lease: &Lease, driver: Option<&str>, failure: Failure) {
    let Failure { class, why, known, unseen, next } = failure;
    let waits_on = matches!(next, Next::Waiting(_)) && lease.waited.is_some();
    if waits_on {
        tracing::debug!(class = class.name(), why, ?next, "task still waits for its hypervisor");
    } else if class == Class::Configuration {
        tracing::error!(class = class.name(), why, ?next, "task can't be done until staff have mended this");
    } else {
        tracing::warn!(class = class.name(), why, ?next, "task failed");
    }
    let failed = Failed { class: class.name(), driver, why: &why, known, unseen, next };
    settle(realm, async |tx| tasks::give_back(tx, lease, &failed).await).await;
}

/// Writes what comes into the task's log, until nothing more comes or the lease is lost.
async fn stream(realm: &Realm, lease: &Lease, mut lines: Lines) {
    while let Some(batch) = lines.next().await {
        if !settle(realm, async |tx| tasks::append_log(tx, lease, &batch).await).await {
            return;
        }
    }
}

/// Tells the queue, as long as the lease lives: what was done is known here only. The caller drops this with the lease.
/// False when nothing was written.
async fn settle(realm: &Realm, mut tell: impl AsyncFnMut(&mut store::Tx) -> Result<bool, Error>) -> bool {
    let (mut failures, mut refusals) = (0, 0);
    loop {
        match realm.transaction("settle task", &mut tell).await {
            Ok(true) => return true,
            Ok(false) => {
                tracing::warn!("the queue has this task settled or given to another; nothing is written");
                return false;
            }
            Err(error) => {
                failures += 1;
                refusals += u32::from(!matches!(error, Error::Unreachable(_)));
                if refusals >= TELLS {
                    tracing::error!(%error, "the queue can't be told; the task is tried again when its lease is over");
                    return false;
                }
                store::log_failure!(warn, error, failures, "the queue can't be told yet");
            }
        }
        time::sleep(DATABASE.half_jitter(failures, random())).await;
    }
}
