//! Lines of the log that anybody can cause: so many a minute, and a count of those left out.

use std::{
    fmt,
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use super::throttle::{Buckets, network};

/// Lines a minute about one address (one /64, for IPv6).
const OF_ADDRESS: NonZeroU32 = const { NonZeroU32::new(10).unwrap() };
/// Lines a minute in all.
const IN_ALL: NonZeroU32 = const { NonZeroU32::new(120).unwrap() };

/// Which lines are written. Clones are the same one.
#[derive(Clone)]
pub struct RareLog(Arc<Inner>);

struct Inner {
    addresses: Buckets<IpAddr>,
    all: Buckets<()>,
    left_out: AtomicU64,
}

impl Default for RareLog {
    fn default() -> Self {
        let (addresses, all) = (Buckets::new(OF_ADDRESS), Buckets::new(IN_ALL));
        Self(Arc::new(Inner { addresses, all, left_out: AtomicU64::new(0) }))
    }
}

impl RareLog {
    /// Whether a line about the address is to be written now: then how many were left out since the last one that was,
    /// about whichever address.
    #[must_use]
    pub fn may_say(&self, address: IpAddr) -> Option<u64> {
        self.may_say_at(address, Instant::now())
    }

    fn may_say_at(&self, address: IpAddr, now: Instant) -> Option<u64> {
        let Inner { addresses, all, left_out } = &*self.0;
        // What one address has used up must not be taken from the others.
        if addresses.take(&network(address), now).and_then(|()| all.take(&(), now)).is_ok() {
            return Some(left_out.swap(0, Ordering::Relaxed));
        }
        left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

impl fmt::Debug for RareLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RareLog")
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::Duration};

    use super::*;

    fn address(n: u32) -> IpAddr {
        Ipv4Addr::from(n).into()
    }

    #[test]
    fn one_address_has_its_lines_and_leaves_the_others_theirs() {
        let (log, now) = (RareLog::default(), Instant::now());
        let said = (0..1000).filter(|_| log.may_say_at(address(1), now).is_some()).count();
        assert_eq!(said, 10);
        assert_eq!(log.may_say_at(address(2), now), Some(990), "and tells how many were left out");
        assert_eq!(log.may_say_at(address(2), now), Some(0));
        assert_eq!(
            log.may_say_at(address(1), now + Duration::from_secs(6)),
            Some(0),
            "one comes back each six seconds"
        );
    }

    #[test]
    fn many_addresses_together_fill_no_disk() {
        let (log, now) = (RareLog::default(), Instant::now());
        assert_eq!((0..5000).filter(|&n| log.may_say_at(address(n), now).is_some()).count(), 120);
    }
}
