//! The task queue.

mod attempts;
mod budget;
mod callbacks;
mod claim;
mod enqueue;
mod finish;
mod lease;
mod manage;
mod moves;
mod network;
mod nothing;
mod progress;
mod secret;
mod simulated;
mod simulated_network;
mod stepped;
mod undo;
mod waiting;

pub use attempts::{AttemptOutcome, AttemptRow, attempts, keep_driver};
pub use callbacks::{CallbackRow, Recorded, callback, driver_of_task, record_callback};
pub use claim::{Claim, ClaimedTask, claim, is_due, is_lost_race};
pub use enqueue::Enqueued;
pub use finish::{Failed, Next, give_back, reap, release, succeed};
pub use lease::{Lease, Renewed, expired, renew_lease};
pub use manage::{Cancelled, TaskFilter, TaskRow, cancel, list, retry};
pub use network::{ServerAddress, ServerNetwork};
pub use progress::{Progress, Underway, append_log, keep_boot, keep_handle, keep_verified, progress};
pub use simulated::{Simulated, SimulatedServer, SimulatedSize, apply_simulated, simulated, simulated_uptime};
pub use simulated_network::SimulatedNetwork;
pub use stepped::{are_stranded, pull_forward};
pub use waiting::{WaitingFor, waited_for};

pub(crate) use claim::can_be_done;
pub(crate) use enqueue::{NewTask, close_manual, enqueue, enqueue_in_bounds, note, untaken, waiting};
pub(crate) use moves::{EndedMoves, come_after, moves_that_ended_with, on_their_way, wait_for_removal, waiting_for};
pub(crate) use nothing::{Waiting, cancel_waiting, gone};
pub(crate) use secret::{manual_with_secret, open as open_secret, tell};
pub(crate) use undo::Undo;
