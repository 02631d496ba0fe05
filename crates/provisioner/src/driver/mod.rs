//! What a hypervisor driver is asked and what it answers.
//!
//! A driver is told the state that a service is to have, never a step towards it: asked twice, it does it once. Its
//! word that it is done is not believed; it is observed afterwards. What it does not know the outcome of is observed
//! before it is tried again. What takes it long it can leave under way: its name of it, the handle, is kept with the
//! task before anybody waits for it, so that another worker goes on from there.

mod context;
mod desired;
mod exec;
mod hook;
mod http;
mod life;
mod log;
mod machine;
mod made;
mod magic;
mod proxmox;
mod registry;
mod settings;
mod simulated;
mod simulated_usage;
pub(crate) mod web;

use std::{collections::BTreeSet, time::Duration};

use domain::{orders::OrderId, tasks::Operation, usage::Counters};
use futures_util::future::LocalBoxFuture;
use store::tasks::ClaimedTask;

pub use context::{Ctx, Handle};
pub(crate) use desired::report;
pub use desired::{Desired, Restarted, Verdict, WAS_OFF, desired_by};
pub use exec::{ExecDriver, ExecSettings, Limits, Supervisor};
pub use http::{Callback, HttpDriver, HttpSettings, NoCallback, Secrets, Signed};
pub use life::LIFE;
pub use log::{Lines, Log};
pub use machine::{Machine, MachineSize, Observed, Traits};
pub use made::MadeWith;
pub use proxmox::{ProxmoxDriver, ProxmoxSettings};
pub use registry::Drivers;
pub use settings::{DriverKind, DriverSettings, Timeouts};
pub use simulated::SimulatedDriver;
pub use web::{EndpointSettings, check_customers_url};

/// Reaches the hypervisors of one kind. Its futures can be dropped at any moment, when the lease is lost: what they had
/// under way then ends as soon as it can, and what comes after it is told by its fence.
pub trait Driver {
    /// What it can do. A task that it can't do waits for staff.
    fn operations(&self) -> BTreeSet<Operation>;

    /// How long an operation has, from when it is first asked for; see [`Ctx::deadline`].
    fn time_for(&self, operation: Operation) -> Duration;

    /// With what it does its work, beyond its name: the protocol that it speaks, and which program it runs, where that
    /// can change between two tries. Kept with each try.
    fn speaks(&self) -> Option<String> {
        None
    }

    /// Whether it works, changing nothing: which operations the other side knows. For staff.
    fn probe(&self) -> LocalBoxFuture<'_, Result<BTreeSet<Operation>, Trouble>>;

    /// Brings an order's service into the state that the task wants. It may have been there already, or half there. The
    /// lease's fence goes with whatever is sent: who has seen a newer one refuses. With [`Ctx::handle`] it is under way
    /// already, and is asked after.
    fn execute<'a>(&'a self, task: &'a ClaimedTask, ctx: &'a Ctx) -> LocalBoxFuture<'a, Outcome>;

    /// Looks what there is of the task's service, changing nothing.
    fn observe<'a>(&'a self, task: &'a ClaimedTask, ctx: &'a Ctx) -> LocalBoxFuture<'a, Observed>;

    /// Reads a server's counters. `None` when it could not be read: that is a gap and not nothing used.
    fn usage(&self, server: OrderId) -> LocalBoxFuture<'_, Option<Counters>>;

    /// Gives up what is under way, as far as that is still possible. What became of it is observed.
    fn cancel<'a>(&'a self, handle: &'a Handle) -> LocalBoxFuture<'a, ()>;
}

/// Why a driver does not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Trouble {
    /// The kind of failure.
    pub class: Class,
    /// What is wrong, for staff.
    pub why: String,
}

impl Trouble {
    /// Trouble of that kind.
    #[must_use]
    pub fn new(class: Class, why: impl Into<String>) -> Self {
        Self { class, why: why.into() }
    }
}

/// What came of an operation, as far as the driver knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It says that it is done.
    Done {
        /// Where, for the task's log: the name of the hypervisor.
        node: String,
    },
    /// It is under way: asked for again with this handle, [`Driver::execute`] tells how it goes on.
    Pending {
        /// The driver's own name of it, kept with the task before anybody waits.
        handle: Handle,
        /// When to ask after it.
        poll_after: Duration,
    },
    /// It was not done, and may succeed later. Of a kind that [waits](Class::waits) it costs the task none of its
    /// tries.
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
        /// The kind of failure, where it was not done after all.
        class: Class,
        /// What happened, for the task's log: customers may read it.
        why: String,
    },
}

/// Kinds of failure, for logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The installation is set up wrongly: a driver or a task that nobody here knows, a certificate that isn't trusted.
    Configuration,
    /// The hypervisor could not be reached, or is busy.
    Unavailable,
    /// What is inside the machine doesn't answer.
    Guest,
    /// There is no machine to do it to.
    Missing,
    /// A newer claim has been at the machine.
    Fenced,
    /// What came back is not as it was agreed on.
    Protocol,
    /// It took more of the machine that it runs on than it may.
    Resource,
    /// The other side refuses it.
    Refused,
    /// The other side wants a person to look.
    Person,
    /// It was told to stop.
    Cancelled,
    /// What was done is not what is seen.
    Unverified,
    /// A fault of the driver itself.
    Internal,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Configuration,
        Self::Unavailable,
        Self::Guest,
        Self::Missing,
        Self::Fenced,
        Self::Protocol,
        Self::Resource,
        Self::Refused,
        Self::Person,
        Self::Cancelled,
        Self::Unverified,
        Self::Internal,
    ];

    /// Whether what was not done for a reason of this kind waits by time and loses no tries: nothing is wrong with the
    /// task, and it can be done once the hypervisor, or what leads there, is well again.
    #[must_use]
    pub const fn waits(self) -> bool {
        match self {
            Self::Configuration | Self::Unavailable => true,
            Self::Guest
            | Self::Missing
            | Self::Fenced
            | Self::Protocol
            | Self::Resource
            | Self::Refused
            | Self::Person
            | Self::Cancelled
            | Self::Unverified
            | Self::Internal => false,
        }
    }

    /// As it stands in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Unavailable => "unavailable",
            Self::Guest => "guest",
            Self::Missing => "missing",
            Self::Fenced => "fenced",
            Self::Protocol => "protocol",
            Self::Resource => "resource",
            Self::Refused => "refused",
            Self::Person => "person",
            Self::Cancelled => "cancelled",
            Self::Unverified => "unverified",
            Self::Internal => "internal",
        }
    }

    /// Whether a failure of this kind is for staff to look at before anything is given up: what is wrong is not the
    /// service, or may be somebody else's.
    #[must_use]
    pub const fn is_for_staff(self) -> bool {
        match self {
            Self::Configuration | Self::Protocol | Self::Person => true,
            Self::Unavailable
            | Self::Guest
            | Self::Missing
            | Self::Fenced
            | Self::Resource
            | Self::Refused
            | Self::Cancelled
            | Self::Unverified
            | Self::Internal => false,
        }
    }
}
