//! The task queue's workers, scheduled jobs and hypervisor drivers.
//!
//! A task goes `queued → running → succeeded`. A worker takes it by a lease of 30 s in a short transaction, lets a
//! driver do it outside any transaction while it renews the lease, and ends it in a short transaction that also moves
//! the order. Each claim has a fence; what an older claim still writes is refused, by the queue and by the hypervisor.
//! So a worker that dies costs time and nothing else: the lease runs out, the reaper gives the task back, and the next
//! worker's driver finds out how far the first one came.

mod attempt;
mod backoff;
mod billing;
pub mod driver;
mod jobs;
mod lease;
pub mod lint;
mod own;
mod settings;
pub mod supervise;
mod thread;
mod usage;
mod worker;

pub use billing::{Biller, Ran};
pub use settings::WorkerSettings;
pub use thread::{Died, Provisioner, spawn};
pub use worker::run;
