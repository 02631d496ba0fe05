//! What a hypervisor driver is asked and what it answers.
//!
//! A driver is told the state that a service is to have, never a step towards it: asked twice, it does it once. Its word
//! that it is done is not believed; it is observed afterwards. What it does not know the outcome of is observed before
//! it is tried again.

mod desired;
mod registry;
mod simulated;
mod simulated_usage;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use domain::{
    firewall::Firewall,
    orders::{OrderId, ServerSpec},
    usage::Counters,
};
use futures_util::future::LocalBoxFuture;
use store::tasks::ClaimedTask;

pub(crate) use desired::report;
pub use desired::{Desired, desired_by};
pub use registry::Drivers;
pub use simulated::SimulatedDriver;

/// Reaches the hypervisors of one kind. Both futures can be dropped at any moment, when the lease is lost.
pub trait Driver {
    /// Brings an order's service into the state that the task wants. It may have been there already, or half there. The
    /// lease's fence goes with whatever is sent: who has seen a newer one refuses.
    fn execute<'a>(&'a self, task: &'a ClaimedTask) -> LocalBoxFuture<'a, Outcome>;

    /// Looks what there is of the task's service, changing nothing.
    fn observe<'a>(&'a self, task: &'a ClaimedTask) -> LocalBoxFuture<'a, Observed>;

    /// Reads a server's counters. `None` when it could not be read: that is a gap and not nothing used.
    fn usage(&self, server: OrderId) -> LocalBoxFuture<'_, Option<Counters>>;
}

/// What came of an operation, as far as the driver knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It says that it is done.
    Done {
        /// Where, for the task's log: the name of the hypervisor.
        node: String,
    },
    /// It was not done, and may succeed later.
    Retry {
        /// When to try again; `None` when any time will do.
        after: Option<Duration>,
        /// The kind of failure.
        class: Class,
        /// What happened, for the task's log: customers may read it.
        why: String,
    },
    /// It was not done, and never will be without a person.
    Fail {
        /// The kind of failure.
        class: Class,
        /// What happened, for the task's log: customers may read it.
        why: String,
    },
    /// It may have been done or not, wholly or in part.
    Unknown {
        /// What happened, for the task's log: customers may read it.
        why: String,
    },
}

/// Kinds of failure, for logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The installation is set up wrongly: a driver or a task that nobody here knows.
    Configuration,
    /// The hypervisor could not be reached.
    Unavailable,
    /// There is no machine to do it to.
    Missing,
    /// A newer claim has been at the machine.
    Fenced,
    /// What was done is not what is seen.
    Unverified,
    /// A fault of the driver itself.
    Internal,
}

impl Class {
    /// As it stands in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Unavailable => "unavailable",
            Self::Missing => "missing",
            Self::Fenced => "fenced",
            Self::Unverified => "unverified",
            Self::Internal => "internal",
        }
    }
}

/// What there is of a service. Three answers and not two: a hypervisor that can't be asked has not lost a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// A machine.
    Present(Machine),
    /// Surely none.
    Missing,
    /// The hypervisor could not be asked.
    Unavailable(String),
}

/// A machine, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Whether it is switched on.
    pub running: bool,
    /// Which of the order's systems is on its disk, counted from 1.
    pub generation: i32,
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
    /// The limits of its packet filter.
    pub firewall: Option<Firewall>,
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
