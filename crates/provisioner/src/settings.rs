//! How the provisioner works.

use std::{collections::BTreeMap, time::Duration};

use crate::{driver::DriverSettings, notices::NoticeSettings};

/// How the provisioner works. The defaults are right for any installation; tests make it quicker or slower.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// The live realm's drivers, by the names that tariffs give. The test realm has the simulated one, whatever stands
    /// here.
    pub drivers: BTreeMap<String, DriverSettings>,
    /// So many tasks at a time in each realm: the test realm has its own and takes none of the live realm's.
    pub concurrency: usize,
    /// How often servers' usage is read; at least hourly (CONTRACT 2.3).
    pub sample_every: Duration,
    /// The series of invoice numbers.
    pub invoice_series: String,
    /// The series of credit notes' numbers: another.
    pub credit_note_series: String,
    /// For how many days a task's results tell a new password.
    pub keep_secrets_days: i32,
    /// How often an idle worker asks whether a task is due. It is told of what is queued; this is for what nobody could
    /// tell.
    pub poll: Duration,
    /// How long an operation of the simulated hypervisor takes; under 2 s (CONTRACT 1.6).
    pub operation_time: Duration,
    /// How often a lease is renewed; well below its 30 s.
    pub renew_every: Duration,
    /// The work is aborted when its lease could not be renewed for so long; below its 30 s, so that it has ended before
    /// another worker begins.
    pub trust_lease_for: Duration,
    /// How often leases that ran out are looked for, and tasks that only a clock that stepped back keeps waiting.
    pub reap_every: Duration,
    /// How often the billing run looks for what is due.
    pub bill_every: Duration,
    /// How notices are sent; they stay in the outbox without.
    pub notices: Option<NoticeSettings>,
    /// How long a driver has to let go of what staff don't want any more, before it is dropped.
    pub stop_for: Duration,
    /// How long running tasks have to end once the worker is told to stop.
    pub drain_for: Duration,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            drivers: BTreeMap::new(),
            concurrency: 8,
            sample_every: Duration::from_mins(5),
            invoice_series: "VRT".to_owned(),
            credit_note_series: "VRC".to_owned(),
            keep_secrets_days: 7,
            poll: Duration::from_millis(200),
            operation_time: Duration::from_millis(300),
            renew_every: Duration::from_secs(10),
            trust_lease_for: Duration::from_secs(20),
            reap_every: Duration::from_secs(5),
            bill_every: Duration::from_mins(1),
            notices: None,
            stop_for: Duration::from_secs(20),
            drain_for: Duration::from_secs(60),
        }
    }
}
