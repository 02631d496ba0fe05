//! The billing run against a real database: what becomes of orders when nobody calls.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of tests fail as tests do"
)]

mod bed;
mod interlock;
mod kills;
mod life;
mod model;
mod reminders;
mod years;
