//! The commands of `/apih.php` (CONTRACT 1.5), each declared once.

mod balance;
mod clock;
pub mod orders;
mod tariffs;

use crate::command::Command;

/// Every command, in the order of the reference page.
pub static COMMANDS: &[Command] = &[
    Command::Writes(&orders::CreateOrder),
    Command::Writes(&orders::RenewOrder),
    Command::Writes(&orders::SUSPEND_ORDER),
    Command::Writes(&orders::UNSUSPEND_ORDER),
    Command::Reads(&tariffs::GetTarifs),
    Command::Writes(&orders::RESTART_ORDER),
    Command::Writes(&orders::REINSTALL_ORDER),
    Command::Reads(&orders::GetOrders),
    Command::Reads(&balance::GetBalance),
    Command::Writes(&clock::AdvanceClock),
];

/// The command of that name, which is case-sensitive.
#[must_use]
pub fn find(name: &str) -> Option<Command> {
    COMMANDS.iter().copied().find(|c| c.spec().name == name)
}
