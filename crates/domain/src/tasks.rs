//! What the provisioner can be asked to do.

mod rules;

use std::{fmt, str::FromStr};

pub use rules::{ProvisioningRules, RefundFailed};

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

    /// Whether something is paid for it alone, which is returned when it comes to nothing.
    #[must_use]
    pub const fn is_paid_for(self) -> bool {
        matches!(self, Self::Create | Self::Change)
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
