//! The task queue.

mod attempts;
mod budget;
mod claim;
mod enqueue;
mod finish;
mod lease;
mod manage;
mod nothing;
mod progress;
mod secret;
mod simulated;
mod undo;

pub use attempts::{AttemptOutcome, AttemptRow, attempts};
pub use claim::{Claim, ClaimedTask, claim, is_due, is_lost_race};
pub use enqueue::Enqueued;
pub use finish::{Failed, Next, give_back, reap, release, succeed};
pub use lease::{Lease, Renewed, expired, renew_lease};
pub use manage::{Cancelled, TaskFilter, TaskRow, cancel, list, retry};
pub use progress::{Progress, Underway, append_log, keep_boot, keep_handle, keep_verified, progress};
pub use simulated::{Simulated, SimulatedServer, SimulatedSize, apply_simulated, simulated, simulated_uptime};

pub(crate) use enqueue::{NewTask, close_manual, enqueue, enqueue_in_bounds, untaken, waiting};
pub(crate) use nothing::cancel_waiting;
pub(crate) use secret::open as open_secret;
pub(crate) use undo::Undo;
