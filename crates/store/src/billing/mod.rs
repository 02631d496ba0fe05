//! The billing run in the database. A worker begins a round, attends to one order after the other, each in a
//! transaction of its own, and ends the round. Whatever dies in between, the next round does what is left: what is due
//! of an order is decided from its row while that is held, so nothing is done twice.

mod attend;
mod due;
mod facts;
mod hold;
mod round;
mod standing;

pub use attend::attend;
pub use due::{PAGE, candidates, due_orders};
pub use hold::{Day, ReleaseRow, Status, hold, release, status};
pub use round::{Begun, Round, Tally, begin, end, last_day, leave, progress, reminded};
