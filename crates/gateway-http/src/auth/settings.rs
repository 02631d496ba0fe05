//! What of authentication is configured.

use std::{
    num::{NonZeroU16, NonZeroU32},
    thread,
};

use ipnetwork::IpNetwork;
use serde::Deserialize;

/// Settings of authentication. Left out, each has the value of [`AuthSettings::default`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthSettings {
    /// Proxies whose `X-Forwarded-For` is believed. None by default: the address is the peer's. Behind a proxy that
    /// is not named here all clients share its address, in allowlists and in the limits alike.
    pub trusted_proxies: Vec<IpNetwork>,
    /// Answer 7 in place of 4, as slowly, and 54 only after the right secret (CONTRACT 1.4). Off by default.
    pub hide_unknown_logins: bool,
    /// Failed passwords and keys a minute of one login from one address (of one /64, for IPv6), before code 100. 20 by
    /// default.
    pub login_failures_per_minute: NonZeroU32,
    /// Failed passwords and keys a minute from one address (one /64, for IPv6), before code 100. 60 by default.
    pub address_failures_per_minute: NonZeroU32,
    /// Passwords hashed at once, at 19 MiB and a core each. As many as there are cores by default, 2 at most.
    pub hashes_at_once: NonZeroU16,
    /// Passwords waiting to be hashed; those beyond meet code 100 at once. 32 by default.
    pub hashes_waiting: u16,
    /// How long a password waits to be hashed before code 100, in milliseconds. 2000 by default.
    pub hash_wait_milliseconds: u64,
    /// Requests of one customer under way at once, on both surfaces together. 4 by default.
    pub customer_at_once: NonZeroU16,
    /// Requests of one customer that wait for those; more meet code 100. 60 by default.
    pub customer_waiting: u16,
    /// How long a request waits for those before it before code 100, in milliseconds. 4000 by default.
    pub customer_wait_milliseconds: u64,
    /// Good requests of one customer a minute before code 100. Without a limit by default.
    pub customer_requests_per_minute: Option<NonZeroU32>,
    /// Good requests of test access a minute from one address (one /64, for IPv6) before code 100. 600 by default.
    pub test_requests_per_minute: NonZeroU32,
}

impl Default for AuthSettings {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            trusted_proxies: Vec::new(),
            hide_unknown_logins: false,
            login_failures_per_minute: const { NonZeroU32::new(20).unwrap() },
            address_failures_per_minute: const { NonZeroU32::new(60).unwrap() },
            hashes_at_once: if cores > 1 { const { NonZeroU16::new(2).unwrap() } } else { NonZeroU16::MIN },
            hashes_waiting: 32,
            hash_wait_milliseconds: 2000,
            customer_at_once: const { NonZeroU16::new(4).unwrap() },
            customer_waiting: 60,
            customer_wait_milliseconds: 4000,
            customer_requests_per_minute: None,
            test_requests_per_minute: const { NonZeroU32::new(600).unwrap() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AuthSettings;

    #[test]
    fn what_is_left_out_has_its_default_and_what_is_unknown_is_refused() {
        let read = |text: &str| serde_json::from_str::<AuthSettings>(text);
        assert_eq!(read("{}").unwrap(), AuthSettings::default());
        let one = read(r#"{"trusted_proxies": ["10.0.0.0/8"], "login_failures_per_minute": 30}"#).unwrap();
        assert_eq!(one.trusted_proxies, ["10.0.0.0/8".parse().unwrap()]);
        assert_eq!(one.login_failures_per_minute.get(), 30);
        assert!(read(r#"{"trusted_proxy": []}"#).is_err());
        assert!(read(r#"{"login_failures_per_minute": 0}"#).is_err());
    }

    #[test]
    fn defaults_are_no_tighter_than_promised() {
        let settings = AuthSettings::default();
        assert!(settings.login_failures_per_minute.get() >= 20);
        assert!(settings.address_failures_per_minute.get() >= 60);
    }
}
