//! Hooks that misbehave: each a few lines of shell, and what is to come of it.

mod full_disk;
mod processes;
mod protocol;
mod refused;
mod told;

use std::{path::PathBuf, time::Duration};

use domain::tasks::Operation;
use provisioner::driver::{Class, Driver, ExecSettings, Outcome};
use store::tasks::ClaimedTask;
use tokio::time::{self, Instant};

use crate::bed::{ctx, exec_settings, exec_with, task};

/// A result that is as it should be.
const RESULT: &str = r#"echo '{"t":"result","task":"1042","node":"n1"}'"#;

/// What comes of a hook, and the log.
async fn ran(hook: PathBuf) -> (Outcome, String) {
    ran_with(exec_settings(hook), &task(Operation::Create), Duration::from_secs(60)).await
}

async fn ran_with(settings: ExecSettings, task: &ClaimedTask, time: Duration) -> (Outcome, String) {
    let driver = exec_with(settings);
    let (ctx, mut lines) = ctx(time);
    let outcome = driver.execute(task, &ctx).await;
    ctx.log().close();
    let mut log = String::new();
    while let Some(batch) = lines.next().await {
        log.push_str(&batch);
    }
    (outcome, log)
}

fn done() -> Outcome {
    Outcome::Done { node: "n1".into() }
}

fn class(outcome: &Outcome) -> Option<Class> {
    match outcome {
        Outcome::Done { .. } | Outcome::Pending { .. } => None,
        Outcome::Retry { class, .. } | Outcome::Fail { class, .. } | Outcome::Unknown { class, .. } => Some(*class),
    }
}

/// Whether a process is there and not only a name of one that has ended.
fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// Waits until it is so; it must come within a minute.
async fn until(what: &str, so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut pace = time::interval(Duration::from_millis(10));
    while !so() {
        assert!(Instant::now() < deadline, "it did not come to this: {what}");
        pace.tick().await;
    }
}
