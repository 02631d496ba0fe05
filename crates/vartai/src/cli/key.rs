//! `vartai key`

use clap::Subcommand;
use gateway_http::auth::keys;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use store::customers;

use super::report::{Report, listing, or_null, table};
use crate::{failure::Failure, installation::Installation};

/// What to do with a customer's API keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a new key; it is printed this once and kept nowhere
    Issue {
        /// The customer
        login: String,
    },
    /// List the keys, without what they are
    List {
        /// The customer
        login: String,
    },
    /// Revoke a key, at once
    Revoke {
        /// The customer
        login: String,
        /// The key's id, as `vartai key list` shows it
        id: i64,
    },
}

/// Does it.
pub async fn run(command: KeyCommand, installation: &Installation) -> Result<Report, Failure> {
    match command {
        KeyCommand::Issue { login } => issue(&login, installation).await,
        KeyCommand::List { login } => list(&login, installation).await,
        KeyCommand::Revoke { login, id } => {
            let of = installation.customer(&login).await?.customer();
            let live = &installation.database.live;
            live.transaction("revoke key", async |tx| customers::revoke_key(tx, of, id).await).await?;
            Ok(Report::new(format!("key {id} of {login} is revoked"), json!({ "id": id, "login": login })))
        }
    }
}

async fn issue(login: &str, installation: &Installation) -> Result<Report, Failure> {
    let of = installation.customer(login).await?.customer();
    let key = keys::issue().map_err(|error| Failure::failed(format!("no randomness: {error}")))?;
    let keeping = async |tx: &mut store::Tx| customers::issue_key(tx, of, &key.digest, &key.hint).await;
    let id = installation.database.live.transaction("issue key", keeping).await?;
    let secret = key.key.expose_secret();
    let text = listing(&[("id", id.to_string()), ("key", format!("{secret} (shown this once)"))]);
    Ok(Report::new(text, json!({ "id": id, "login": login, "key": secret, "hint": key.hint })))
}

async fn list(login: &str, installation: &Installation) -> Result<Report, Failure> {
    let of = installation.customer(login).await?.customer();
    let all = installation.database.live.read(async |connection| customers::keys(connection, of).await).await?;
    let rows: Vec<[String; 4]> = all
        .iter()
        .map(|key| {
            let revoked = key.revoked_at.map(|at| installation.moment(at)).unwrap_or_default();
            [key.id.to_string(), format!("{}…", key.hint), installation.moment(key.created_at), revoked]
        })
        .collect();
    let json: Vec<Value> = all
        .iter()
        .map(|key| {
            let (created, revoked) = (key.created_at.to_string(), or_null(key.revoked_at));
            json!({ "id": key.id, "hint": key.hint, "created": created, "revoked": revoked })
        })
        .collect();
    Ok(Report::new(table(["ID", "KEY", "ISSUED", "REVOKED"], &rows, "no keys"), json.into()))
}
