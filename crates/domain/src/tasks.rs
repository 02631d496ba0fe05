//! What the provisioner can be asked to do.

use std::{fmt, str::FromStr};

/// A task's id in its realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(pub i64);

/// An operation on an order's service. Its name is the account API's (`ta_command`, CONTRACT 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
}

impl Operation {
    /// All of them.
    pub const ALL: [Operation; 9] = [
        Self::Create,
        Self::Suspend,
        Self::Unsuspend,
        Self::Restart,
        Self::Reinstall,
        Self::Destroy,
        Self::Change,
        Self::ResetPassword,
        Self::Rename,
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
        }
    }
}

impl Operation {
    /// Whether it deletes what is on a disk: such operations have a budget.
    #[must_use]
    pub const fn is_destructive(self) -> bool {
        matches!(self, Self::Reinstall | Self::Destroy)
    }

    /// Whether something is paid for it alone, which is returned when it comes to nothing.
    #[must_use]
    pub const fn is_paid_for(self) -> bool {
        matches!(self, Self::Create | Self::Change)
    }
}

/// When the money for what failed for good is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundFailed {
    /// With the last try.
    AtOnce,
    /// When staff give it up: until then it can be tried again.
    ByStaff,
}

/// The company's rules of what the provisioner does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvisioningRules {
    /// When the money for what failed for good is returned.
    pub refund_failed: RefundFailed,
    /// So many open tasks a server has at the most of its customer's asking.
    pub open_tasks_per_server: u32,
    /// So many destructive operations of a customer's an hour run by themselves; more wait for staff.
    pub destructive_per_hour: u32,
    /// For so many hours a terminated order can be restored: its server is off, and there.
    pub destroy_grace_hours: u32,
}

impl Default for ProvisioningRules {
    fn default() -> Self {
        Self {
            refund_failed: RefundFailed::AtOnce,
            open_tasks_per_server: 10,
            destructive_per_hour: 30,
            destroy_grace_hours: 72,
        }
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
