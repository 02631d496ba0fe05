//! One try of a task: a driver does it, then it is looked at, then the queue is told.

use std::panic::AssertUnwindSafe;

use domain::tasks::Operation;
use futures_util::FutureExt;
use store::{
    Error, Realm,
    tasks::{self, Claim, ClaimedTask, Failed, Lease, Next},
};
use tokio::time;

use crate::{
    backoff::{DATABASE, TASK, random},
    driver::{Class, Driver, Drivers, Observed, Outcome, desired_by, report},
};

/// Telling the queue fails so often at the most, where the database does answer. Then the lease runs out.
const TELLS: u32 = 5;

/// A try that failed.
struct Failure {
    class: Class,
    why: String,
    /// Whether it is known that it was not done.
    known: bool,
    next: Next,
}

impl Failure {
    /// One that is tried again: after `wait`, or when the backoff says.
    fn passing(lease: &Lease, class: Class, why: String, wait: Option<std::time::Duration>) -> Self {
        let wait = wait.map(|wait| wait.min(TASK.cap));
        let failures = u32::try_from(lease.attempt).unwrap_or(1);
        let wait = wait.unwrap_or_else(|| TASK.full_jitter(failures, random()));
        Self { class, why, known: true, next: Next::After(wait) }
    }

    /// One whose outcome isn't known; it is tried again when the backoff says.
    fn doubtful(lease: &Lease, class: Class, why: String) -> Self {
        Self { known: false, ..Self::passing(lease, class, why, None) }
    }
}

/// Does what was claimed and tells the queue how it went.
pub(crate) async fn attempt(realm: &Realm, drivers: &Drivers, claim: &Claim) {
    match claim {
        Claim::Ready(task) if task.cancel_asked => let_go(realm, drivers, task).await,
        Claim::Ready(task) => match perform(drivers, task).await {
            Ok(results) => {
                tracing::info!(results, "task done");
                let line = format!("{results}\n");
                settle(realm, async |tx| tasks::succeed(tx, task, &line).await).await;
            }
            Err(failure) => fail(realm, &task.lease, task.driver.as_deref(), failure).await,
        },
        Claim::Unreadable { lease, why, next } => {
            tracing::error!(why, "the task can't be made out");
            let public = "the task can't be made out by this worker".to_owned();
            let mut failure = Failure::passing(lease, Class::Configuration, public, None);
            failure.next = next.unwrap_or(failure.next);
            fail(realm, lease, None, failure).await;
        }
    }
}

async fn fail(realm: &Realm, lease: &Lease, driver: Option<&str>, Failure { class, why, known, next }: Failure) {
    tracing::warn!(class = class.name(), why, known, ?next, "task failed");
    let failed = Failed { class: class.name(), driver, why: &why, known, next };
    settle(realm, async |tx| tasks::give_back(tx, lease, &failed).await).await;
}

/// Staff don't want it any more, and the work was broken off: what was done by then is done, else it comes to nothing.
pub(crate) async fn let_go(realm: &Realm, drivers: &Drivers, task: &ClaimedTask) {
    let Some(driver) = drivers.find(task.driver.as_deref()) else {
        let why = "there was no driver for it";
        return settle(realm, async |tx| tasks::break_off(tx, &task.lease, why).await).await;
    };
    match look(driver, task).await {
        // That a machine runs does not say that it was restarted.
        (seen, None) if task.operation != Operation::Restart => {
            let line = format!("done before it could be cancelled; {}\n", report(task.operation, "the hypervisor", &seen));
            settle(realm, async |tx| tasks::succeed(tx, task, &line).await).await;
        }
        (Observed::Unavailable(why), _) => {
            let failure = Failure::doubtful(&task.lease, Class::Unavailable, why);
            fail(realm, &task.lease, task.driver.as_deref(), failure).await;
        }
        (_, missed) => {
            let why = missed.unwrap_or_else(|| "it was broken off".to_owned());
            settle(realm, async |tx| tasks::break_off(tx, &task.lease, &why).await).await;
        }
    }
}

/// What the driver did, as it was seen afterwards.
async fn perform(drivers: &Drivers, task: &ClaimedTask) -> Result<String, Failure> {
    let lease = &task.lease;
    let Some(driver) = drivers.find(task.driver.as_deref()) else {
        let named = task.driver.as_deref().unwrap_or_default();
        let why = format!("this worker has no driver {named:?}");
        return Err(Failure::passing(lease, Class::Configuration, why, None));
    };
    // A driver that panics has failed this task; it does not take the worker with it.
    let executed = AssertUnwindSafe(driver.execute(task)).catch_unwind().await;
    match executed.unwrap_or_else(|_| Outcome::Unknown { why: "the driver broke off".into() }) {
        Outcome::Done { node } => match look(driver, task).await {
            (seen, None) => Ok(report(task.operation, &node, &seen)),
            (_, Some(missed)) => Err(Failure::passing(lease, Class::Unverified, missed, None)),
        },
        Outcome::Unknown { why } => match look(driver, task).await {
            // That a machine runs does not say that it was restarted.
            (seen, None) if task.operation != Operation::Restart => {
                Ok(format!("{why}; {}", report(task.operation, "the hypervisor", &seen)))
            }
            (Observed::Unavailable(_), _) => Err(Failure::doubtful(lease, Class::Unavailable, why)),
            (_, missed) => {
                let why = missed.map_or(why.clone(), |missed| format!("{why}; {missed}"));
                Err(Failure::doubtful(lease, Class::Internal, why))
            }
        },
        Outcome::Retry { after, class, why } => Err(Failure::passing(lease, class, why, after)),
        Outcome::Fail { class, why } => Err(Failure { class, why, known: true, next: Next::Staff }),
    }
}

/// Looks at the service: what there is, and what is missing of what the task wants.
async fn look(driver: &dyn Driver, task: &ClaimedTask) -> (Observed, Option<String>) {
    let observed = AssertUnwindSafe(driver.observe(task)).catch_unwind().await;
    let seen = observed.unwrap_or_else(|_| Observed::Unavailable("the driver broke off".into()));
    let missed = desired_by(task).missed_by(&seen);
    (seen, missed)
}

/// Tells the queue, as long as the lease lives: what was done is known here only. The caller drops this with the lease.
async fn settle(realm: &Realm, mut tell: impl AsyncFnMut(&mut store::Tx) -> Result<bool, Error>) {
    let (mut failures, mut refusals) = (0, 0);
    loop {
        match realm.transaction("settle task", &mut tell).await {
            Ok(true) => return,
            Ok(false) => {
                tracing::warn!("the queue has this task settled or given to another; nothing is written");
                return;
            }
            Err(error) => {
                failures += 1;
                refusals += u32::from(!matches!(error, Error::Unreachable(_)));
                if refusals >= TELLS {
                    tracing::error!(%error, "the queue can't be told; the task is tried again when its lease is over");
                    return;
                }
                tracing::warn!(%error, failures, "the queue can't be told yet");
            }
        }
        time::sleep(DATABASE.half_jitter(failures, random())).await;
    }
}

#[cfg(test)]
mod tests;
