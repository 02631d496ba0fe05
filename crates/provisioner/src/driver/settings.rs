//! Which drivers there are, and how each is set up.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::tasks::Operation;

use super::{ExecSettings, HttpSettings, ProxmoxSettings};

/// How long operations have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// Any, unless it has its own below.
    pub any: Duration,
    /// Some.
    pub own: BTreeMap<Operation, Duration>,
}

impl Default for Timeouts {
    /// 15 minutes: a large image is copied in that time.
    fn default() -> Self {
        Self { any: Duration::from_mins(15), own: BTreeMap::new() }
    }
}

impl Timeouts {
    /// How long an operation has.
    #[must_use]
    pub fn of(&self, operation: Operation) -> Duration {
        self.own.get(&operation).copied().unwrap_or(self.any)
    }
}

/// A driver of the live realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverSettings {
    /// What it can do.
    pub operations: BTreeSet<Operation>,
    /// How long it has for it.
    pub timeouts: Timeouts,
    /// What it is.
    pub kind: DriverKind,
}

/// What a driver is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DriverKind {
    /// The simulated hypervisor of the realm.
    Simulated,
    /// A program of the company's own.
    Exec(ExecSettings),
    /// A service of the company's own.
    Http(HttpSettings),
    /// A Proxmox VE cluster.
    Proxmox(ProxmoxSettings),
}
