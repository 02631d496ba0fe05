//! Services as the account and server API sees them (CONTRACT 2.2, 2.3): what they are, and what is asked of servers.

mod change;
mod manage;
mod services;
mod tasks;

pub use change::{ChangeFailure, Changed, change};
pub use manage::{Recreate, ServerFailure, reboot, recreate, rename, reset_password};
pub use services::{ServerTitle, Service, service, services, title};
pub use tasks::{ServerTask, ServerTaskFilter, server_tasks};
