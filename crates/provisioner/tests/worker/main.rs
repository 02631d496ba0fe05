//! The worker against a real database and the simulated hypervisor.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

mod away;
mod bed;
mod clock;
mod crashes;
mod ends;
mod full_disk;
mod hooks;
mod jobs;
mod orders;
mod poison;
mod queue;
mod realms;
mod restarts;
mod wakes;
