//! What a hook says: lines of JSON on its standard output.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use domain::{
    firewall::Firewall,
    tasks::{Operation, TaskId},
    usage::Counters,
};
use serde::Deserialize;
use serde_json::Value;

use crate::driver::{Log, Machine, MachineSize, Observed, Traits, Trouble};

/// What a hook that names no node runs on.
const SOME_NODE: &str = "the hypervisor";
/// The most of a node's name that is told.
const NODE_CHARS: usize = 64;

#[derive(Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
enum Line {
    Log { line: String },
    Progress { percent: u8 },
    Result(serde_json::Map<String, Value>),
}

/// A line without the mark of their byte order that some programs begin what they write with.
pub(in crate::driver) fn without_mark(line: &str) -> &str {
    line.strip_prefix('\u{feff}').unwrap_or(line)
}

/// What a hook has said so far.
#[derive(Debug, Default)]
pub(in crate::driver) struct Told {
    result: Option<Value>,
    differs: bool,
    progress: Option<u8>,
}

impl Told {
    /// Takes a line. What is not of the protocol is a line of the log.
    pub(in crate::driver) fn take(&mut self, line: &str, cut: bool, log: &Log) {
        match serde_json::from_str(without_mark(line)) {
            Ok(Line::Log { line }) if !cut => log.line(&line),
            Ok(Line::Progress { percent }) if !cut => {
                if self.progress.replace(percent) != Some(percent) {
                    log.line(&format!("{} %", percent.min(100)));
                }
            }
            Ok(Line::Result(result)) if !cut => {
                let result = Value::Object(result);
                self.differs |= self.result.as_ref().is_some_and(|before| *before != result);
                self.result = Some(result);
            }
            _ if cut => log.line(&format!("{line} [truncated]")),
            _ => log.line(line),
        }
    }

    /// The result, if it is one result of this task.
    pub(in crate::driver) fn answer(&self, task: Option<TaskId>) -> Result<Answer, String> {
        if self.differs {
            return Err("the hook told two results that differ".into());
        }
        let result = self.result.clone().ok_or("the hook told no result")?;
        let answer: Answer = serde_json::from_value(result).map_err(|error| format!("the hook's result: {error}"))?;
        let wanted = task.map(|task| task.0.to_string());
        if answer.task != wanted {
            let told = answer.task.as_deref().unwrap_or_default();
            return Err(format!("the hook told the result of task {told:?}, not {:?}", wanted.unwrap_or_default()));
        }
        Ok(answer)
    }

    /// Where it was done, as far as that was told.
    pub(in crate::driver) fn node(&self) -> String {
        let node = self.result.as_ref().and_then(|result| result.get("node")?.as_str());
        node_named(node)
    }
}

fn node_named(node: Option<&str>) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || "-_.:".contains(*c);
    let node: String = node.unwrap_or_default().chars().filter(plain).take(NODE_CHARS).collect();
    if node.is_empty() { SOME_NODE.to_owned() } else { node }
}

/// A hook's result. Fields that are not known are passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::driver) struct Answer {
    task: Option<String>,
    node: Option<String>,
    state: Option<State>,
    machine: Option<Seen>,
    protocol: Vec<u32>,
    operations: Vec<String>,
    #[serde(flatten)]
    counted: Counted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Present,
    Missing,
}

#[derive(Debug, Deserialize)]
struct Seen {
    running: bool,
    generation: i32,
    boot: Option<String>,
    size: Option<SeenSize>,
    hostname: Option<String>,
    password_version: Option<i32>,
    addresses: Option<BTreeSet<IpAddr>>,
    /// Addresses with a name, and those with none.
    ptr: Option<BTreeMap<IpAddr, Option<String>>>,
    firewall: Option<SeenFirewall>,
    filter_is_empty: Option<bool>,
}

/// A limit that is not named is not in force.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SeenFirewall {
    pps: u32,
    pps_icmp: u32,
    pps_udp: u32,
    pps_syn: u32,
    connlimit: u32,
}

impl From<SeenFirewall> for Firewall {
    fn from(seen: SeenFirewall) -> Self {
        let SeenFirewall { pps, pps_icmp, pps_udp, pps_syn, connlimit } = seen;
        Self { pps, pps_icmp, pps_udp, pps_syn, connlimit }
    }
}

#[derive(Debug, Deserialize)]
struct SeenSize {
    cpu_ghz: u32,
    ram_mb: u32,
    disk_gb: u32,
    bandwidth_mbps: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Counted {
    cpu_ns: Option<u64>,
    vcpus: Option<u64>,
    rx_bytes: Option<u64>,
    tx_bytes: Option<u64>,
    disk_read_bytes: Option<u64>,
    disk_write_bytes: Option<u64>,
    memory_used_mb: Option<u64>,
    memory_limit_mb: Option<u64>,
    disk_used_mb: Option<u64>,
    disk_limit_mb: Option<u64>,
    inodes_used: Option<u64>,
    inodes_limit: Option<u64>,
    load_hundredths: Option<u64>,
}

impl Answer {
    /// Where it was done.
    pub(in crate::driver) fn node(&self) -> String {
        node_named(self.node.as_deref())
    }

    /// What there is.
    pub(in crate::driver) fn observed(self) -> Result<Observed, String> {
        match (self.state, self.machine) {
            (Some(State::Missing), _) => Ok(Observed::Missing),
            (Some(State::Present), Some(seen)) => Ok(Observed::Present(seen.into())),
            (Some(State::Present), None) => Err("the hook told a machine to be there, and nothing of it".into()),
            (None, _) => Err("the hook told no state of the machine".into()),
        }
    }

    /// What the hook can do, if it knows the protocol.
    pub(in crate::driver) fn operations(&self, protocol: u32) -> Result<BTreeSet<Operation>, String> {
        if !self.protocol.contains(&protocol) {
            return Err(format!("the hook does not know protocol {protocol}"));
        }
        Ok(self.operations.iter().filter_map(|name| Operation::of_short_name(name)).collect())
    }

    /// A server's counters. More than fits is as good as not measured.
    pub(in crate::driver) fn counters(&self) -> Result<Counters, Trouble> {
        let of = |value: Option<u64>| value.and_then(|value| i64::try_from(value).ok());
        let c = &self.counted;
        Ok(Counters {
            cpu_ns: of(c.cpu_ns),
            vcpus: of(c.vcpus),
            rx_bytes: of(c.rx_bytes),
            tx_bytes: of(c.tx_bytes),
            disk_read_bytes: of(c.disk_read_bytes),
            disk_write_bytes: of(c.disk_write_bytes),
            memory_used_mb: of(c.memory_used_mb),
            memory_limit_mb: of(c.memory_limit_mb),
            disk_used_mb: of(c.disk_used_mb),
            disk_limit_mb: of(c.disk_limit_mb),
            inodes_used: of(c.inodes_used),
            inodes_limit: of(c.inodes_limit),
            load_hundredths: of(c.load_hundredths),
        })
    }
}

impl From<Seen> for Machine {
    fn from(seen: Seen) -> Self {
        let size = seen.size.map(|SeenSize { cpu_ghz, ram_mb, disk_gb, bandwidth_mbps }| MachineSize {
            cpu_ghz,
            ram_mb,
            disk_gb,
            bandwidth_mbps,
        });
        let named = |names: BTreeMap<IpAddr, Option<String>>| {
            names.into_iter().filter_map(|(ip, name)| Some((ip, name?))).collect()
        };
        let traits = Traits {
            size,
            hostname: seen.hostname,
            password_version: seen.password_version,
            addresses: seen.addresses,
            ptr: seen.ptr.map(named),
            firewall: seen.firewall.map(Into::into),
            filter_is_empty: seen.filter_is_empty,
        };
        let boot = seen.boot.filter(|boot| !boot.is_empty());
        Self { running: seen.running, generation: seen.generation, boot, traits }
    }
}
