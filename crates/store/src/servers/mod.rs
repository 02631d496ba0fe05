//! Services as the account and server API sees them (CONTRACT 2.2, 2.3): what they are, and what is asked of servers.

mod addresses;
mod change;
mod firewall;
mod manage;
mod services;
mod tasks;

pub use addresses::{move_address, set_ptr};
pub(crate) use change::write_server;
pub use change::{ChangeFailure, Changed, change};
pub(crate) use firewall::Limits;
pub use firewall::{firewall_of, limits_in_force, set_firewall};
pub use manage::{Recreate, ServerFailure, flush_filter, reboot, recreate, rename, reset_password};
pub use services::{ServerTitle, Service, service, services, title};
pub use tasks::{ServerTask, ServerTaskFilter, server_tasks};
