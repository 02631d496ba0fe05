//! Few requests of one customer at a time, in front of the database's connections, so that the others have the rest
//! (CONTRACT 1.4, code 100).
//!
//! A customer's requests wait in a line of its own for one of its places. The line is short, in length and in time, and
//! whoever finds no place in it is told to come again. Not at once: one that asks again immediately would keep the
//! processor busy with refusals.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use domain::customers::CustomerId;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};

use super::{
    AuthSettings,
    throttle::{Buckets, network, seconds},
};

/// How long a refusal waits before it is told.
const PAUSE: Duration = Duration::from_secs(1);

/// Whose request it is, once that is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Guest {
    /// The realm, by its schema.
    pub realm: String,
    /// The customer.
    pub customer: CustomerId,
    /// Where many share one customer, as in the public test realm: the address that it comes from.
    pub address: Option<IpAddr>,
}

/// The request finds no place (code 100).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowded {
    /// When to come again, in seconds, at least 1: `Retry-After`.
    pub retry_after_seconds: u64,
}

/// A place, held until it is dropped.
#[derive(Debug)]
pub struct Pass {
    _of_login: Option<Place<Asking>>,
    _of_guest: Option<Place<Guest>>,
}

/// A login whose credentials are looked up: on which surface, which, and from where. Logins here are of bounded length.
type Asking = (&'static str, String, IpAddr);

/// Lets requests in. One per process, for all surfaces; clones are the same one.
#[derive(Clone)]
pub struct Admission(Arc<Inner>);

struct Inner {
    lookups: Gate<Asking>,
    guests: Gate<Guest>,
    rate: Option<Buckets<Guest>>,
    test_rate: Buckets<Guest>,
}

impl Admission {
    /// With everybody's places free.
    #[must_use]
    pub fn new(settings: &AuthSettings) -> Self {
        let line = Line {
            at_once: usize::from(settings.customer_at_once.get()),
            waiting: usize::from(settings.customer_waiting),
            patience: Duration::from_millis(settings.customer_wait_milliseconds),
        };
        Self(Arc::new(Inner {
            lookups: Gate::new(line),
            guests: Gate::new(line),
            rate: settings.customer_requests_per_minute.map(Buckets::new),
            test_rate: Buckets::new(settings.test_requests_per_minute),
        }))
    }

    /// A place for looking up a login's credentials. It counts by address, too, so that nobody stands in the way of a
    /// login from elsewhere. `login` is of bounded length.
    ///
    /// # Errors
    /// [`Crowded`], after a pause.
    pub async fn look_up(&self, surface: &'static str, login: &str, address: IpAddr) -> Result<Pass, Crowded> {
        let asking = (surface, login.to_owned(), network(address));
        let place = self.0.lookups.enter(asking).await?;
        Ok(Pass { _of_login: Some(place), _of_guest: None })
    }

    /// A place for what a customer asks for.
    ///
    /// # Errors
    /// [`Crowded`], after a pause.
    pub async fn enter(&self, guest: Guest) -> Result<Pass, Crowded> {
        let guest = Guest { address: guest.address.map(network), ..guest };
        let rate = if guest.address.is_some() { Some(&self.0.test_rate) } else { self.0.rate.as_ref() };
        if let Some(Err(wait)) = rate.map(|rate| rate.take(&guest, Instant::now())) {
            time::sleep(PAUSE.min(wait)).await;
            return Err(Crowded { retry_after_seconds: seconds(wait) });
        }
        let place = self.0.guests.enter(guest).await?;
        Ok(Pass { _of_login: None, _of_guest: Some(place) })
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admission")
    }
}

/// How many come in at once, and how many wait for how long.
#[derive(Debug, Clone, Copy)]
struct Line {
    at_once: usize,
    waiting: usize,
    patience: Duration,
}

/// Places by key. Of a key that nobody holds or waits for, nothing is kept.
#[derive(Debug, Clone)]
struct Gate<K: Eq + Hash> {
    line: Line,
    keys: Arc<Mutex<HashMap<K, Present>>>,
}

#[derive(Debug)]
struct Present {
    places: Arc<Semaphore>,
    count: usize,
}

impl<K: Clone + Eq + Hash> Gate<K> {
    fn new(line: Line) -> Self {
        Self { line, keys: Arc::default() }
    }

    async fn enter(&self, key: K) -> Result<Place<K>, Crowded> {
        let Some((places, presence)) = self.join(key) else {
            time::sleep(PAUSE).await;
            return Err(Crowded { retry_after_seconds: 1 });
        };
        match time::timeout(self.line.patience, places.acquire_owned()).await {
            Ok(Ok(held)) => Ok(Place { _held: held, _presence: presence }),
            Ok(Err(_)) | Err(_) => Err(Crowded { retry_after_seconds: 1 }),
        }
    }

    /// Into the line, unless it is full.
    fn join(&self, key: K) -> Option<(Arc<Semaphore>, Presence<K>)> {
        let mut keys = lock(&self.keys);
        let Line { at_once, waiting, .. } = self.line;
        let new = || Present { places: Arc::new(Semaphore::new(at_once)), count: 0 };
        let present = keys.entry(key.clone()).or_insert_with(new);
        if present.count >= at_once + waiting {
            return None;
        }
        present.count += 1;
        Some((present.places.clone(), Presence { key, keys: self.keys.clone() }))
    }
}

/// A place. It is free again before its holder is gone from the line.
#[derive(Debug)]
struct Place<K: Eq + Hash> {
    _held: OwnedSemaphorePermit,
    _presence: Presence<K>,
}

/// Somebody that holds a place or waits for one.
#[derive(Debug)]
struct Presence<K: Eq + Hash> {
    key: K,
    keys: Arc<Mutex<HashMap<K, Present>>>,
}

impl<K: Eq + Hash> Drop for Presence<K> {
    fn drop(&mut self) {
        let mut keys = lock(&self.keys);
        if let Some(present) = keys.get_mut(&self.key) {
            present.count -= 1;
            if present.count == 0 {
                keys.remove(&self.key);
            }
        }
    }
}

fn lock<T>(keys: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever holds it does nothing that can panic half-way.
    keys.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU16, NonZeroU32};

    use futures_util::{FutureExt, future::join_all};

    use super::*;

    fn settings() -> AuthSettings {
        AuthSettings { customer_at_once: NonZeroU16::new(2).unwrap(), customer_waiting: 3, ..AuthSettings::default() }
    }

    fn guest(customer: i64) -> Guest {
        Guest { realm: "live".to_owned(), customer: CustomerId(customer), address: None }
    }

    fn kept(admission: &Admission) -> usize {
        lock(&admission.0.guests.keys).len() + lock(&admission.0.lookups.keys).len()
    }

    #[tokio::test(start_paused = true)]
    async fn a_customer_has_its_places_and_its_line_and_no_more() {
        let admission = Admission::new(&settings());
        let held = [admission.enter(guest(1)).await.unwrap(), admission.enter(guest(1)).await.unwrap()];
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                tokio::spawn({
                    let admission = admission.clone();
                    async move { admission.enter(guest(1)).await.map(drop) }
                })
            })
            .collect();
        tokio::task::yield_now().await;
        let began = time::Instant::now();
        assert_eq!(admission.enter(guest(1)).await.unwrap_err(), Crowded { retry_after_seconds: 1 });
        assert_eq!(began.elapsed(), PAUSE, "who is refused is not told at once");
        assert!(admission.enter(guest(2)).now_or_never().unwrap().is_ok(), "another customer walks in");
        drop(held);
        assert!(join_all(waiting).await.into_iter().all(|entered| entered.unwrap().is_ok()), "the line moves on");
        assert_eq!(kept(&admission), 0, "nothing is kept of those that are gone");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let admission = Admission::new(&settings());
        let _held = [admission.enter(guest(1)).await.unwrap(), admission.enter(guest(1)).await.unwrap()];
        let began = time::Instant::now();
        assert!(admission.enter(guest(1)).await.is_err());
        assert_eq!(began.elapsed(), Duration::from_millis(settings().customer_wait_milliseconds));
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_is_looked_up_for_each_address_apart() {
        let admission = Admission::new(&settings());
        let [here, there] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse::<IpAddr>().unwrap());
        let _held: Vec<_> = join_all((0..2).map(|_| admission.look_up("apih", "anna", here))).await;
        assert!(admission.look_up("apih", "anna", here).now_or_never().is_none(), "it waits");
        assert!(admission.look_up("apih", "anna", there).now_or_never().unwrap().is_ok());
        assert!(admission.look_up("json", "anna", here).now_or_never().unwrap().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_counts_good_requests_where_it_is_configured() {
        let unlimited = Admission::new(&AuthSettings::default());
        for _ in 0..1000 {
            assert!(unlimited.enter(guest(1)).await.is_ok());
        }
        let limit = NonZeroU32::new(3);
        let admission = Admission::new(&AuthSettings { customer_requests_per_minute: limit, ..settings() });
        for _ in 0..3 {
            assert!(admission.enter(guest(1)).await.is_ok());
        }
        let crowded = admission.enter(guest(1)).await.unwrap_err();
        assert!((1..=20).contains(&crowded.retry_after_seconds), "{crowded:?}");
        assert!(admission.enter(guest(2)).await.is_ok(), "another customer's requests are counted apart");
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_share_a_customer_are_told_apart_by_their_addresses() {
        let limit = NonZeroU32::MIN;
        let admission = Admission::new(&AuthSettings { test_requests_per_minute: limit, ..settings() });
        let from = |address: &str| Guest { address: address.parse().ok(), ..guest(1) };
        assert!(admission.enter(from("2001:db8::1")).await.is_ok());
        assert!(admission.enter(from("2001:db8::2")).await.is_err(), "a /64 is one address");
        assert!(admission.enter(from("2001:db8:0:1::1")).await.is_ok());
    }
}
