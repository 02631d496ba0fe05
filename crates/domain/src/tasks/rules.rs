//! What the provisioner does by itself, as the company has it.

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
