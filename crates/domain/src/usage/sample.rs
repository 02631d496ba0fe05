//! Counters into rates.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What a hypervisor reports of one server at one moment. Absent is what it can't tell. A negative value is a mistake
/// of the hypervisor's and counts as absent.
///
/// The first six count up from the server's start and begin at 0 again when it restarts or moves to another host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// Processor time that all virtual processors have used together, in nanoseconds.
    pub cpu_ns: Option<i64>,
    /// Virtual processors that the server has. Not a counter: what [`Counters::cpu_ns`] is measured against.
    pub vcpus: Option<i64>,
    /// Bytes that the server has received.
    pub rx_bytes: Option<i64>,
    /// Bytes that the server has sent.
    pub tx_bytes: Option<i64>,
    /// Bytes read from its disks.
    pub disk_read_bytes: Option<i64>,
    /// Bytes written to its disks.
    pub disk_write_bytes: Option<i64>,
    /// Memory in use, in MB (2²⁰ bytes).
    pub memory_used_mb: Option<i64>,
    /// Memory that it may use, in MB.
    pub memory_limit_mb: Option<i64>,
    /// Disk in use, in MB (2²⁰ bytes).
    pub disk_used_mb: Option<i64>,
    /// Disk that it may use, in MB.
    pub disk_limit_mb: Option<i64>,
    /// Inodes in use.
    pub inodes_used: Option<i64>,
    /// Inodes that it may use.
    pub inodes_limit: Option<i64>,
    /// Load average of the last five minutes, in hundredths.
    pub load_hundredths: Option<i64>,
}

/// One thing that is measured over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Series {
    /// Traffic to the server, in kbit/s (1000 bits).
    TrafficIn,
    /// Traffic from the server, in kbit/s.
    TrafficOut,
    /// Reading from its disks, in kB/s (1000 bytes).
    IoRead,
    /// Writing to its disks, in kB/s.
    IoWrite,
    /// Processor, in hundredths of a percent of all that the server has: 0..=10 000.
    Cpu,
    /// Load average, in hundredths.
    Load,
    /// Memory in use, in MB.
    Memory,
    /// Memory that it may use, in MB.
    MemoryLimit,
    /// Disk in use, in MB.
    Storage,
    /// Disk that it may use, in MB.
    StorageLimit,
}

impl Series {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::TrafficIn,
        Self::TrafficOut,
        Self::IoRead,
        Self::IoWrite,
        Self::Cpu,
        Self::Load,
        Self::Memory,
        Self::MemoryLimit,
        Self::Storage,
        Self::StorageLimit,
    ];

    /// The name that it is stored under.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TrafficIn => "traffic_in",
            Self::TrafficOut => "traffic_out",
            Self::IoRead => "io_read",
            Self::IoWrite => "io_write",
            Self::Cpu => "cpu",
            Self::Load => "load",
            Self::Memory => "memory",
            Self::MemoryLimit => "memory_limit",
            Self::Storage => "storage",
            Self::StorageLimit => "storage_limit",
        }
    }
}

/// Rates over the time between two reports, and gauges at the later one; none is negative. The units are those of
/// [`Series`]; absent is what could not be measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// [`Series::TrafficIn`].
    pub traffic_in: Option<i64>,
    /// [`Series::TrafficOut`].
    pub traffic_out: Option<i64>,
    /// [`Series::IoRead`].
    pub io_read: Option<i64>,
    /// [`Series::IoWrite`].
    pub io_write: Option<i64>,
    /// [`Series::Cpu`].
    pub cpu: Option<i64>,
    /// [`Series::Load`].
    pub load: Option<i64>,
    /// [`Series::Memory`].
    pub memory: Option<i64>,
    /// [`Series::MemoryLimit`].
    pub memory_limit: Option<i64>,
    /// [`Series::Storage`].
    pub storage: Option<i64>,
    /// [`Series::StorageLimit`].
    pub storage_limit: Option<i64>,
}

impl Sample {
    /// The gauges alone: what a first report tells, or the first after a gap.
    #[must_use]
    pub fn gauges(now: &Counters) -> Self {
        Self {
            load: measured(now.load_hundredths),
            memory: measured(now.memory_used_mb),
            memory_limit: measured(now.memory_limit_mb),
            storage: measured(now.disk_used_mb),
            storage_limit: measured(now.disk_limit_mb),
            ..Self::default()
        }
    }

    /// The value of one series.
    #[must_use]
    pub const fn get(&self, series: Series) -> Option<i64> {
        match series {
            Series::TrafficIn => self.traffic_in,
            Series::TrafficOut => self.traffic_out,
            Series::IoRead => self.io_read,
            Series::IoWrite => self.io_write,
            Series::Cpu => self.cpu,
            Series::Load => self.load,
            Series::Memory => self.memory,
            Series::MemoryLimit => self.memory_limit,
            Series::Storage => self.storage,
            Series::StorageLimit => self.storage_limit,
        }
    }
}

/// Reports further apart than this say nothing about the time between them: it stays a gap. Servers are measured every
/// five minutes and never more rarely than hourly, so one missed hour is a gap and a late one is not.
pub const LONGEST_INTERVAL: SignedDuration = SignedDuration::from_mins(90);

/// All of the processors, in the unit of [`Series::Cpu`].
const WHOLE_CPU: i64 = 10_000;

/// What happened from one report until the next. `None` when the reports are further apart than [`LONGEST_INTERVAL`],
/// or `at` isn't after `at_previous`; [`Sample::gauges`] is then what is known of `at`.
///
/// A counter lower than before was started anew: its rate counts what came since, spread over the whole time. What the
/// server did between the earlier report and its restart is lost, and so is a counter's lap where a hypervisor counts
/// in 32 bits: less than the truth for one sample, never a negative rate and never a spike of a whole lap.
#[must_use]
pub fn sample(previous: &Counters, at_previous: Timestamp, now: &Counters, at: Timestamp) -> Option<Sample> {
    let elapsed = at.duration_since(at_previous);
    let ms = elapsed.as_millis();
    if ms <= 0 || elapsed > LONGEST_INTERVAL {
        return None;
    }
    // Bits per millisecond are kbit/s, bytes per millisecond kB/s.
    let rate = |from, to, each: i128| grown(from, to).map(|bytes| per(bytes * each, ms));
    let cpu = grown(previous.cpu_ns, now.cpu_ns).and_then(|used| {
        let vcpus = now.vcpus.filter(|&count| count > 0)?;
        let available = elapsed.as_nanos() * i128::from(vcpus);
        Some(per(used * i128::from(WHOLE_CPU), available).min(WHOLE_CPU))
    });
    Some(Sample {
        traffic_in: rate(previous.rx_bytes, now.rx_bytes, 8),
        traffic_out: rate(previous.tx_bytes, now.tx_bytes, 8),
        io_read: rate(previous.disk_read_bytes, now.disk_read_bytes, 1),
        io_write: rate(previous.disk_write_bytes, now.disk_write_bytes, 1),
        cpu,
        ..Sample::gauges(now)
    })
}

fn measured(value: Option<i64>) -> Option<i64> {
    value.filter(|&value| value >= 0)
}

/// By how much a counter grew; all of it when it was started anew.
fn grown(from: Option<i64>, to: Option<i64>) -> Option<i128> {
    let (from, to) = (measured(from)?, measured(to)?);
    Some(i128::from(if to < from { to } else { to - from }))
}

/// `amount ÷ time`, half up; both are non-negative and `time` isn't 0.
fn per(amount: i128, time: i128) -> i64 {
    i64::try_from((amount * 2 + time) / (time * 2)).unwrap_or(i64::MAX)
}
