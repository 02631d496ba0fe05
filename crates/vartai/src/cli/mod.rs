//! The command line (CONTRACT 3): one file a noun.

mod address;
mod allow;
mod apiuser;
mod backup;
mod balance;
mod billing;
mod catalogue;
mod clock;
mod customer;
mod database;
mod day;
mod demo;
mod doctor;
mod explain;
mod hook;
mod invoice;
mod key;
mod ledger;
mod migrate;
mod notice;
mod order;
mod payment;
mod profile;
mod rate;
mod realm;
mod report;
mod restore;
mod secret;
mod statement;
mod task;
pub mod usage;
mod webhook;

use std::{ffi::OsString, path::PathBuf};

use clap::{Parser, Subcommand};
use listenfd::ListenFd;

use self::report::Report;
use crate::{
    failure::Failure,
    installation::{self, Access, Creates, Installation, Migrations, Presence},
    serve::{self, ServeArguments, Start},
    settings::{SUPERVISE, Settings},
    signals::interruptible,
    telemetry::{Log, Verbosity},
    worker,
};

/// The provider side of a hosting company's billing gateway.
#[derive(Debug, Parser)]
#[command(name = "vartai", version, arg_required_else_help = true, after_help = AFTER_HELP)]
pub struct Arguments {
    /// The configuration; where none is named ./vartai.toml, else /etc/vartai/vartai.toml
    #[arg(long, global = true, value_name = "FILE", env = "VARTAI_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// Answer with one JSON document on stdout
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Every key of the configuration can be set in the environment, too, as VARTAI_SECTION__KEY: VARTAI_HTTP__BIND.
Errors are one line on stderr, with exit code 1, or 2 where the command line is wrong, or 3 where the books could not
be verified.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the HTTP surfaces until stopped
    Serve(ServeArguments),
    /// Run the provisioner and the scheduled jobs until stopped; on as many hosts as you like
    Worker,
    /// Bring the database's schema and roles up to date
    Migrate(migrate::MigrateArguments),
    /// Say what is wrong with this installation, and what to do about it
    Doctor,
    /// Back up the database: into one file, or as a base for restoring to any moment
    #[command(arg_required_else_help = true)]
    Backup(backup::BackupArguments),
    /// Make an installation out of a backup, or have it be what it was at a moment
    #[command(arg_required_else_help = true)]
    Restore(restore::RestoreArguments),
    /// The database itself, and which history of it counts
    #[command(subcommand, arg_required_else_help = true)]
    Database(database::DatabaseCommand),
    /// The demo's data
    #[command(subcommand, arg_required_else_help = true)]
    Demo(demo::DemoCommand),
    /// What is for sale: tariffs, periods, addons, images, nodes, exchange rates
    #[command(subcommand, arg_required_else_help = true)]
    Catalogue(catalogue::CatalogueCommand),
    /// Resellers and other customers
    #[command(subcommand, arg_required_else_help = true)]
    Customer(customer::CustomerCommand),
    /// Where customers may call from
    #[command(subcommand, arg_required_else_help = true)]
    Allow(allow::AllowCommand),
    /// Customers' API keys
    #[command(subcommand, arg_required_else_help = true)]
    Key(key::KeyCommand),
    /// The special users of the account and server API
    #[command(subcommand, arg_required_else_help = true)]
    Apiuser(apiuser::ApiuserCommand),
    /// Exchange rates by day
    #[command(subcommand, arg_required_else_help = true)]
    Rate(rate::RateCommand),
    /// Customers' money
    #[command(subcommand, arg_required_else_help = true)]
    Balance(balance::BalanceCommand),
    /// Payments that have a reference: what the bank or the payment provider calls them
    #[command(subcommand, arg_required_else_help = true)]
    Payment(payment::PaymentCommand),
    /// Invoices
    #[command(arg_required_else_help = true)]
    Invoice(invoice::InvoiceArguments),
    /// Orders
    #[command(arg_required_else_help = true)]
    Order(order::OrderArguments),
    /// Addresses: pools, and who holds what
    #[command(arg_required_else_help = true)]
    Address(address::AddressArguments),
    /// What the provisioner has to do, does and did
    #[command(arg_required_else_help = true)]
    Task(task::TaskArguments),
    /// The billing run: renewals, proformas, suspensions and ends of orders that nobody calls about
    #[command(arg_required_else_help = true)]
    Billing(billing::BillingArguments),
    /// The realm's clock: a test realm's can be moved ahead
    #[command(arg_required_else_help = true)]
    Clock(clock::ClockArguments),
    /// The books
    #[command(subcommand, arg_required_else_help = true)]
    Ledger(ledger::LedgerCommand),
    /// Statements that customers can verify by themselves
    #[command(subcommand, arg_required_else_help = true)]
    Statement(statement::StatementCommand),
    /// What customers and staff are told: by e-mail, and by webhooks
    #[command(arg_required_else_help = true)]
    Notice(notice::NoticeArguments),
    /// Programs of the company's own that drive its machines
    #[command(subcommand, arg_required_else_help = true)]
    Hook(hook::HookCommand),
    /// Run one hook, for the worker that starts this
    #[command(name = SUPERVISE, hide = true)]
    Supervise {
        /// As the worker writes it
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

impl Arguments {
    /// What a hook's supervisor is told, if this is one.
    pub fn of_supervisor(&self) -> Option<Vec<OsString>> {
        match &self.command {
            Command::Supervise { arguments } => Some(arguments.clone()),
            _ => None,
        }
    }
}

impl Command {
    /// What each subcommand may do to the installation. Those that aren't named need one that is there.
    fn access(&self) -> Access {
        match self {
            Self::Serve(_) => Access { creates: Creates::May, presence: Presence::Serves },
            Self::Worker => Access { creates: Creates::MustExist, presence: Presence::Serves },
            Self::Migrate(_) | Self::Restore(_) | Self::Demo(demo::DemoCommand::Load(_)) => {
                Access { creates: Creates::May, presence: Presence::Visits }
            }
            _ => Access { creates: Creates::MustExist, presence: Presence::Visits },
        }
    }
}

/// Does what the command line says.
///
/// # Errors
/// Why not.
pub async fn run(arguments: Arguments, log: &Log, sockets: ListenFd) -> Result<(), Failure> {
    let settings = Settings::load(arguments.config.as_deref(), std::env::vars_os())?;
    let verbosity = match arguments.command {
        Command::Serve(_) | Command::Worker => Verbosity::Service,
        _ => Verbosity::Command,
    };
    let lost_lines = log.start(&settings.log, verbosity)?;
    let access = arguments.command.access();
    let report = match arguments.command {
        Command::Serve(with) => return serve::run(settings, access, with, Start { sockets, lost_lines }).await,
        Command::Worker => return worker::run(settings, access).await,
        Command::Migrate(with) => migrate::run(with, settings, access).await,
        Command::Doctor => doctor::run(settings, access).await,
        Command::Backup(arguments) => backup::run(arguments, settings, access).await,
        Command::Restore(arguments) => restore::run(arguments, settings, access).await,
        Command::Database(command) => database::run(command, settings, access).await,
        Command::Hook(command) => hook::run(command, &settings).await,
        // Without an installation: its customers verify.
        Command::Statement(statement::StatementCommand::Verify(arguments)) => statement::verified(&arguments),
        staff => {
            installation::with(settings, access, Migrations::Expect, async |opened| {
                interruptible(of_staff(staff, &opened)).await
            })
            .await
        }
    };
    report?.tell(arguments.json)
}

/// The subcommands that need nothing but the installation.
async fn of_staff(command: Command, installation: &Installation) -> Result<Report, Failure> {
    match command {
        Command::Demo(command) => demo::run(command, installation).await,
        Command::Catalogue(command) => catalogue::run(command, installation).await,
        Command::Customer(command) => customer::run(command, installation).await,
        Command::Allow(command) => allow::run(command, installation).await,
        Command::Key(command) => key::run(command, installation).await,
        Command::Apiuser(command) => apiuser::run(command, installation).await,
        Command::Rate(command) => rate::run(command, installation).await,
        Command::Balance(command) => balance::run(command, installation).await,
        Command::Payment(command) => payment::run(command, installation).await,
        Command::Invoice(arguments) => invoice::run(arguments, installation).await,
        Command::Order(arguments) => order::run(arguments, installation).await,
        Command::Address(arguments) => address::run(arguments, installation).await,
        Command::Task(arguments) => task::run(arguments, installation).await,
        Command::Billing(arguments) => billing::run(arguments, installation).await,
        Command::Clock(arguments) => clock::run(arguments, installation).await,
        Command::Ledger(command) => ledger::run(command, installation).await,
        Command::Statement(command) => statement::run(command, installation).await,
        Command::Notice(arguments) => notice::run(arguments, installation).await,
        Command::Serve(_)
        | Command::Worker
        | Command::Migrate(_)
        | Command::Doctor
        | Command::Backup(_)
        | Command::Restore(_)
        | Command::Database(_)
        | Command::Hook(_)
        | Command::Supervise { .. } => Err(Failure::failed("this subcommand opens the installation by itself")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    #[test]
    fn the_command_line_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_argument_and_subcommand_says_what_it_is() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments().filter(|a| !a.is_hide_set()) {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Arguments::command());
    }
}
