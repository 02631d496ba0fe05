//! One password on its way through the queue.

use std::sync::Arc;

use secrecy::SecretString;
use tokio::{
    sync::{OwnedSemaphorePermit, oneshot},
    task, time,
};

use super::{Attempt, BUSY, Inner, Tag, Verdict};
use crate::auth::{password, throttle::Ticket};

/// The hashing of one password.
pub(super) struct Hashing {
    landing: Landing,
    place: OwnedSemaphorePermit,
    phc: Option<String>,
    password: SecretString,
}

impl Hashing {
    /// Of a password that is on the list of flights and has a place in the queue.
    pub(super) fn new(
        inner: Arc<Inner>,
        tag: Tag,
        ticket: Ticket,
        place: OwnedSemaphorePermit,
        attempt: &Attempt<'_>,
    ) -> Self {
        let landing = Landing { inner, tag, ticket: Some(ticket) };
        Self { landing, place, phc: attempt.phc.map(str::to_owned), password: attempt.password.clone() }
    }

    /// Hashes, and tells the outcome when it is remembered and off the list.
    pub(super) async fn run(self, tell: oneshot::Sender<Verdict>) {
        let verdict = self.verdict().await;
        // An error says that all who waited have hung up.
        let _ = tell.send(verdict);
    }

    /// Waits for a core, hashes and remembers the outcome.
    async fn verdict(self) -> Verdict {
        let Self { mut landing, place, phc, password } = self;
        let inner = landing.inner.clone();
        let Ok(Ok(core)) = time::timeout(inner.patience, inner.hashing.clone().acquire_owned()).await else {
            return BUSY;
        };
        let blocking = inner.clone();
        let hashed = task::spawn_blocking(move || {
            // Given back when the core is free again, also when nobody waits for the outcome any more.
            let _held = (core, place);
            let right = (blocking.verify)(phc.as_deref().unwrap_or(password::DUMMY), &password);
            right && phc.is_some()
        });
        match hashed.await {
            Ok(true) => {
                inner.right.insert(landing.tag, ());
                Verdict::Right
            }
            Ok(false) => {
                inner.wrong.insert(landing.tag, ());
                landing.ticket = None;
                Verdict::Wrong
            }
            Err(error) => {
                tracing::error!(%error, "a password could not be verified");
                BUSY
            }
        }
    }
}

/// Takes the flight off the list, however it ends: also with a web worker's runtime, before it has begun.
struct Landing {
    inner: Arc<Inner>,
    tag: Tag,
    /// A try, given back unless the password was wrong.
    ticket: Option<Ticket>,
}

impl Drop for Landing {
    fn drop(&mut self) {
        if let Some(ticket) = &self.ticket {
            self.inner.throttle.give_back(ticket);
        }
        self.inner.flights().remove(&self.tag);
    }
}
