//! The task queue.

mod claim;
mod enqueue;
mod finish;
mod manage;
mod simulated;

pub use claim::{ClaimedTask, claim, renew_lease};
pub use enqueue::Enqueued;
pub use finish::{give_back, reap, succeed};
pub use manage::{TaskFilter, TaskRow, cancel, list, retry};
pub use simulated::{SimulatedServer, apply_simulated, simulated};

pub(crate) use enqueue::{cancel_waiting, close_manual, enqueue};
