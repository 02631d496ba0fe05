//! What a server is made of, within which limits it can be changed, and what that costs.

use crate::money::Money;
use serde::{Deserialize, Serialize};

/// A size and the limits it can be changed within, all in the size's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// What the tariff gives.
    pub base: u32,
    /// The least that a change can set.
    pub min: u32,
    /// The most that a change can set.
    pub max: u32,
}

/// What a server is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerPlan {
    /// Processor, in GHz.
    pub cpu_ghz: Range,
    /// Memory, in MB.
    pub ram_mb: Range,
    /// Disk, in GB.
    pub disk_gb: Range,
    /// Bandwidth, in Mbps.
    pub bandwidth_mbps: Range,
}

/// Monthly prices of units, in the catalogue's base currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitPrices {
    /// Of 1 GHz.
    pub cpu_ghz: Money,
    /// Of 1024 MB of memory.
    pub ram_1024_mb: Money,
    /// Of 10 GB of disk.
    pub disk_10_gb: Money,
    /// Of 10 Mbps.
    pub bandwidth_10_mbps: Money,
}
