//! What there is of a service, as it was seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use domain::{firewall::Firewall, orders::ServerSpec};

use super::Trouble;

/// What there is of a service. Three answers and not two: a hypervisor that can't be asked has not lost a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// A machine.
    Present(Machine),
    /// Surely none.
    Missing,
    /// It could not be looked at, and why not.
    Unavailable(Trouble),
}

/// A machine, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Whether it is switched on.
    pub running: bool,
    /// Which of the order's systems is on its disk, counted from 1.
    pub generation: i32,
    /// Anything that is another after each start of its system; never empty.
    pub boot: Option<String>,
    /// What else was seen of it.
    pub traits: Traits,
}

/// What can be seen of a machine beside its power and its system; what could not be made out is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traits {
    /// Its size.
    pub size: Option<MachineSize>,
    /// What it calls itself.
    pub hostname: Option<String>,
    /// Of which of the order's passwords it has.
    pub password_version: Option<i32>,
    /// Its addresses.
    pub addresses: Option<BTreeSet<IpAddr>>,
    /// What its addresses resolve to; of a task, the name that it sets.
    pub ptr: Option<BTreeMap<IpAddr, String>>,
    /// The limits of the packet filter before it.
    pub firewall: Option<Firewall>,
    /// Whether the packet filter inside it is empty.
    pub filter_is_empty: Option<bool>,
}

/// The size of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineSize {
    /// Processor, GHz.
    pub cpu_ghz: u32,
    /// Memory, MB.
    pub ram_mb: u32,
    /// Disk, GB.
    pub disk_gb: u32,
    /// Bandwidth, Mbps.
    pub bandwidth_mbps: u32,
}

impl From<ServerSpec> for MachineSize {
    fn from(spec: ServerSpec) -> Self {
        let ServerSpec { cpu_ghz, ram_mb, disk_gb, bandwidth_mbps, .. } = spec;
        Self { cpu_ghz, ram_mb, disk_gb, bandwidth_mbps }
    }
}
