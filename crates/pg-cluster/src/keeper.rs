//! Bringing the server back when it has ended without being told to.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::{ClusterError, FileContext};
use crate::member::Member;
use crate::process::Log;

/// How often is looked whether the server lives: one lock tried.
const LOOK: Duration = Duration::from_millis(250);
/// How often is looked whether its log is too big, and whether a dead one has left processes.
const LOOK_CLOSER: Duration = Duration::from_secs(1);
/// How long a log that can't be set aside is left alone.
const LEAVE_LOG: Duration = Duration::from_secs(60);
/// The longest rest between two tries to bring it back.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// A server that has lived for so long is brought back at once when it ends.
const PROVEN: Duration = Duration::from_secs(60);

/// A thread that looks after the server of a member. Dropping this ends it.
#[derive(Debug)]
pub(crate) struct Keeper {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread.
    pub(crate) fn start(member: Arc<Mutex<Member>>) -> Result<Self, ClusterError> {
        let (stop, stopped) = mpsc::channel();
        let data_dir = member.lock().unwrap_or_else(PoisonError::into_inner).layout().data_dir.clone();
        let thread = thread::Builder::new().name("postgres-keeper".to_owned()).spawn(move || keep(&member, &stopped));
        Ok(Self { stop: Some(stop), thread: Some(thread.context("start a thread for", &data_dir)?) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that looks after PostgreSQL had panicked");
        }
    }
}

fn keep(member: &Mutex<Member>, stopped: &Receiver<()>) {
    let mut backoff = Backoff::new(Instant::now());
    let mut rest = LOOK;
    let (mut log_due, mut orphans_due) = (Instant::now(), Instant::now());
    // What hears nothing of the first is killed.
    let mut signal = "QUIT";
    while stopped.recv_timeout(rest) == Err(RecvTimeoutError::Timeout) {
        let mut member = member.lock().unwrap_or_else(PoisonError::into_inner);
        if Instant::now() >= log_due {
            log_due = Instant::now() + bound_log(&member);
        }
        if Instant::now() >= orphans_due {
            orphans_due = Instant::now() + LOOK_CLOSER;
            signal = end_orphans(&member, signal);
        }
        rest = match member.server_lives() {
            Ok(true) => LOOK,
            Ok(false) => revive(&mut member, &mut backoff),
            Err(error) => {
                tracing::error!(%error, "nobody knows whether PostgreSQL lives");
                LONGEST_REST
            }
        };
    }
}

/// Ends what a dead server has left. Answers the signal for what is there the next time.
fn end_orphans(member: &Member, signal: &'static str) -> &'static str {
    match member.end_orphans(signal) {
        0 => "QUIT",
        processes => {
            tracing::warn!(processes, signal, "PostgreSQL's postmaster is dead: ending what it left");
            "KILL"
        }
    }
}

/// Keeps the log bounded. Answers how long until the next look.
fn bound_log(member: &Member) -> Duration {
    let Err(error) = Log::bound(member.layout()) else { return LOOK_CLOSER };
    tracing::warn!(%error, "PostgreSQL's log grows");
    LEAVE_LOG
}

/// Tries to bring it back, unless it is too early for that. Answers when to look again.
fn revive(member: &mut Member, backoff: &mut Backoff) -> Duration {
    if let Some(early) = backoff.too_early(Instant::now()) {
        return early.min(LOOK);
    }
    let last_words = Log::last_words(member.layout());
    tracing::error!(log = %member.layout().log().display(), last_words, "PostgreSQL has ended: bringing it back");
    let brought = member.revive();
    let rest = backoff.tried(Instant::now());
    match brought {
        Ok(()) => tracing::warn!("PostgreSQL is back"),
        Err(ClusterError::Busy { .. }) => tracing::info!("another process is bringing PostgreSQL back"),
        Err(error) => tracing::error!(%error, next_try_in = rest.as_secs(), "PostgreSQL can't be brought back yet"),
    }
    LOOK
}

/// When the next try may be: at once for a server that lived for a while, later and later for one that ends again.
#[derive(Debug)]
struct Backoff {
    last: Instant,
    rest: Duration,
}

impl Backoff {
    fn new(now: Instant) -> Self {
        Self { last: now, rest: Duration::ZERO }
    }

    /// How much too early it is.
    fn too_early(&mut self, now: Instant) -> Option<Duration> {
        let since = now.saturating_duration_since(self.last);
        if since >= PROVEN {
            self.rest = Duration::ZERO;
        }
        Some(self.rest.saturating_sub(since)).filter(|early| !early.is_zero())
    }

    /// Counts a try that ended now; what has to pass before the next.
    fn tried(&mut self, now: Instant) -> Duration {
        self.last = now;
        self.rest = (self.rest * 2).clamp(Duration::from_secs(1), LONGEST_REST);
        self.rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_try_is_at_once_and_later_ones_rest_longer_up_to_a_bound() {
        let mut now = Instant::now();
        let mut backoff = Backoff::new(now);
        let mut rests = Vec::new();
        for _ in 0..7 {
            let early = backoff.too_early(now).unwrap_or_default();
            rests.push(early.as_secs());
            now += early;
            assert_eq!(backoff.too_early(now), None);
            backoff.tried(now);
        }
        assert_eq!(rests, [0, 1, 2, 4, 8, 16, 30]);
        assert_eq!(backoff.too_early(now), Some(LONGEST_REST));
        // It lived for a minute: what ends it now is another matter.
        assert_eq!(backoff.too_early(now + PROVEN), None);
        backoff.tried(now + PROVEN);
        assert_eq!(backoff.too_early(now + PROVEN), Some(Duration::from_secs(1)));
    }
}
