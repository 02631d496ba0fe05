//! What a new system was made with, held against what is seen of it.

use domain::tasks::Operation;
use store::tasks::ClaimedTask;

use super::{MachineSize, Traits};

/// What a machine's new system is to have been made with.
///
/// It is compared only where it is told: many hypervisors can't say from outside what a system has or calls itself, and
/// their creations are no worse for it. What is told to be otherwise is another matter: that machine is not the one that
/// was paid for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MadeWith {
    /// Its size; any when `None`.
    pub size: Option<MachineSize>,
    /// What it is to call itself; anything when `None`.
    pub hostname: Option<String>,
}

impl MadeWith {
    /// What a task makes its system with; nothing in particular when it makes none.
    pub(super) fn of(task: &ClaimedTask) -> Self {
        match task.operation {
            Operation::Create | Operation::Reinstall => {
                Self { size: task.size().map(MachineSize::from), hostname: task.wanted_hostname().map(str::to_owned) }
            }
            Operation::Suspend
            | Operation::Unsuspend
            | Operation::Restart
            | Operation::Change
            | Operation::ResetPassword
            | Operation::Rename
            | Operation::Ptr
            | Operation::FlushFilter
            | Operation::Firewall
            | Operation::MoveAddress
            | Operation::Destroy => Self::default(),
        }
    }

    /// What of it was told, by name, and whether it is so in `seen`.
    pub(super) fn compared_with(&self, seen: &Traits) -> impl Iterator<Item = (&'static str, bool)> {
        let size = self.size.zip(seen.size).map(|(wanted, has)| ("size", has == wanted));
        let hostname = self.hostname.as_deref().zip(seen.hostname.as_deref());
        let hostname = hostname.map(|(wanted, has)| ("hostname", is_called(has, wanted)));
        [size, hostname].into_iter().flatten()
    }
}

/// Systems are made with their whole name and may call themselves by its first label only.
fn is_called(has: &str, wanted: &str) -> bool {
    has == wanted || wanted.split_once('.').is_some_and(|(label, _)| has == label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_may_leave_its_domain_out() {
        for (has, so) in [("s31.example.com", true), ("s31", true), ("s3", false), ("s31.example", false), ("", false)]
        {
            assert_eq!(is_called(has, "s31.example.com"), so, "{has:?}");
        }
        assert!(is_called("s31", "s31") && !is_called("localhost", "s31"));
    }

    #[test]
    fn every_part_of_a_size_counts() {
        let size = MachineSize { cpu_ghz: 2, ram_mb: 2048, disk_gb: 20, bandwidth_mbps: 20 };
        let made = MadeWith { size: Some(size), hostname: None };
        let is = |has: Option<MachineSize>| {
            made.compared_with(&Traits { size: has, ..Traits::default() }).collect::<Vec<_>>()
        };
        assert_eq!(is(None), []);
        assert_eq!(is(Some(size)), [("size", true)]);
        for has in [
            MachineSize { cpu_ghz: 1, ..size },
            MachineSize { ram_mb: 1024, ..size },
            MachineSize { disk_gb: 10, ..size },
            MachineSize { bandwidth_mbps: 10, ..size },
        ] {
            assert_eq!(is(Some(has)), [("size", false)]);
        }
    }
}
