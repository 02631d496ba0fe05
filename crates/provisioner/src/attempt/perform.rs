//! A driver and what it does, from what was there before to what is seen afterwards.

use std::{panic::AssertUnwindSafe, time::Duration};

use domain::tasks::Operation;
use futures_util::FutureExt;
use store::{
    Realm,
    tasks::{self, ClaimedTask, Lease, Progress},
};
use tokio::{
    sync::watch,
    time::{self, Instant},
};

use super::{Failure, Stop, Success, settle};
use crate::{
    WorkerSettings,
    backoff::{DATABASE, random},
    driver::{
        Class, Ctx, Driver, Drivers, Handle, Log, Observed, Outcome, Trouble, Verdict, WAS_OFF, desired_by, report,
    },
};

/// A driver that keeps to no deadline is given up so long after it.
const GRACE: Duration = Duration::from_secs(20);
/// Looking has so long, whatever the operation has.
const LOOK: Duration = Duration::from_mins(2);
/// A driver is asked after what is under way no more often than this.
const LEAST_POLL: Duration = Duration::from_millis(100);

/// What is told of work that is not wanted any more.
const TOLD_TO_STOP: &str = "it was told to stop";

/// A task in a driver's hands.
struct Work<'a> {
    realm: &'a Realm,
    driver: &'a dyn Driver,
    task: &'a ClaimedTask,
    settings: &'a WorkerSettings,
    ctx: Ctx,
}

/// Has a task done, and looks at what was done.
pub(super) async fn perform(
    realm: &Realm,
    drivers: &Drivers,
    task: &ClaimedTask,
    log: &Log,
    settings: &WorkerSettings,
    cancelled: watch::Receiver<bool>,
) -> Result<Success, Stop> {
    let lease = &task.lease;
    let Some(driver) = drivers.find(task.driver.as_deref()) else {
        let named = task.driver.as_deref().unwrap_or_default();
        let why = format!("this worker has no driver {named:?}");
        return Err(Failure::not_begun(lease, Class::Configuration, why, None).into());
    };
    if !driver.operations().contains(&task.operation) {
        let why = "this is not done here by machine".to_owned();
        return Err(Failure::final_one(Class::Configuration, why).into());
    }
    if let Some(speaks) = driver.speaks() {
        let by = format!("{}, {speaks}", task.driver.as_deref().unwrap_or_default());
        if !settle(realm, async |tx| tasks::keep_driver(tx, lease, &by).await).await {
            return Err(Stop::Lost);
        }
    }
    let Progress { boot, handle } = progress(realm, lease).await?;
    let spent = handle.as_ref().map(|handle| handle.since).unwrap_or_default();
    let time = driver.time_for(task.operation).saturating_sub(spent);
    let handle = handle.map(|handle| Handle(handle.handle));
    let ctx = Ctx::new(log.clone(), time, handle, cancelled);
    Work { realm, driver, task, settings, ctx }.run(boot).await
}

/// What earlier workers left; the database is asked until it answers.
async fn progress(realm: &Realm, lease: &Lease) -> Result<Progress, Stop> {
    let mut failures = 0;
    loop {
        match realm.read(async |connection| tasks::progress(connection, lease).await).await {
            Ok(found) => return found.ok_or(Stop::Lost),
            Err(error) => {
                failures += 1;
                store::log_failure!(warn, error, failures, "how far the task has come can't be had yet");
                time::sleep(DATABASE.half_jitter(failures, random())).await;
            }
        }
    }
}

impl Work<'_> {
    async fn run(&self, boot: Option<String>) -> Result<Success, Stop> {
        if self.ctx.handle().is_none()
            && (self.task.unseen || self.ctx.is_cancelled())
            && let Some(success) = self.look_first(boot.as_deref()).await?
        {
            return Ok(success);
        }
        let boot = match boot {
            None if self.task.operation == Operation::Restart => self.look_before().await?,
            // An earlier worker was about to restart it, and may have. That is the machine's to say, not the driver's.
            Some(boot) if self.ctx.handle().is_none() => match self.look(Some(&boot)).await {
                (seen, Verdict::Met) => return Ok(self.success("the hypervisor", &seen, Vec::new())),
                (Observed::Unavailable(trouble), _) => return Err(self.not_begun(trouble)),
                _ => Some(boot),
            },
            boot => boot,
        };
        let outcome = self.drive().await?;
        self.conclude(outcome, boot.as_deref()).await
    }

    /// Looks at what may have been done already, before anything else is. What is done has succeeded; what nobody can
    /// look at waits, and nothing is sent twice meanwhile. A task that had all its tries ends here when it isn't done.
    async fn look_first(&self, boot: Option<&str>) -> Result<Option<Success>, Stop> {
        let lease = &self.task.lease;
        match self.look(boot).await {
            (seen, Verdict::Met) => Ok(Some(self.success("the hypervisor", &seen, Vec::new()))),
            (Observed::Unavailable(Trouble { class, why }), _) if class.waits() => {
                let waiting =
                    Failure::not_begun(lease, class, format!("the machine could not be looked at: {why}"), None);
                Err(Failure { known: false, unseen: true, ..waiting }.into())
            }
            (_, Verdict::Missed(missed)) if lease.attempt > lease.max_attempts => {
                Err(self.counted(Class::Unverified, missed))
            }
            (_, Verdict::Unvouched(_)) if lease.attempt > lease.max_attempts => {
                Err(self.doubtful(Class::Unverified, "nobody can tell whether it is done".into(), false))
            }
            _ => Ok(None),
        }
    }

    /// Which start of its system a machine is in before it is restarted, kept for whoever comes after.
    async fn look_before(&self) -> Result<Option<String>, Stop> {
        let boot = match self.observe().await {
            Observed::Unavailable(trouble) => return Err(self.not_begun(trouble)),
            Observed::Missing => None,
            Observed::Present(machine) if !machine.running => Some(WAS_OFF.to_owned()),
            Observed::Present(machine) => machine.boot,
        };
        if let Some(boot) = &boot
            && !settle(self.realm, async |tx| tasks::keep_boot(tx, &self.task.lease, boot).await).await
        {
            return Err(Stop::Lost);
        }
        Ok(boot)
    }

    /// Has the driver do it, and waits for what it leaves under way.
    async fn drive(&self) -> Result<Outcome, Stop> {
        loop {
            let (handle, poll_after) = match self.execute().await {
                Outcome::Pending { handle, poll_after } => (handle, poll_after.max(LEAST_POLL)),
                outcome => return Ok(outcome),
            };
            let keep = async |tx: &mut store::Tx| tasks::keep_handle(tx, &self.task.lease, Some(&handle.0)).await;
            if !settle(self.realm, keep).await {
                return Err(Stop::Lost);
            }
            self.ctx.set_handle(handle.clone());
            let deadline = self.ctx.deadline();
            let wanted = tokio::select! {
                () = time::sleep_until(deadline.min(Instant::now() + poll_after)) => true,
                () = self.ctx.cancelled() => false,
            };
            if !wanted || Instant::now() >= deadline {
                let cancelled = AssertUnwindSafe(self.driver.cancel(&handle)).catch_unwind();
                if !matches!(time::timeout(GRACE, cancelled).await, Ok(Ok(()))) {
                    tracing::warn!(?handle, "what is under way can't be given up");
                }
                return Ok(if wanted {
                    let why = "it was still under way when its time was over".into();
                    Outcome::Unknown { class: Class::Unavailable, why }
                } else {
                    Outcome::Unknown { class: Class::Cancelled, why: TOLD_TO_STOP.into() }
                });
            }
        }
    }

    /// A driver that panics has failed this task; it does not take the worker with it. Nor does one that hangs. What is
    /// not wanted any more is not begun, and one that doesn't stop when it is told to is dropped.
    async fn execute(&self) -> Outcome {
        if self.ctx.is_cancelled() && self.ctx.handle().is_none() {
            return Outcome::Unknown { class: Class::Cancelled, why: TOLD_TO_STOP.into() };
        }
        let executed = AssertUnwindSafe(self.driver.execute(self.task, &self.ctx)).catch_unwind();
        let told_to_stop = async {
            self.ctx.cancelled().await;
            time::sleep(self.settings.stop_for).await;
        };
        let internal = |why: &str| Outcome::Unknown { class: Class::Internal, why: why.into() };
        tokio::select! {
            executed = time::timeout_at(self.ctx.deadline() + GRACE, executed) => match executed {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => internal("the driver broke off"),
                Err(_) => internal("the driver did not answer in time"),
            },
            () = told_to_stop => Outcome::Unknown { class: Class::Cancelled, why: TOLD_TO_STOP.into() },
        }
    }

    async fn conclude(&self, outcome: Outcome, boot: Option<&str>) -> Result<Success, Stop> {
        match outcome {
            Outcome::Done { node } => match self.look(boot).await {
                (seen, Verdict::Met) => Ok(self.success(&node, &seen, Vec::new())),
                (seen, Verdict::Unvouched(what)) => Ok(self.success(&node, &seen, what)),
                (Observed::Unavailable(trouble), Verdict::Missed(missed)) if trouble.class.waits() => {
                    Err(self.doubtful(Class::Unverified, missed, true))
                }
                (_, Verdict::Missed(missed)) => Err(self.counted(Class::Unverified, missed)),
            },
            // Nobody says that it is done: what can't be seen is not taken for done.
            Outcome::Unknown { class, why } => match self.look(boot).await {
                (seen, Verdict::Met) => {
                    let Success { results, verified } = self.success("the hypervisor", &seen, Vec::new());
                    Ok(Success { results: format!("{why}; {results}"), verified })
                }
                (Observed::Unavailable(trouble), _) => {
                    Err(self.doubtful(Class::Unavailable, why, trouble.class.waits()))
                }
                (_, Verdict::Unvouched(_)) => Err(self.doubtful(class, why, false)),
                (_, Verdict::Missed(missed)) => Err(self.counted(class, format!("{why}; {missed}"))),
            },
            Outcome::Retry { after, class, why } => Err(Failure::not_begun(&self.task.lease, class, why, after).into()),
            Outcome::Fail { class, why } => Err(Failure::final_one(class, why).into()),
            Outcome::Pending { .. } => Err(self.counted(Class::Internal, "the driver left it under way".into())),
        }
    }

    /// Looks at the service: what there is, and whether it is what the task wants.
    async fn look(&self, boot: Option<&str>) -> (Observed, Verdict) {
        let seen = self.observe().await;
        let verdict = desired_by(self.task, boot).judge(&seen);
        (seen, verdict)
    }

    async fn observe(&self) -> Observed {
        let ctx = self.ctx.looking(LOOK);
        let observed = AssertUnwindSafe(self.driver.observe(self.task, &ctx)).catch_unwind();
        match time::timeout_at(ctx.deadline() + GRACE, observed).await {
            Ok(Ok(seen)) => seen,
            Ok(Err(_)) => Observed::Unavailable(Trouble::new(Class::Internal, "the driver broke off")),
            Err(_) => Observed::Unavailable(Trouble::new(Class::Unavailable, "the driver did not answer in time")),
        }
    }

    fn success(&self, node: &str, seen: &Observed, unvouched: Vec<&'static str>) -> Success {
        let mut results = report(self.task.operation, node, seen);
        if !unvouched.is_empty() {
            results.push_str(&format!("; not verified: {}", unvouched.join(", ")));
        }
        Success { results, verified: unvouched.is_empty() }
    }

    /// It may have been done or not; `unseen` when it is to be looked at before anything else.
    fn doubtful(&self, class: Class, why: String, unseen: bool) -> Stop {
        Failure { known: false, unseen, ..Failure::counted(&self.task.lease, class, why) }.into()
    }

    fn counted(&self, class: Class, why: String) -> Stop {
        Failure::counted(&self.task.lease, class, why).into()
    }

    fn not_begun(&self, Trouble { class, why }: Trouble) -> Stop {
        Failure::not_begun(&self.task.lease, class, why, None).into()
    }
}
