//! `vartai allow`

use clap::Subcommand;
use ipnetwork::IpNetwork;
use serde_json::json;
use store::customers;

use super::report::{Report, table};
use crate::{failure::Failure, installation::Installation};

/// What to do with a customer's list of networks.
#[derive(Debug, Subcommand)]
pub enum AllowCommand {
    /// Let the customer call from a network; once there is one, from nowhere else
    Add(Entry),
    /// Take a network off the list; an empty list lets the customer call from anywhere
    Remove(Entry),
    /// List the networks
    List {
        /// The customer
        login: String,
    },
}

/// A customer and a network.
#[derive(Debug, clap::Args)]
pub struct Entry {
    /// The customer
    login: String,
    /// The network, such as 203.0.113.0/24 or 2001:db8::/32; an address alone is that address only
    #[arg(value_name = "CIDR", value_parser = network)]
    network: IpNetwork,
}

/// A network; bits beyond its prefix are a mistake that could let in less or more than was meant.
fn network(text: &str) -> Result<IpNetwork, String> {
    let network: IpNetwork = text.parse().map_err(|_| "not a network: write 203.0.113.0/24".to_owned())?;
    if network.ip() == network.network() {
        return Ok(network);
    }
    Err(format!("{text} has bits beyond its prefix: write {}/{}", network.network(), network.prefix()))
}

/// Does it.
pub async fn run(command: AllowCommand, installation: &Installation) -> Result<Report, Failure> {
    let live = &installation.database.live;
    let (AllowCommand::Add(Entry { login, .. })
    | AllowCommand::Remove(Entry { login, .. })
    | AllowCommand::List { login }) = &command;
    let customer = installation.customer(login).await?.customer();
    match &command {
        AllowCommand::Add(Entry { network, .. }) => {
            live.transaction("allow network", async |tx| customers::allow(tx, customer, *network).await).await?;
        }
        AllowCommand::Remove(Entry { network, .. }) => {
            live.transaction("disallow network", async |tx| customers::disallow(tx, customer, *network).await).await?;
        }
        AllowCommand::List { .. } => {}
    }
    let networks = live.read(async |connection| customers::allowed(connection, customer).await).await?;
    let rows: Vec<[String; 1]> = networks.iter().map(|network| [network.to_string()]).collect();
    let text = table(["NETWORK"], &rows, "no networks are listed: the customer may call from anywhere");
    let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
    Ok(Report::new(text, json!({ "login": login, "networks": networks })))
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn networks_have_no_bits_beyond_their_prefix() {
        assert_eq!(network("203.0.113.0/24").unwrap().to_string(), "203.0.113.0/24");
        assert_eq!(network("203.0.113.7").unwrap().to_string(), "203.0.113.7/32");
        assert!(network("203.0.113.7/24").unwrap_err().contains("203.0.113.0/24"));
        assert!(network("203.0.113").is_err());
    }
}
