//! The drivers: what all of them have in common, and what only one can get wrong.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

mod away;
mod bed;
mod conformance;
mod exec;
mod hook_service;
mod http;
mod lint;
mod made;
mod proxmox;
mod pve;
mod tls;
mod tls_server;
