//! What simulated machines use: as real ones do, more by day than by night, and counters that start at nothing when the
//! machine starts. A function of the machine and the time it has been running, so that every process reads the same.

use domain::{orders::OrderId, usage::Counters};
use store::tasks::SimulatedServer;

/// How busy each hour of running is, in hundredths of the busiest.
const HOURS: [i64; 24] =
    [20, 15, 10, 8, 8, 10, 15, 30, 55, 75, 85, 90, 80, 85, 95, 100, 95, 90, 80, 75, 70, 60, 45, 30];
const HOUR: i64 = 3600;

/// Seconds of full work in the first `uptime` seconds, in hundredths.
fn work(uptime: i64) -> i64 {
    let day: i64 = HOURS.iter().sum::<i64>() * HOUR;
    let days = uptime / (24 * HOUR);
    let rest = uptime % (24 * HOUR);
    let hours = rest / HOUR;
    let whole: i64 = HOURS.iter().zip(0_i64..).filter(|(_, at)| *at < hours).map(|(busy, _)| busy * HOUR).sum();
    days * day + whole + now(rest) * (rest % HOUR)
}

/// How busy the hour is.
fn now(uptime: i64) -> i64 {
    let hour = usize::try_from(uptime.rem_euclid(24 * HOUR) / HOUR).unwrap_or(0);
    HOURS.get(hour).copied().unwrap_or(50)
}

/// What a machine's counters show after it has run for `uptime` seconds; the gauges alone while it is off.
pub(super) fn counters(order: OrderId, server: &SimulatedServer, uptime: Option<i64>) -> Counters {
    let size = server.size;
    let (ram, disk) = (size.ram_mb.map(i64::from), size.disk_gb.map(|gb| i64::from(gb) * 1024));
    // Machines differ: each is between half and all as busy as the busiest.
    let share = 50 + order.0.rem_euclid(51);
    let gauges = Counters {
        memory_limit_mb: ram,
        disk_limit_mb: disk,
        disk_used_mb: disk.map(|limit| limit * share / 200),
        ..Counters::default()
    };
    let Some(uptime) = uptime else { return gauges };
    // Of a second of full work: half a vCPU's time, 1.5 MB in, 4 MB out, 2 MB read and 3 MB written.
    let done = work(uptime) * share / 100;
    let vcpus = size.cpu_ghz.map_or(1, |ghz| i64::from(ghz + 1) / 2);
    let busy = now(uptime) * share / 100;
    Counters {
        cpu_ns: Some(done * vcpus * 5_000_000),
        vcpus: Some(vcpus),
        rx_bytes: Some(done * 15_000),
        tx_bytes: Some(done * 40_000),
        disk_read_bytes: Some(done * 20_000),
        disk_write_bytes: Some(done * 30_000),
        memory_used_mb: ram.map(|limit| limit * (30 + busy / 2) / 100),
        inodes_used: Some(40_000 + order.0.rem_euclid(10_000)),
        load_hundredths: Some(busy * vcpus),
        ..gauges
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use store::tasks::{SimulatedNetwork, SimulatedSize};

    use super::*;

    fn machine() -> SimulatedServer {
        let size = SimulatedSize { cpu_ghz: Some(4), ram_mb: Some(4096), disk_gb: Some(40), bandwidth_mbps: Some(20) };
        SimulatedServer {
            running: true,
            generation: 1,
            boots: 1,
            image_id: None,
            size,
            hostname: None,
            password_version: 1,
            network: SimulatedNetwork::default(),
        }
    }

    proptest! {
        #[test]
        fn counters_only_grow_and_gauges_stay_below_their_limits(order in 1_i64..1000, from in 0_i64..10_000_000, more in 0_i64..100_000) {
            let before = counters(OrderId(order), &machine(), Some(from));
            let then = counters(OrderId(order), &machine(), Some(from + more));
            for (a, b) in [(before.cpu_ns, then.cpu_ns), (before.rx_bytes, then.rx_bytes), (before.disk_write_bytes, then.disk_write_bytes)] {
                prop_assert!(a <= b);
            }
            prop_assert!(then.memory_used_mb < then.memory_limit_mb && then.disk_used_mb < then.disk_limit_mb);
            prop_assert!(then.cpu_ns.unwrap() - before.cpu_ns.unwrap() <= more * 2_000_000_000);
        }
    }

    #[test]
    fn a_machine_that_is_off_uses_its_disk_only() {
        let off = counters(OrderId(1), &machine(), None);
        assert!(off.disk_used_mb.is_some() && off.cpu_ns.is_none() && off.memory_used_mb.is_none());
    }
}
