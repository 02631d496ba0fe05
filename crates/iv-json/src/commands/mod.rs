//! The commands of `/json.php` (CONTRACT 2.2, 2.3), each declared once.

mod account;
mod count;
mod hosting;
mod servers;
mod version;

use crate::command::Command;

/// Every command, in the order of the reference page.
pub static COMMANDS: &[Command] = &[
    Command::Reads(&version::Version),
    Command::Reads(&account::AccountInfo),
    Command::Reads(&account::AccountOrders),
    Command::Reads(&account::AccountServices),
    Command::Reads(&account::ACCOUNT_CREDITS),
    Command::Reads(&account::ACCOUNT_BONUSES),
    Command::Reads(&servers::ServerInfo),
    Command::Reads(&servers::ServerTasks),
    Command::Reads(&servers::ServerGraphs),
    Command::Reads(&servers::ServerOs),
    Command::Writes(&servers::ServerReboot),
    Command::Writes(&servers::ServerRecreate),
    Command::Writes(&servers::ServerResetPassword),
    Command::Writes(&servers::ServerChange),
    Command::Writes(&servers::ServerDomain),
    Command::Writes(&servers::ServerPtr),
    Command::Writes(&servers::ServerFlushIptables),
    Command::Writes(&servers::ServerFirewall),
    Command::Writes(&servers::ServerMoveIp),
    Command::Reads(&hosting::HostingInfo),
];

/// The command of that name, which is case-sensitive.
#[must_use]
pub fn find(name: &str) -> Option<Command> {
    COMMANDS.iter().copied().find(|c| c.spec().name == name)
}
