//! What the provisioner does by itself, as the company has it.

use std::time::Duration;

/// Staff are told of tasks that have waited for so long for a hypervisor that can't be asked.
pub const TELL_STAFF_AFTER: Duration = Duration::from_mins(5);

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
    /// For so many hours a task waits for a hypervisor that can't be asked; then it has failed for good.
    pub unavailable_hours: u32,
}

impl Default for ProvisioningRules {
    fn default() -> Self {
        Self {
            refund_failed: RefundFailed::AtOnce,
            open_tasks_per_server: 10,
            destructive_per_hour: 30,
            destroy_grace_hours: 72,
            unavailable_hours: 24,
        }
    }
}

impl ProvisioningRules {
    /// Whether a task that has waited for so long for its hypervisor is given up.
    #[must_use]
    pub fn gives_up_after(&self, waited: Duration) -> bool {
        waited >= Duration::from_hours(self.unavailable_hours.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hypervisor_is_waited_for_by_the_hour() {
        let rules = ProvisioningRules { unavailable_hours: 2, ..ProvisioningRules::default() };
        assert!(!rules.gives_up_after(Duration::from_secs(7199)));
        assert!(rules.gives_up_after(Duration::from_secs(7200)));
        let never = ProvisioningRules { unavailable_hours: 0, ..rules };
        assert!(never.gives_up_after(Duration::ZERO), "0: nothing is waited for");
    }
}
