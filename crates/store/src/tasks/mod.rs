//! The task queue.

mod claim;
mod enqueue;
mod finish;
mod lease;
mod manage;
mod progress;
mod secret;
mod simulated;

pub use claim::{Claim, ClaimedTask, claim, is_due, is_lost_race};
pub use enqueue::Enqueued;
pub use finish::{Next, give_back, reap, release, succeed};
pub use lease::{Lease, expired, renew_lease};
pub use manage::{TaskFilter, TaskRow, cancel, list, retry};
pub use progress::{Progress, Underway, append_log, keep_boot, keep_handle, keep_verified, progress};
pub use simulated::{Simulated, SimulatedServer, SimulatedSize, apply_simulated, simulated, simulated_uptime};

pub(crate) use enqueue::{NewTask, cancel_waiting, close_manual, enqueue, waiting};
pub(crate) use secret::open as open_secret;
