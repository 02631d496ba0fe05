//! Failed passwords and keys, counted by login and address and by address alone (CONTRACT 1.4, code 100).
//!
//! Buckets of tokens that fill again evenly over a minute: as many failures as the limit says may come at once, and
//! whoever stayed below it within the last minute is never stopped. A token is taken before a password is hashed, or
//! many at once would slip through, and given back unless it was wrong.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    time::{Duration, Instant},
};

use moka::{
    ops::compute::Op,
    policy::EvictionPolicy,
    sync::{Cache, CacheBuilder},
};

const MINUTE: Duration = Duration::from_secs(60);
/// A bucket that was left alone so long is full, and forgotten.
const FORGET: Duration = Duration::from_secs(2 * 60);
/// Buckets of each kind; beyond, those left alone longest are forgotten, so that memory stays bounded.
const BUCKETS: u64 = 50_000;
/// An IPv6 customer has a /64 at least: its addresses count as one.
const IPV6_NETWORK: u128 = !0 << 64;

/// How many, and how fast they come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limit {
    /// How long one token takes to come back.
    each: Duration,
    /// How long all take.
    all: Duration,
}

impl Limit {
    /// So many a minute. A token comes back a little early where the minute can't be divided: never late.
    fn per_minute(tokens: NonZeroU32) -> Self {
        let each = MINUTE / tokens.get();
        Self { each, all: each * tokens.get() }
    }
}

/// A bucket, as the moment at which it will be full again if left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bucket {
    full_at: Instant,
}

impl Bucket {
    const fn full(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// The bucket with a token less, or how long it takes until there is one.
    fn take(self, limit: Limit, now: Instant) -> Result<Self, Duration> {
        let full_at = self.full_at.max(now) + limit.each;
        match (full_at - now).checked_sub(limit.all) {
            None | Some(Duration::ZERO) => Ok(Self { full_at }),
            Some(wait) => Err(wait),
        }
    }

    /// The bucket with a token more.
    fn give_back(self, limit: Limit) -> Self {
        Self { full_at: self.full_at.checked_sub(limit.each).unwrap_or(self.full_at) }
    }
}

/// The buckets of one kind. Their keys are of bounded size, or the memory would not be.
pub(super) struct Buckets<K> {
    limit: Limit,
    buckets: Cache<K, Bucket>,
}

impl<K: std::hash::Hash + Eq + Send + Sync + Clone + 'static> Buckets<K> {
    pub(super) fn new(limit: NonZeroU32) -> Self {
        let buckets = CacheBuilder::new(BUCKETS).time_to_idle(FORGET).eviction_policy(EvictionPolicy::lru()).build();
        Self { limit: Limit::per_minute(limit), buckets }
    }

    /// Takes a token, or says how long it takes until there is one.
    pub(super) fn take(&self, key: &K, now: Instant) -> Result<(), Duration> {
        let mut taken = Ok(());
        self.buckets.entry_by_ref(key).and_compute_with(|entry| {
            let bucket = entry.map_or(Bucket::full(now), |entry| entry.into_value());
            match bucket.take(self.limit, now) {
                Ok(bucket) => Op::Put(bucket),
                Err(wait) => {
                    taken = Err(wait);
                    Op::Nop
                }
            }
        });
        taken
    }

    fn give_back(&self, key: &K) {
        self.buckets
            .entry_by_ref(key)
            .and_compute_with(|entry| entry.map_or(Op::Nop, |entry| Op::Put(entry.into_value().give_back(self.limit))));
    }
}

/// A digest of a login and its realm: what is asked for may be as long as a request.
pub(super) type LoginTag = [u8; 32];

/// Counts failed passwords and keys.
pub(super) struct Throttle {
    logins: Buckets<(LoginTag, IpAddr)>,
    addresses: Buckets<IpAddr>,
}

/// A token of each bucket, taken for one password.
pub(super) struct Ticket {
    login: (LoginTag, IpAddr),
}

impl Throttle {
    pub(super) fn new(per_login: NonZeroU32, per_address: NonZeroU32) -> Self {
        Self { logins: Buckets::new(per_login), addresses: Buckets::new(per_address) }
    }

    /// Counts a failure ahead, or says how long it takes until the next may come.
    pub(super) fn take(&self, login: LoginTag, address: IpAddr, now: Instant) -> Result<Ticket, Duration> {
        let login = (login, network(address));
        self.logins.take(&login, now)?;
        if let Err(wait) = self.addresses.take(&login.1, now) {
            self.logins.give_back(&login);
            return Err(wait);
        }
        Ok(Ticket { login })
    }

    /// It was no failure.
    pub(super) fn give_back(&self, ticket: &Ticket) {
        self.logins.give_back(&ticket.login);
        self.addresses.give_back(&ticket.login.1);
    }
}

/// A wait in whole seconds, as `Retry-After` tells it: at least 1, unless there is none.
pub(super) fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// What counts as one address.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) & IPV6_NETWORK).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests;
