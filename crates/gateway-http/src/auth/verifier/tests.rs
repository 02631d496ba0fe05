//! The verifier with a hash that counts, and that waits when it is told to.

use std::{
    net::IpAddr,
    num::{NonZeroU16, NonZeroU32},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{FutureExt, future::join_all};
use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};
use tokio::task::{self, JoinHandle};

use super::{Attempt, BUSY, Verdict, Verifier};
use crate::auth::{AuthSettings, password};

/// Stands for argon2id: the hash of a password is the password.
#[derive(Clone, Default)]
struct Hash(Arc<HashState>);

#[derive(Default)]
struct HashState {
    count: AtomicUsize,
    closed: Mutex<bool>,
    opened: Condvar,
}

impl Hash {
    fn verifier(&self, settings: &AuthSettings) -> Verifier {
        let state = self.0.clone();
        let verify = move |phc: &str, password: &SecretString| {
            state.count.fetch_add(1, Ordering::SeqCst);
            let closed = state.closed.lock().unwrap();
            drop(state.opened.wait_while(closed, |closed| *closed).unwrap());
            assert_ne!(password.expose_secret(), "panic");
            phc == password.expose_secret()
        };
        Verifier::with(settings, Box::new(verify)).unwrap()
    }

    fn count(&self) -> usize {
        self.0.count.load(Ordering::SeqCst)
    }

    fn close(&self) {
        *self.0.closed.lock().unwrap() = true;
    }

    fn open(&self) {
        *self.0.closed.lock().unwrap() = false;
        self.0.opened.notify_all();
    }
}

/// One failure a minute, so that none comes back while a test runs.
fn strict() -> AuthSettings {
    AuthSettings { login_failures_per_minute: NonZeroU32::MIN, ..AuthSettings::default() }
}

fn lenient() -> AuthSettings {
    AuthSettings {
        login_failures_per_minute: NonZeroU32::MAX,
        address_failures_per_minute: NonZeroU32::MAX,
        ..AuthSettings::default()
    }
}

/// A customer `anna`, whose password is `right`, asks with another one.
#[derive(Clone)]
struct Asker {
    version: i64,
    phc: Option<&'static str>,
    address: IpAddr,
}

const ANNA: Asker = Asker { version: 1, phc: Some("right"), address: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST) };

impl Asker {
    async fn asks(&self, verifier: &Verifier, password: &str) -> Verdict {
        let password = &SecretString::from(password);
        let (customer, phc, address) = (Some((7, self.version)), self.phc, self.address);
        verifier.check(&Attempt { realm: "live", login: "anna", customer, phc, password, address }).await
    }

    fn begins(&self, verifier: &Verifier, password: &str) -> JoinHandle<Verdict> {
        let (asker, verifier, password) = (self.clone(), verifier.clone(), password.to_owned());
        task::spawn(async move { asker.asks(&verifier, &password).await })
    }

    fn from(&self, address: &str) -> Self {
        Self { address: address.parse().unwrap(), ..self.clone() }
    }
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_with_the_same_right_password_cost_one_hash() {
    let hash = Hash::default();
    let verifier = hash.verifier(&strict());
    hash.close();
    let asking: Vec<_> = (0..100).map(|_| ANNA.begins(&verifier, "right")).collect();
    until("one is hashed", || hash.count() == 1).await;
    hash.open();
    for verdict in join_all(asking).await {
        assert_eq!(verdict.unwrap(), Verdict::Right);
    }
    assert_eq!(ANNA.asks(&verifier, "right").await, Verdict::Right);
    assert_eq!(hash.count(), 1);
}

#[tokio::test]
async fn a_flood_of_wrong_passwords_cannot_stop_the_one_in_use() {
    let hash = Hash::default();
    let verifier = hash.verifier(&AuthSettings::default());
    assert_eq!(ANNA.asks(&verifier, "right").await, Verdict::Right);
    let (mut wrong, mut stopped) = (0, 0);
    for n in 0..1000 {
        match ANNA.asks(&verifier, &format!("guess {n}")).await {
            Verdict::Wrong => wrong += 1,
            Verdict::TooMany { retry_after_seconds } => {
                assert!((1..=3).contains(&retry_after_seconds), "{retry_after_seconds}");
                stopped += 1;
            }
            Verdict::Right => panic!("guess {n} was let in"),
        }
        assert_eq!(ANNA.asks(&verifier, "right").await, Verdict::Right, "after {n} guesses");
    }
    assert!(wrong >= 20, "the limit is no tighter than promised: {wrong}");
    assert!(stopped > 0 && hash.count() == wrong + 1, "who is stopped costs no hash");
}

#[tokio::test]
async fn beyond_the_limit_nothing_is_hashed_but_from_elsewhere() {
    let hash = Hash::default();
    let verifier = hash.verifier(&strict());
    assert_eq!(ANNA.asks(&verifier, "wrong").await, Verdict::Wrong);
    assert!(matches!(ANNA.asks(&verifier, "right").await, Verdict::TooMany { retry_after_seconds: 30..=60 }));
    assert_eq!(hash.count(), 1);
    assert_eq!(ANNA.from("192.0.2.1").asks(&verifier, "right").await, Verdict::Right);
    assert_eq!(ANNA.asks(&verifier, "right").await, Verdict::Right, "it is known now");
}

#[tokio::test]
async fn a_wrong_password_again_costs_no_hash_and_is_no_new_failure() {
    let hash = Hash::default();
    let verifier = hash.verifier(&AuthSettings { login_failures_per_minute: NonZeroU32::new(2).unwrap(), ..strict() });
    for _ in 0..100 {
        assert_eq!(ANNA.asks(&verifier, "outdated").await, Verdict::Wrong);
    }
    assert_eq!(hash.count(), 1);
    assert_eq!(ANNA.asks(&verifier, "right").await, Verdict::Right);
}

#[tokio::test]
async fn right_passwords_are_no_failures() {
    let hash = Hash::default();
    let verifier = hash.verifier(&strict());
    for version in 0..50 {
        assert_eq!(Asker { version, ..ANNA }.asks(&verifier, "right").await, Verdict::Right);
    }
    assert_eq!(hash.count(), 50);
}

#[tokio::test]
async fn changed_credentials_leave_behind_what_was_known() {
    let hash = Hash::default();
    let verifier = hash.verifier(&lenient());
    assert_eq!(ANNA.asks(&verifier, "right").await, Verdict::Right);
    assert_eq!(ANNA.asks(&verifier, "new").await, Verdict::Wrong);
    let changed = Asker { version: 2, phc: Some("new"), ..ANNA };
    assert_eq!(changed.asks(&verifier, "right").await, Verdict::Wrong);
    assert_eq!(changed.asks(&verifier, "new").await, Verdict::Right);
    assert_eq!(hash.count(), 4);
    let other_hash = Asker { version: 1, phc: Some("new"), ..ANNA };
    assert_eq!(other_hash.asks(&verifier, "right").await, Verdict::Wrong, "also if the version was not counted up");
}

#[tokio::test]
async fn without_a_hash_the_password_is_wrong_after_the_same_work() {
    let hash = Hash::default();
    let verifier = hash.verifier(&lenient());
    let nobody = Asker { phc: None, ..ANNA };
    assert_eq!(nobody.asks(&verifier, "x").await, Verdict::Wrong);
    assert_eq!(nobody.asks(&verifier, password::DUMMY).await, Verdict::Wrong, "not even what fits the dummy");
    assert_eq!(hash.count(), 2);
}

#[tokio::test]
async fn a_password_too_long_is_wrong_without_hashing() {
    let hash = Hash::default();
    let verifier = hash.verifier(&strict());
    for n in 0..10 {
        assert_eq!(ANNA.asks(&verifier, &"x".repeat(password::MAX_BYTES + 1 + n)).await, Verdict::Wrong);
    }
    assert_eq!(hash.count(), 0);
    assert_eq!(ANNA.asks(&verifier, "right").await, Verdict::Right);
}

#[tokio::test]
async fn beyond_the_queue_passwords_are_turned_away_at_once() {
    let hash = Hash::default();
    let settings = AuthSettings { hashes_at_once: NonZeroU16::MIN, hashes_waiting: 2, ..lenient() };
    let verifier = hash.verifier(&AuthSettings { hash_wait_milliseconds: 60_000, ..settings });
    assert_eq!(ANNA.asks(&verifier, "right").await, Verdict::Right);
    hash.close();
    let asking: Vec<_> = ["a", "b", "c"].map(|password| ANNA.begins(&verifier, password)).into();
    until("the queue is full", || verifier.0.places.available_permits() == 0).await;
    assert_eq!(ANNA.asks(&verifier, "d").await, BUSY);
    assert_eq!(ANNA.asks(&verifier, "right").await, Verdict::Right, "what is known needs no queue");
    let same = ANNA.begins(&verifier, "a");
    hash.open();
    for verdict in join_all(asking.into_iter().chain([same])).await {
        assert_eq!(verdict.unwrap(), Verdict::Wrong);
    }
    assert_eq!(ANNA.asks(&verifier, "d").await, Verdict::Wrong, "there is room again");
    assert_eq!(hash.count(), 5);
}

#[tokio::test]
async fn no_more_than_the_permitted_are_hashed_at_once_and_none_waits_for_ever() {
    let hash = Hash::default();
    let settings = AuthSettings { hashes_at_once: NonZeroU16::MIN, hash_wait_milliseconds: 1, ..strict() };
    let verifier = hash.verifier(&settings);
    hash.close();
    let first = ANNA.begins(&verifier, "right");
    until("the first is hashed", || hash.count() == 1).await;
    assert_eq!(ANNA.from("192.0.2.1").asks(&verifier, "other").await, BUSY);
    assert_eq!(hash.count(), 1);
    hash.open();
    assert_eq!(first.await.unwrap(), Verdict::Right);
    until("the core is free", || verifier.0.hashing.available_permits() == 1).await;
    let again = ANNA.from("192.0.2.1").asks(&verifier, "other").await;
    assert_eq!(again, Verdict::Wrong, "having been turned away was no failure");
}

#[tokio::test]
async fn who_hangs_up_takes_nobody_along() {
    let hash = Hash::default();
    let verifier = hash.verifier(&lenient());
    hash.close();
    let first = ANNA.begins(&verifier, "right");
    until("the first is hashed", || hash.count() == 1).await;
    let second = ANNA.begins(&verifier, "right");
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    hash.open();
    assert_eq!(second.await.unwrap(), Verdict::Right);
    assert_eq!(hash.count(), 1);
}

#[tokio::test]
async fn a_hash_that_fails_is_no_verdict_on_the_password() {
    let hash = Hash::default();
    let verifier = hash.verifier(&strict());
    for n in 1..=3 {
        assert_eq!(ANNA.asks(&verifier, "panic").await, BUSY);
        assert_eq!(hash.count(), n, "it is tried again");
    }
    assert_eq!(ANNA.asks(&verifier, "right").await, Verdict::Right);
    assert!(verifier.0.flights().is_empty());
}

#[tokio::test]
async fn real_hashes_are_verified() {
    let verifier = Verifier::new(&AuthSettings::default()).unwrap();
    let phc = task::spawn_blocking(|| password::hash(&SecretString::from("пароль")).unwrap()).await.unwrap();
    for (given, expected) in [("пароль", Verdict::Right), ("parol", Verdict::Wrong), ("пароль", Verdict::Right)]
    {
        let (phc, password) = (Some(phc.as_str()), &SecretString::from(given));
        let attempt =
            Attempt { realm: "live", login: "a", customer: Some((1, 1)), phc, password, address: ANNA.address };
        assert_eq!(verifier.check(&attempt).await, expected);
    }
}

/// Each web worker is a runtime of its own.
#[test]
fn a_runtime_that_ends_leaves_no_password_waiting() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let hash = Hash::default();
    let verifier = hash.verifier(&strict());
    let ended = runtime();
    ended.block_on(async {
        let begun = ANNA.asks(&verifier, "wrong").now_or_never();
        assert_eq!((begun, verifier.0.flights().len()), (None, 1));
    });
    drop(ended);
    assert_eq!(hash.count(), 0, "it ended before anything was hashed");
    let verdict = runtime().block_on(ANNA.asks(&verifier, "wrong"));
    assert_eq!(verdict, Verdict::Wrong, "and before there was a failure");
}

proptest! {
    #[test]
    fn different_attempts_are_remembered_apart(
        one in ("[ab]{0,3}", "[ab]{0,3}", proptest::option::of((0_i64..2, 0_i64..2)), "[ab]{0,3}"),
        two in ("[ab]{0,3}", "[ab]{0,3}", proptest::option::of((0_i64..2, 0_i64..2)), "[ab]{0,3}"),
    ) {
        let [verifier, restarted] = [(); 2].map(|()| Verifier::new(&AuthSettings::default()).unwrap());
        let tag = |verifier: &Verifier, of: &(String, String, Option<(i64, i64)>, String)| {
            let password = &SecretString::from(of.3.as_str());
            let attempt =
                Attempt { realm: &of.0, login: &of.1, customer: of.2, phc: None, password, address: ANNA.address };
            verifier.0.tag(&attempt, b"pass")
        };
        prop_assert_eq!(tag(&verifier, &one) == tag(&verifier, &two), one == two);
        prop_assert_ne!(tag(&verifier, &one), tag(&restarted, &one), "another process has another secret");
    }
}
