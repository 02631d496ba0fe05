//! `vartai apiuser`: the special users of the account and server API (CONTRACT 2.1).

use clap::Subcommand;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use store::customers;

use super::{
    report::{Report, listing, table},
    secret::PasswordSource,
};
use crate::{
    failure::Failure,
    installation::{Installation, TEST_ACCESS, password_hash},
};

/// What to do with a customer's API users.
#[derive(Debug, Subcommand)]
pub enum ApiuserCommand {
    /// Add an API user; it may call /json.php, and nothing else
    Add {
        /// The customer
        login: String,
        /// What the field nick is compared with
        nick: String,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// List the API users
    List {
        /// The customer
        login: String,
    },
    /// Close the API to a user, at once
    Disable {
        /// The customer
        login: String,
        /// The user
        nick: String,
    },
    /// Open the API to a user again
    Enable {
        /// The customer
        login: String,
        /// The user
        nick: String,
    },
}

/// Does it.
pub async fn run(command: ApiuserCommand, installation: &Installation) -> Result<Report, Failure> {
    match command {
        ApiuserCommand::Add { login, nick, password } => add(&login, &nick, password, installation).await,
        ApiuserCommand::List { login } => list(&login, installation).await,
        ApiuserCommand::Disable { login, nick } => set_inactive(&login, &nick, true, installation).await,
        ApiuserCommand::Enable { login, nick } => set_inactive(&login, &nick, false, installation).await,
    }
}

async fn add(login: &str, nick: &str, source: PasswordSource, installation: &Installation) -> Result<Report, Failure> {
    if nick == TEST_ACCESS {
        return Err(Failure::failed(format!("the nick {TEST_ACCESS} is reserved for test access")));
    }
    let of = installation.customer(login).await?.customer();
    let password = source.get().await?;
    let hash = password_hash(password.password.clone()).await?;
    let adding = async |tx: &mut store::Tx| customers::add_sub_user(tx, of, nick, customers::API, &hash).await;
    let id = installation.database.live.transaction("add API user", adding).await?;
    let mut told = vec![("id", id.to_string()), ("nick", nick.to_owned())];
    let mut json = json!({ "id": id, "login": login, "nick": nick });
    if password.made {
        let secret = password.password.expose_secret();
        told.push(("password", format!("{secret} (shown this once)")));
        if let Value::Object(fields) = &mut json {
            fields.insert("password".to_owned(), Value::from(secret));
        }
    }
    Ok(Report::new(listing(&told), json))
}

async fn list(login: &str, installation: &Installation) -> Result<Report, Failure> {
    let of = installation.customer(login).await?.customer();
    let all = installation.database.live.read(async |connection| customers::sub_users(connection, of).await).await?;
    let state = |inactive: bool| if inactive { "disabled" } else { "active" };
    let mut rows = Vec::with_capacity(all.len());
    let mut json = Vec::with_capacity(all.len());
    for user in &all {
        let (created, state) = (installation.moment(user.created_at), state(user.inactive));
        rows.push([user.id.to_string(), user.nick.clone(), user.description.clone(), state.to_owned(), created]);
        let created = user.created_at.to_string();
        json.push(json!({
            "id": user.id, "nick": user.nick, "description": user.description, "state": state, "created": created,
        }));
    }
    Ok(Report::new(table(["ID", "NICK", "DESCRIPTION", "STATE", "ADDED"], &rows, "no API users"), json.into()))
}

async fn set_inactive(login: &str, nick: &str, inactive: bool, installation: &Installation) -> Result<Report, Failure> {
    let of = installation.customer(login).await?.customer();
    let setting = async |tx: &mut store::Tx| customers::set_sub_user_inactive(tx, of, nick, inactive).await;
    installation.database.live.transaction("set API user", setting).await?;
    let state = if inactive { "disabled" } else { "active" };
    Ok(Report::new(format!("API user {nick} of {login} is {state}"), json!({ "nick": nick, "state": state })))
}
