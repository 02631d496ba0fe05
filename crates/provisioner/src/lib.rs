//! The task queue's workers, scheduled jobs and hypervisor drivers.
