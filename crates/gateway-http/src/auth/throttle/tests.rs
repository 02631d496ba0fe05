//! The buckets, on a clock of the test's own.

use std::{
    net::IpAddr,
    num::NonZeroU32,
    time::{Duration, Instant},
};

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::{Bucket, Limit, LoginTag, MINUTE, Throttle, network};

fn limit(tokens: u32) -> NonZeroU32 {
    NonZeroU32::new(tokens).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn tag(login: &str) -> LoginTag {
    Sha256::digest(login).into()
}

/// How many failures in a row are let through.
fn run(throttle: &Throttle, login: &str, address: &str, now: Instant) -> usize {
    (0..1000).take_while(|_| throttle.take(tag(login), ip(address), now).is_ok()).count()
}

proptest! {
    /// Whoever stayed below the limit within the last minute is let through; and within no minute come more than a
    /// full bucket and what fills again meanwhile.
    #[test]
    fn a_bucket_stops_no_one_below_its_limit(
        tokens in 1_u32..80, gaps in proptest::collection::vec(0_u64..8_000, 1..300),
    ) {
        let rule = Limit::per_minute(limit(tokens));
        let mut now = Instant::now();
        let mut bucket = Bucket::full(now);
        let mut taken: Vec<Instant> = Vec::new();
        for gap in gaps {
            now += Duration::from_millis(gap);
            let lately = taken.iter().filter(|&&at| now - at < MINUTE).count();
            match bucket.take(rule, now) {
                Ok(after) => {
                    bucket = after;
                    taken.push(now);
                    prop_assert!(lately < 2 * usize::try_from(tokens).unwrap() + 1);
                }
                Err(wait) => {
                    prop_assert!(lately >= usize::try_from(tokens).unwrap(), "{lately} of {tokens} in the last minute");
                    prop_assert!(wait > Duration::ZERO && wait <= rule.each);
                    prop_assert!(bucket.take(rule, now + wait).is_ok(), "it comes as soon as it is said to");
                }
            }
        }
    }

    #[test]
    fn a_token_given_back_was_never_taken(tokens in 1_u32..80, before in 0_u32..80, waited in 0_u64..60_000) {
        let rule = Limit::per_minute(limit(tokens));
        let start = Instant::now();
        let used = (0..before).fold(Bucket::full(start), |bucket, _| bucket.take(rule, start).unwrap_or(bucket));
        let now = start + Duration::from_millis(waited);
        if let Ok(after) = used.take(rule, now) {
            let back = after.give_back(rule);
            let left = |mut bucket: Bucket| {
                (0..100).take_while(|_| bucket.take(rule, now).map(|after| bucket = after).is_ok()).count()
            };
            prop_assert_eq!(left(back), left(used));
        }
    }
}

#[test]
fn the_limit_is_of_a_login_and_an_address() {
    let throttle = Throttle::new(limit(20), limit(60));
    let now = Instant::now();
    assert_eq!(run(&throttle, "anna", "192.0.2.1", now), 20);
    assert_eq!(run(&throttle, "anna", "192.0.2.2", now), 20, "another address is not stopped");
    assert_eq!(run(&throttle, "bert", "192.0.2.1", now), 20, "nor another login");
    assert_eq!(run(&throttle, "anna", "192.0.2.1", now + Duration::from_secs(30)), 10);
    assert_eq!(run(&throttle, "anna", "192.0.2.1", now + Duration::from_secs(300)), 20);
}

#[test]
fn an_address_has_a_limit_over_all_logins() {
    let throttle = Throttle::new(limit(20), limit(60));
    let now = Instant::now();
    let through = (0..100).filter(|n| throttle.take(tag(&format!("login{n}")), ip("192.0.2.1"), now).is_ok()).count();
    assert_eq!(through, 60);
    let later = now + Duration::from_secs(30);
    assert_eq!(
        run(&throttle, "login99", "192.0.2.1", later),
        20,
        "what its address stopped is not the login's failure"
    );
}

#[test]
fn what_is_given_back_does_not_count() {
    let throttle = Throttle::new(limit(20), limit(60));
    let now = Instant::now();
    for _ in 0..500 {
        let ticket = throttle.take(tag("anna"), ip("192.0.2.1"), now).unwrap_or_else(|_| panic!("stopped"));
        throttle.give_back(&ticket);
    }
    assert_eq!(run(&throttle, "anna", "192.0.2.1", now), 20);
}

#[test]
fn the_wait_is_until_the_next_token() {
    let throttle = Throttle::new(limit(20), limit(60));
    let now = Instant::now();
    run(&throttle, "anna", "192.0.2.1", now);
    let wait = throttle.take(tag("anna"), ip("192.0.2.1"), now + Duration::from_secs(1)).err();
    assert_eq!(wait, Some(Duration::from_secs(2)));
}

#[test]
fn an_ipv6_network_is_one_address() {
    assert_eq!(network(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
    assert_eq!(network(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
    let throttle = Throttle::new(limit(20), limit(60));
    let now = Instant::now();
    let of = |n: u32| throttle.take(tag("anna"), ip(&format!("2001:db8::{n:x}")), now);
    assert_eq!((0..100).filter(|&n| of(n).is_ok()).count(), 20);
    assert_eq!(run(&throttle, "anna", "2001:db8:0:1::", now), 20);
}

#[test]
fn logins_beyond_number_take_bounded_memory() {
    let throttle = Throttle::new(limit(20), limit(u32::MAX));
    let now = Instant::now();
    for n in 0..60_000_u32 {
        assert!(throttle.take(tag(&format!("login{n}")), ip("192.0.2.1"), now).is_ok());
    }
    throttle.logins.buckets.run_pending_tasks();
    assert!(throttle.logins.buckets.entry_count() <= super::BUCKETS);
}
