//! Passwords, verified without letting anyone keep the processor busy or lock others out.
//!
//! 1. What was right within the last five minutes is right: no limit touches it, whatever others try meanwhile.
//! 2. What was wrong within the last half minute is wrong. It counts as no further failure: one who repeats a wrong
//!    password learns nothing by it, and a client with an outdated password must not use up the tries of the one
//!    beside it that has the new one. So it evades no limit either; once forgotten it is hashed and counted again.
//! 3. The same password being hashed already is waited for: one hash for all.
//! 4. Only then there must be a place in the queue and a try left (`throttle`), and the password is hashed.
//!
//! Both memories are kept under a keyed digest of all that the outcome depends on, the stored hash and the version of
//! the credentials among it. So whatever staff change of them leaves behind what was remembered before, in every
//! process and at once. The password itself is kept nowhere.

mod hashing;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use hmac::{Hmac, KeyInit, Mac};
use moka::{
    policy::EvictionPolicy,
    sync::{Cache, CacheBuilder},
};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use tokio::{
    sync::{Semaphore, oneshot},
    task,
};
use zeroize::Zeroizing;

use self::hashing::Hashing;
use super::{
    AuthSettings, keys, password,
    throttle::{LoginTag, Throttle, Ticket, seconds},
};

/// How long a right password is remembered, from when it was hashed.
const RIGHT_FOR: Duration = Duration::from_secs(300);
/// How long a wrong one is.
const WRONG_FOR: Duration = Duration::from_secs(30);
/// How many of each are.
const REMEMBERED: u64 = 10_000;
/// When to come again after finding too many passwords being verified, in seconds.
const BUSY: Verdict = Verdict::TooMany { retry_after_seconds: 2 };

/// A password, or a key, to be verified.
pub struct Attempt<'a> {
    /// Whose logins: a realm, and a surface where its logins are others.
    pub realm: &'a str,
    /// The login.
    pub login: &'a str,
    /// The customer's number and the version of its credentials; `None` where the login is nobody's.
    pub customer: Option<(i64, i64)>,
    /// The stored hash. Where there is none the password is wrong, found out as slowly. Of a key, none.
    pub phc: Option<&'a str>,
    /// The password or key given.
    pub password: &'a SecretString,
    /// Where it comes from.
    pub address: IpAddr,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password.
    Right,
    /// It isn't.
    Wrong,
    /// Not known: too many were wrong, or too many are being verified (code 100).
    TooMany {
        /// When to come again, in seconds, at least 1: `Retry-After`.
        retry_after_seconds: u64,
    },
}

type Tag = [u8; 32];
type Flight = Shared<BoxFuture<'static, Verdict>>;
pub(super) type Hasher = dyn Fn(&str, &SecretString) -> bool + Send + Sync;

/// Verifies passwords. One per process; clones are the same one.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    /// Keyed with what this process alone knows, and forgets.
    digest: Hmac<Sha256>,
    right: Cache<Tag, ()>,
    wrong: Cache<Tag, ()>,
    /// Passwords being hashed or waiting for it.
    flights: Mutex<HashMap<Tag, Flight>>,
    throttle: Throttle,
    /// For those that wait and those being hashed.
    places: Arc<Semaphore>,
    /// For those being hashed.
    hashing: Arc<Semaphore>,
    patience: Duration,
    verify: Box<Hasher>,
}

impl Verifier {
    /// A verifier with nothing remembered yet.
    ///
    /// # Errors
    /// The operating system has no random numbers to give.
    pub fn new(settings: &AuthSettings) -> Result<Self, getrandom::Error> {
        Self::with(settings, Box::new(password::verify))
    }

    /// With another function in argon2id's place.
    pub(super) fn with(settings: &AuthSettings, verify: Box<Hasher>) -> Result<Self, getrandom::Error> {
        let mut secret = Zeroizing::new([0; 64]);
        getrandom::fill(&mut *secret)?;
        let at_once = usize::from(settings.hashes_at_once.get());
        Ok(Self(Arc::new(Inner {
            digest: Hmac::new((&*secret).into()),
            right: memory(RIGHT_FOR),
            wrong: memory(WRONG_FOR),
            flights: Mutex::default(),
            throttle: Throttle::new(settings.login_failures_per_minute, settings.address_failures_per_minute),
            places: Arc::new(Semaphore::new(at_once + usize::from(settings.hashes_waiting))),
            hashing: Arc::new(Semaphore::new(at_once)),
            patience: Duration::from_millis(settings.hash_wait_milliseconds),
            verify,
        })))
    }

    /// Whether the password is right. Must be awaited on tokio.
    pub async fn check(&self, attempt: &Attempt<'_>) -> Verdict {
        if password::is_too_long(attempt.password) {
            return Verdict::Wrong;
        }
        let tag = self.0.tag(attempt, b"pass");
        if let Some(verdict) = self.0.remembered(&tag) {
            return verdict;
        }
        match self.board(tag, attempt) {
            Ok(flight) => flight.await,
            Err(verdict) => verdict,
        }
    }

    /// Whether the key is one of those whose digests are stored. A right key meets no limit; a wrong one counts as a
    /// wrong password does, once while it is remembered.
    #[must_use]
    pub fn check_key(&self, attempt: &Attempt<'_>, digests: &[Vec<u8>]) -> Verdict {
        if keys::matches(digests, attempt.password.expose_secret()) {
            return Verdict::Right;
        }
        let tag = self.0.tag(attempt, b"apikey");
        if self.0.wrong.get(&tag).is_some() {
            return Verdict::Wrong;
        }
        match self.0.take_ticket(attempt) {
            Ok(_counted) => {
                self.0.wrong.insert(tag, ());
                Verdict::Wrong
            }
            Err(verdict) => verdict,
        }
    }

    /// The hashing of this password, under way already or begun now; or the verdict without it.
    fn board(&self, tag: Tag, attempt: &Attempt<'_>) -> Result<Flight, Verdict> {
        let inner = &self.0;
        let (tell, told) = oneshot::channel();
        let (hashing, flight) = {
            let mut flights = inner.flights();
            if let Some(flight) = flights.get(&tag) {
                return Ok(flight.clone());
            }
            // One that has just landed was remembered before it left the list.
            if let Some(verdict) = inner.remembered(&tag) {
                return Err(verdict);
            }
            let place = inner.places.clone().try_acquire_owned().map_err(|_| BUSY)?;
            let ticket = inner.take_ticket(attempt)?;
            let flight = told.map(|told| told.unwrap_or(BUSY)).boxed().shared();
            flights.insert(tag, flight.clone());
            (Hashing::new(inner.clone(), tag, ticket, place, attempt), flight)
        };
        // A task of its own: the client that began it may hang up while others wait for the outcome.
        task::spawn(hashing.run(tell));
        Ok(flight)
    }
}

fn memory(time_to_live: Duration) -> Cache<Tag, ()> {
    CacheBuilder::new(REMEMBERED).time_to_live(time_to_live).eviction_policy(EvictionPolicy::lru()).build()
}

impl Inner {
    /// What the outcome is remembered under. Each part has its length before it, so that no two attempts have the
    /// same bytes.
    fn tag(&self, attempt: &Attempt<'_>, secret: &[u8]) -> Tag {
        let mut digest = self.digest.clone();
        let mut part = |bytes: &[u8]| {
            digest.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(bytes);
        };
        part(attempt.realm.as_bytes());
        part(attempt.login.as_bytes());
        if let Some((customer, version)) = attempt.customer {
            part(&customer.to_be_bytes());
            part(&version.to_be_bytes());
        }
        part(attempt.phc.unwrap_or_default().as_bytes());
        part(secret);
        part(attempt.password.expose_secret().as_bytes());
        digest.finalize().into_bytes().into()
    }

    fn remembered(&self, tag: &Tag) -> Option<Verdict> {
        if self.right.get(tag).is_some() {
            Some(Verdict::Right)
        } else if self.wrong.get(tag).is_some() {
            Some(Verdict::Wrong)
        } else {
            None
        }
    }

    fn take_ticket(&self, attempt: &Attempt<'_>) -> Result<Ticket, Verdict> {
        let login = self.login_tag(attempt);
        let taken = self.throttle.take(login, attempt.address, Instant::now());
        taken.map_err(|wait| Verdict::TooMany { retry_after_seconds: seconds(wait) })
    }

    fn login_tag(&self, attempt: &Attempt<'_>) -> LoginTag {
        let mut digest = self.digest.clone();
        // No realm's name has a NUL.
        for part in [attempt.realm.as_bytes(), b"\0", attempt.login.as_bytes()] {
            digest.update(part);
        }
        digest.finalize().into_bytes().into()
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<Tag, Flight>> {
        // A map of flights has no state between two that a panic could leave it in.
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}
