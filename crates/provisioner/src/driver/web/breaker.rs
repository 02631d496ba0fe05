//! Leaving alone what does not answer: otherwise one dead endpoint has every slot of the worker waiting for it.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use tokio::time::Instant;

use crate::driver::{Class, Trouble};

/// So many requests in a row are left without an answer before it is left alone.
const PATIENCE: u32 = 3;
/// It is left alone so long at first, then twice as long each time,
const FIRST: Duration = Duration::from_secs(5);
/// and no longer than this.
const LONGEST: Duration = Duration::from_mins(1);
/// While one finds out whether it answers again, the others wait so long for what comes of that.
const TRIAL: Duration = Duration::from_secs(15);

/// Whether an endpoint is asked at all.
#[derive(Default)]
pub(super) struct Breaker {
    silences: Cell<u32>,
    closed_until: Cell<Option<Instant>>,
    /// What was wrong the last time that it was asked.
    trouble: RefCell<Option<Trouble>>,
}

/// It is not asked now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeftAlone {
    /// For how long.
    pub left: Duration,
    /// Why: what was wrong the last time that it was asked.
    pub trouble: Trouble,
}

impl Breaker {
    /// Whether to ask now.
    ///
    /// # Errors
    /// For how long not to, and why.
    pub(super) fn admit(&self) -> Result<(), LeftAlone> {
        let Some(until) = self.closed_until.get() else { return Ok(()) };
        let left = until.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            let unknown = || Trouble::new(Class::Unavailable, "it does not answer");
            return Err(LeftAlone { left, trouble: self.trouble.borrow().clone().unwrap_or_else(unknown) });
        }
        self.closed_until.set(Some(Instant::now() + TRIAL));
        Ok(())
    }

    /// It answered, whatever it said.
    pub(super) fn answered(&self) {
        self.silences.set(0);
        self.closed_until.set(None);
        self.trouble.replace(None);
    }

    /// It did not, and this is why.
    pub(super) fn silent(&self, trouble: Trouble) {
        self.trouble.replace(Some(trouble));
        let silences = self.silences.get().saturating_add(1);
        self.silences.set(silences);
        if let Some(again) = silences.checked_sub(PATIENCE) {
            let wait = FIRST.saturating_mul(2_u32.saturating_pow(again)).min(LONGEST);
            self.closed_until.set(Some(Instant::now() + wait));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time;

    use super::*;

    fn trouble() -> Trouble {
        Trouble::new(Class::Configuration, "its certificate has expired")
    }

    fn left_alone(left: Duration) -> Result<(), LeftAlone> {
        Err(LeftAlone { left, trouble: trouble() })
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_silent_is_left_alone_and_then_tried_by_one() {
        let breaker = Breaker::default();
        for _ in 0..PATIENCE {
            assert_eq!(breaker.admit(), Ok(()));
            breaker.silent(trouble());
        }
        assert_eq!(breaker.admit(), left_alone(FIRST));
        time::advance(FIRST).await;
        assert_eq!(breaker.admit(), Ok(()));
        assert_eq!(breaker.admit(), left_alone(TRIAL), "a second one waits for what comes of the first");
        breaker.silent(trouble());
        assert_eq!(breaker.admit(), left_alone(FIRST * 2));
        time::advance(FIRST * 2).await;
        assert_eq!(breaker.admit(), Ok(()));
        breaker.answered();
        assert_eq!((breaker.admit(), breaker.admit()), (Ok(()), Ok(())));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_never_left_alone_for_long() {
        let breaker = Breaker::default();
        (0..1000).for_each(|_| breaker.silent(trouble()));
        assert_eq!(breaker.admit(), left_alone(LONGEST));
    }
}
