//! How much of the machine a hook may take. Limits of the kernel's that go by process miss a hook of many, those that go
//! by user do not hold for root, and control groups are not everybody's to make: so its processes are looked at.

use std::{fs, time::Duration};

use rustix::param::page_size;

use super::{Over, tree};

/// What a hook may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    memory_mb: u64,
    processes: usize,
}

impl Watch {
    /// How often it is looked at.
    pub(super) const PACE: Duration = Duration::from_millis(100);

    pub(super) const fn new(memory_mb: u64, processes: usize) -> Self {
        Self { memory_mb, processes }
    }

    /// What it has too much of, if anything.
    pub(super) fn exceeded(&self) -> Option<Over> {
        let all = tree::all();
        if all.len() > self.processes {
            return Some(Over::Processes);
        }
        let bytes: u64 = all.into_iter().map(resident).sum();
        (bytes / (1024 * 1024) > self.memory_mb).then_some(Over::Memory)
    }
}

/// The memory that a process holds, in bytes; nothing when it is gone.
fn resident(pid: i32) -> u64 {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages.saturating_mul(u64::try_from(page_size()).unwrap_or(4096))
}
