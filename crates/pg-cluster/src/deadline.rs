//! Waiting that ends.

use std::time::{Duration, Instant};

/// How long to rest between two looks at a condition.
const INTERVAL: Duration = Duration::from_millis(10);

/// The end of a wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    start: Instant,
    allowed: Duration,
}

impl Deadline {
    /// A wait that begins now.
    pub(crate) fn after(allowed: Duration) -> Self {
        Self { start: Instant::now(), allowed }
    }

    /// What is left of it.
    pub(crate) fn remaining(&self) -> Duration {
        self.allowed.saturating_sub(self.start.elapsed())
    }

    /// Rests a moment; false when the time is up. Blocks its thread.
    pub(crate) fn rest(&self) -> bool {
        let remaining = self.remaining();
        std::thread::sleep(INTERVAL.min(remaining));
        !remaining.is_zero()
    }

    /// Rests a moment, without an end in sight. Blocks its thread.
    pub(crate) fn pause() {
        std::thread::sleep(INTERVAL);
    }

    /// Whether the time is up.
    pub(crate) fn is_over(&self) -> bool {
        self.remaining().is_zero()
    }

    /// How long it has been.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// What was allowed, in whole seconds, for messages.
    pub(crate) fn seconds(&self) -> u64 {
        self.allowed.as_secs()
    }
}
