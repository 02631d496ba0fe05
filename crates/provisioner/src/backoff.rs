//! How long to wait before trying again.

use std::time::Duration;

/// Growing pauses: each up to twice the one before, up to a cap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    /// The most that the first pause takes.
    pub base: Duration,
    /// The most that any takes.
    pub cap: Duration,
}

/// Between a task's tries.
pub(crate) const TASK: Backoff = Backoff { base: Duration::from_secs(5), cap: Duration::from_mins(10) };

/// Between tries of a task whose hypervisor can't be asked: soon back when the hypervisor is.
pub(crate) const AWAY: Backoff = Backoff { base: Duration::from_secs(5), cap: Duration::from_mins(1) };

/// Between tries of a notice.
pub(crate) const NOTICE: Backoff = Backoff { base: Duration::from_mins(1), cap: Duration::from_hours(6) };

/// Between questions to a database that does not answer.
pub(crate) const DATABASE: Backoff = Backoff { base: Duration::from_millis(250), cap: Duration::from_secs(5) };

impl Backoff {
    /// The most that the pause after the `failures`th failure in a row takes, counted from 1.
    pub(crate) fn ceiling(&self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }

    /// A pause anywhere from nothing to the ceiling ("full jitter"), so that what failed together does not come back
    /// together.
    pub(crate) fn full_jitter(&self, failures: u32, random: u64) -> Duration {
        share(self.ceiling(failures), random)
    }

    /// A pause for what has waited for so long already: about as long again, within the bounds.
    pub(crate) fn after(&self, waited: Duration, random: u64) -> Duration {
        let half = waited.clamp(self.base, self.cap) / 2;
        half + share(half, random)
    }

    /// A pause of at least half the ceiling, for loops that must not spin.
    pub(crate) fn half_jitter(&self, failures: u32, random: u64) -> Duration {
        let half = self.ceiling(failures) / 2;
        half + share(half, random)
    }
}

/// From nothing to `whole`, in milliseconds.
fn share(whole: Duration, random: u64) -> Duration {
    let millis = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(random % millis.saturating_add(1))
}

/// Anything; nothing in particular hangs on it, so a machine without randomness only loses the jitter.
pub(crate) fn random() -> u64 {
    getrandom::u64().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pauses_stay_within_their_bounds(failures in any::<u32>(), random in any::<u64>()) {
            for backoff in [TASK, NOTICE, DATABASE] {
                let ceiling = backoff.ceiling(failures);
                prop_assert!(backoff.base <= ceiling && ceiling <= backoff.cap);
                prop_assert!(backoff.full_jitter(failures, random) <= ceiling);
                let half = backoff.half_jitter(failures, random);
                prop_assert!(ceiling / 2 <= half && half <= ceiling);
            }
        }

        #[test]
        fn who_waited_long_waits_long_and_no_longer_than_the_cap(seconds in 0..1_000_000_u64, random in any::<u64>()) {
            let pause = AWAY.after(Duration::from_secs(seconds), random);
            prop_assert!(AWAY.base / 2 <= pause && pause <= AWAY.cap);
            prop_assert!(pause <= Duration::from_secs(seconds).max(AWAY.base));
        }

        #[test]
        fn ceilings_double_until_the_cap(failures in 1..100_u32) {
            let next = TASK.ceiling(failures + 1);
            prop_assert_eq!(next, (TASK.ceiling(failures) * 2).min(TASK.cap));
        }

        #[test]
        fn every_millisecond_can_come(wanted in 0..5000_u64) {
            prop_assert_eq!(TASK.full_jitter(1, wanted), Duration::from_millis(wanted));
        }
    }

    #[test]
    fn the_first_ceilings_of_a_task() {
        let seconds: Vec<u64> = (1..10).map(|failures| TASK.ceiling(failures).as_secs()).collect();
        assert_eq!(seconds, [5, 10, 20, 40, 80, 160, 320, 600, 600]);
    }
}
