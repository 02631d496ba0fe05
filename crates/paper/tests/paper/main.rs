//! Documents as people get them.

#![expect(clippy::expect_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

mod check;
mod page;
mod pdf;
mod sample;
