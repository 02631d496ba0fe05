//! What goes with a task while a driver has it.

use std::{
    cell::RefCell,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{sync::watch, time::Instant};

use super::Log;

/// A driver's own name of work that is under way on the other side. Kept in the task's row: no secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handle(pub String);

/// What goes with a task while a driver has it: where its log goes, until when it has time, what an earlier worker left
/// under way, and whether it is still wanted.
pub struct Ctx {
    log: Log,
    deadline: Instant,
    handle: RefCell<Option<Handle>>,
    cancelled: watch::Receiver<bool>,
}

impl Ctx {
    /// For work that has `time` left. `cancelled` becomes true when it is not wanted any more.
    #[must_use]
    pub fn new(log: Log, time: Duration, handle: Option<Handle>, cancelled: watch::Receiver<bool>) -> Self {
        Self { log, deadline: Instant::now() + time, handle: RefCell::new(handle), cancelled }
    }

    /// With other time, and nothing under way: for looking.
    #[must_use]
    pub fn looking(&self, time: Duration) -> Self {
        // What is not wanted any more is looked at all the same: only that tells what became of it.
        let (_, never) = watch::channel(false);
        Self { log: self.log.clone(), deadline: Instant::now() + time, handle: RefCell::new(None), cancelled: never }
    }

    /// The task's log.
    #[must_use]
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// Until when there is time. What is not done then has an outcome that nobody knows.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The same by the wall clock, in Unix seconds: for the other side.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the other side is told when to stop; nothing is decided by it")]
    pub fn deadline_unix(&self) -> u64 {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        (now + left).as_secs()
    }

    /// What is under way already.
    #[must_use]
    pub fn handle(&self) -> Option<Handle> {
        self.handle.borrow().clone()
    }

    /// Says what is under way from now on.
    pub(crate) fn set_handle(&self, handle: Handle) {
        self.handle.replace(Some(handle));
    }

    /// Whether the task is not wanted any more.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.cancelled.borrow()
    }

    /// Returns once the task is not wanted any more; never where nobody can say so.
    pub async fn cancelled(&self) {
        let mut cancelled = self.cancelled.clone();
        if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
            std::future::pending().await
        }
    }
}
