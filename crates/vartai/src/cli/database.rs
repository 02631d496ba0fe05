//! `vartai database`: the database itself, and which history of it counts.

use clap::{Args, Subcommand};
use serde_json::json;
use store::db::{Connector, HostReport, HostState, Witness};
use tokio::runtime::Handle;

use super::report::Report;
use crate::{
    failure::Failure,
    installation::{Access, as_owner, at_database},
    settings::Settings,
    signals::interruptible,
};

/// Subcommands of `vartai database`.
#[derive(Debug, Subcommand)]
pub enum DatabaseCommand {
    /// Use the database as it is, though it lacks something that was acknowledged, or is another one than before
    Accept(AcceptArguments),
}

/// Arguments of `vartai database accept`.
#[derive(Debug, Args)]
pub struct AcceptArguments {
    /// Do it: what is not in this database is given up for lost
    #[arg(long)]
    yes: bool,
}

/// Does what a subcommand says.
///
/// # Errors
/// Why not.
pub async fn run(command: DatabaseCommand, settings: Settings, access: Access) -> Result<Report, Failure> {
    let DatabaseCommand::Accept(arguments) = command;
    at_database(&settings, access, async |owner| {
        let connect = as_owner(&settings, owner, access.presence);
        let connector = Connector::new(&connect, None, "pg_temp", Handle::current());
        let hosts = interruptible(async { Ok(connector.hosts().await) }).await?;
        let primary = hosts.iter().find(|host| matches!(host.found, Ok(HostState::Primary)));
        let HostReport { name, .. } = primary.ok_or_else(|| no_primary(&hosts))?;
        if !arguments.yes {
            return Err(Failure::failed(format!(
                "from now on {name} would be used as it is, and what was acknowledged and is not in it would be lost: \
                 look for the server that has it, and compare the newest orders with the hypervisors; if it is to be so, \
                 `vartai database accept --yes`"
            )));
        }
        Witness::accept(&settings.witness_file())?;
        let text = format!("{name} is used as it is; what serves on this machine goes on within seconds\n");
        Ok(Report::new(text, json!({ "accepted": name })))
    })
    .await
}

fn no_primary(hosts: &[HostReport]) -> Failure {
    let each = hosts.iter().map(|host| match &host.found {
        Ok(_) => format!("{} is a standby", host.name),
        Err(why) => format!("{}: {why}", host.name),
    });
    Failure::failed(format!("no server takes writes: {}", each.collect::<Vec<_>>().join("; ")))
}
