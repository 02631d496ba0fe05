//! Hypervisors.

use super::DriverName;
use serde::{Deserialize, Serialize};

/// A hypervisor that servers are made on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name, shown to customers as the server's node.
    pub name: String,
    /// The driver that reaches it.
    pub driver: DriverName,
    /// How many tasks it takes at a time.
    pub max_tasks: u32,
    /// Whether new servers are made on it.
    pub open: bool,
}
