//! Notices on their way out: to a real mail server, into files, and to customers' services.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the helpers of tests fail as tests do"
)]

mod bed;
mod files;
mod lanes;
mod mail_server;
mod service;
mod smtp;
mod smtp_tls;
mod webhooks;
