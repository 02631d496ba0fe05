//! Usage as properties: no negative rate, whatever a hypervisor reports; averages that don't depend on how they were
//! joined; a bounded past.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;

fn moment(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn later(seconds: i64) -> (Timestamp, Timestamp) {
    (moment(1_790_000_000), moment(1_790_000_000 + seconds))
}

fn value() -> impl Strategy<Value = Option<i64>> {
    proptest::option::weighted(0.9, prop_oneof![any::<i64>(), 0..1_000_i64, Just(0), Just(i64::MAX)])
}

fn counters() -> impl Strategy<Value = Counters> {
    proptest::collection::vec(value(), 13).prop_map(|v| Counters {
        cpu_ns: v[0],
        vcpus: v[1],
        rx_bytes: v[2],
        tx_bytes: v[3],
        disk_read_bytes: v[4],
        disk_write_bytes: v[5],
        memory_used_mb: v[6],
        memory_limit_mb: v[7],
        disk_used_mb: v[8],
        disk_limit_mb: v[9],
        inodes_used: v[10],
        inodes_limit: v[11],
        load_hundredths: v[12],
    })
}

fn rx(bytes: i64) -> Counters {
    Counters { rx_bytes: Some(bytes), ..Counters::default() }
}

proptest! {
    #[test]
    fn no_report_makes_a_negative_rate(before in counters(), after in counters(), ms in -1_000..10_000_000_i64) {
        let start = moment(1_790_000_000);
        let at = start + SignedDuration::from_millis(ms);
        let sample = sample(&before, start, &after, at);
        prop_assert_eq!(sample.is_some(), ms > 0 && ms <= 90 * 60 * 1000);
        for series in Series::ALL {
            prop_assert!(sample.and_then(|sample| sample.get(series)).is_none_or(|value| value >= 0));
        }
        prop_assert!(sample.and_then(|sample| sample.cpu).is_none_or(|cpu| cpu <= 10_000));
    }

    #[test]
    fn steady_traffic_is_its_rate(kbit in 0..10_000_000_i64, seconds in 1..=5_400_i64, from in 0..1_i64 << 50) {
        let (start, at) = later(seconds);
        let sample = sample(&rx(from), start, &rx(from + kbit * 125 * seconds), at).unwrap();
        prop_assert_eq!(sample.traffic_in, Some(kbit));
        prop_assert_eq!(sample.traffic_out, None);
    }

    #[test]
    fn a_restart_counts_what_came_since(before in 1..1_i64 << 50, since in 0..1_i64 << 50, seconds in 1..=5_400_i64) {
        prop_assume!(since < before);
        let (start, at) = later(seconds);
        let anew = sample(&rx(before), start, &rx(since), at);
        prop_assert_eq!(anew, sample(&rx(0), start, &rx(since), at));
    }

    #[test]
    fn rows_joined_in_any_grouping_have_the_average_of_the_samples(
        values in proptest::collection::vec((0..86_400_i64, 0..1_i64 << 40), 1..300),
    ) {
        // Fine rows joined into half hours, these into two hours, these into a day: as if the day had been averaged.
        let mut rows: Vec<(Timestamp, Rollup)> = Vec::new();
        for (second, value) in &values {
            rows.push((moment(*second), Rollup::of(*value)));
        }
        for resolution in Resolution::ALL {
            let mut coarser = BTreeMap::<Timestamp, Rollup>::new();
            for (at, rollup) in rows {
                let row = coarser.entry(bucket(resolution, at)).or_default();
                *row = row.joined(rollup);
            }
            rows = coarser.into_iter().collect();
        }
        let sum: i64 = values.iter().map(|(_, value)| value).sum();
        let count = i64::try_from(values.len()).unwrap();
        let max = values.iter().map(|(_, value)| *value).max().unwrap();
        prop_assert_eq!(rows, vec![(moment(0), Rollup { sum, count, max })]);
        prop_assert_eq!(Rollup { sum, count, max }.average(), Some((2 * sum + count) / (2 * count)));
    }

    #[test]
    fn a_moment_is_in_its_row(second in -4_000_000_000..4_000_000_000_i64, nano in 0..1_000_000_000_i32) {
        let at = Timestamp::new(second, 0).unwrap() + SignedDuration::new(0, nano);
        for resolution in Resolution::ALL {
            let start = bucket(resolution, at);
            prop_assert!(start <= at && at < start + SignedDuration::from_secs(resolution.seconds()));
            prop_assert_eq!(start.as_second().rem_euclid(resolution.seconds()), 0);
            prop_assert_eq!(bucket(resolution, start), start);
        }
    }

    #[test]
    fn what_is_kept_is_bounded(now in 0..4_000_000_000_i64) {
        let now = moment(now);
        let mut rows = 0;
        for resolution in Resolution::ALL {
            let oldest = resolution.oldest(now);
            // Every row of the past that is not older than the oldest, from samples twice as dense as the rows.
            let kept: BTreeSet<_> = (0..3 * resolution.rows())
                .map(|back| bucket(resolution, now - SignedDuration::from_secs(back * resolution.seconds() / 2)))
                .filter(|&start| start >= oldest)
                .collect();
            prop_assert_eq!(i64::try_from(kept.len()).unwrap(), resolution.rows());
            rows += resolution.rows();
        }
        prop_assert_eq!(rows, ROWS_PER_SERVER);
    }

    #[test]
    fn a_row_joined_with_itself_counts_twice(counters in counters()) {
        let rows = Rollups::of(&Sample::gauges(&counters));
        let mut twice = rows.clone();
        twice.join(&rows);
        for series in Series::ALL {
            prop_assert_eq!(twice.get(series).count, 2 * rows.get(series).count);
            prop_assert_eq!(twice.get(series).max, rows.get(series).max);
        }
    }
}

#[test]
fn rows_of_a_server_are_1480() {
    assert_eq!(ROWS_PER_SERVER, 1480);
}

#[test]
fn processors_share_a_hundred_percent() {
    let (start, at) = later(300);
    let busy = |cpu_ns: i64, vcpus| Counters { cpu_ns: Some(cpu_ns), vcpus: Some(vcpus), ..Counters::default() };
    let cpu = |used: i64, vcpus| sample(&busy(7, vcpus), start, &busy(7 + used, vcpus), at).unwrap().cpu;
    assert_eq!(cpu(300_000_000_000, 4), Some(2_500), "one of four, all the time");
    assert_eq!(cpu(301_000_000_000, 1), Some(10_000), "the hypervisor's clock is not ours: never over the whole");
    assert_eq!(cpu(1_000_000_000, 0), None, "no processors, no share");
}

#[test]
fn a_long_silence_is_a_gap_and_gauges_survive_it() {
    let (start, at) = later(91 * 60);
    let now = Counters { memory_used_mb: Some(512), rx_bytes: Some(9), ..Counters::default() };
    assert_eq!(sample(&now, start, &now, at), None);
    assert_eq!(Sample::gauges(&now), Sample { memory: Some(512), ..Sample::default() });
}

#[test]
fn an_empty_row_has_no_average_and_joins_without_a_trace() {
    assert_eq!(Rollup::default().average(), None);
    assert!(Rollups::of(&Sample::default()).is_empty());
    assert_eq!(Rollup::default().joined(Rollup::of(-3)), Rollup::of(-3));
    assert_eq!(Rollup::of(-3).joined(Rollup::default()), Rollup::of(-3));
}

#[test]
fn every_name_is_one_series_or_resolution() {
    let names: BTreeSet<_> = Series::ALL.iter().map(|series| series.name()).collect();
    assert_eq!(names.len(), Series::ALL.len());
    let names: BTreeSet<_> = Resolution::ALL.iter().map(|resolution| resolution.name()).collect();
    assert_eq!(names.len(), Resolution::ALL.len());
}
