//! What the provisioner can be asked to do.

mod rules;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

pub use rules::{ProvisioningRules, RefundFailed, TELL_STAFF_AFTER};

/// A task's id in its realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(pub i64);

/// An operation on an order's service. Its name is the account API's (`ta_command`, CONTRACT 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Make it.
    Create,
    /// Stop it and keep it stopped.
    Suspend,
    /// Let it run again.
    Unsuspend,
    /// Restart it.
    Restart,
    /// Make its system anew; what was on its disk is gone.
    Reinstall,
    /// Remove it.
    Destroy,
    /// Give it another size.
    Change,
    /// Give it another password.
    ResetPassword,
    /// Give it another hostname.
    Rename,
    /// Give one of its addresses another reverse name.
    Ptr,
    /// Empty the packet filter inside it.
    FlushFilter,
    /// Set the limits of the packet filter before it.
    Firewall,
    /// Let it have the addresses that it holds, and no others.
    MoveAddress,
}

impl Operation {
    /// All of them.
    pub const ALL: [Operation; 13] = [
        Self::Create,
        Self::Suspend,
        Self::Unsuspend,
        Self::Restart,
        Self::Reinstall,
        Self::Destroy,
        Self::Change,
        Self::ResetPassword,
        Self::Rename,
        Self::Ptr,
        Self::FlushFilter,
        Self::Firewall,
        Self::MoveAddress,
    ];

    /// As it stands in the database and in `ta_command`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "server_create",
            Self::Suspend => "server_suspend",
            Self::Unsuspend => "server_unsuspend",
            Self::Restart => "server_reboot",
            Self::Reinstall => "server_recreate",
            Self::Destroy => "server_destroy",
            Self::Change => "server_change",
            Self::ResetPassword => "server_reset_password",
            Self::Rename => "server_domain",
            Self::Ptr => "server_ptr",
            Self::FlushFilter => "server_flush_iptables",
            Self::Firewall => "server_firewall",
            Self::MoveAddress => "server_move_ip",
        }
    }
}

impl Operation {
    /// As drivers and their configuration call it: its name without what all of them begin with.
    #[must_use]
    pub fn short_name(self) -> &'static str {
        let name = self.name();
        name.strip_prefix("server_").unwrap_or(name)
    }

    /// The one of that short name.
    #[must_use]
    pub fn of_short_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.short_name() == name)
    }

    /// Whether it deletes what is on a disk: such operations have a budget.
    #[must_use]
    pub const fn is_destructive(self) -> bool {
        matches!(self, Self::Reinstall | Self::Destroy)
    }

    /// Whether it sets what its customer can set again: what can't be set is put back, and nobody waits for staff.
    #[must_use]
    pub const fn is_setting(self) -> bool {
        matches!(self, Self::Rename | Self::Ptr | Self::Firewall)
    }
}

/// What drivers can do, by the names that tariffs give them. One that is not here can do everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities(pub BTreeMap<String, BTreeSet<Operation>>);

impl Capabilities {
    /// Whether a driver can do an operation.
    #[must_use]
    pub fn can(&self, driver: &str, operation: Operation) -> bool {
        self.0.get(driver).is_none_or(|operations| operations.contains(&operation))
    }
}

impl FromStr for Operation {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|o| o.name() == text);
        found.ok_or_else(|| format!("{text:?} is not an operation"))
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
