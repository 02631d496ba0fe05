//! `vartai notice`

use clap::{Args, Subcommand};
use domain::language::Language;
use letters::{Reader, letter};
use serde_json::{Value, json};
use store::{
    Realm,
    customers::{self, CustomerRow},
    notices::{self, NoticeFilter, NoticeRow},
};

use super::{
    realm::AnyRealm,
    report::{Report, listing, table},
};
use crate::{failure::Failure, installation::Installation};

/// Arguments of `vartai notice`.
#[derive(Debug, Args)]
pub struct NoticeArguments {
    #[command(flatten)]
    realm: AnyRealm,
    #[command(subcommand)]
    command: NoticeCommand,
}

/// What to do with notices.
#[derive(Debug, Subcommand)]
enum NoticeCommand {
    /// List notices, the newest first
    List {
        /// Of a customer
        #[arg(long, value_name = "LOGIN")]
        customer: Option<String>,
        /// Those that were given up
        #[arg(long, conflicts_with = "state")]
        failed: bool,
        /// In a state
        #[arg(long, value_parser = ["waiting", "sent", "skipped", "failed"])]
        state: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
        limit: i64,
    },
    /// Show a notice, and the letter that it makes
    Show {
        /// Its number
        id: i64,
    },
    /// Have a notice that failed or was skipped sent now
    Retry {
        /// Its number
        #[arg(required_unless_present = "all")]
        id: Option<i64>,
        /// All that failed
        #[arg(long, conflicts_with = "id")]
        all: bool,
    },
}

/// Does it.
pub async fn run(arguments: NoticeArguments, installation: &Installation) -> Result<Report, Failure> {
    let realm = arguments.realm.open(installation).await?;
    match arguments.command {
        NoticeCommand::List { customer, failed, state, limit } => {
            let state = if failed { Some("failed".to_owned()) } else { state };
            list(installation, &realm, customer.as_deref(), state.as_deref(), limit).await
        }
        NoticeCommand::Show { id } => show(installation, &realm, id).await,
        NoticeCommand::Retry { id, .. } => {
            let retry = async |tx: &mut store::Tx| notices::retry(tx, id).await;
            let again = realm.transaction("retry notices", retry).await?;
            Ok(Report::new(format!("{again} notices are sent now, if there is a worker"), json!({ "retried": again })))
        }
    }
}

async fn list(
    installation: &Installation,
    realm: &Realm,
    login: Option<&str>,
    state: Option<&str>,
    most: i64,
) -> Result<Report, Failure> {
    let rows = realm.read(async |connection| {
        let customer = match login {
            Some(login) => Some(customers::by_login(connection, login).await?.customer()),
            None => None,
        };
        notices::list(connection, &NoticeFilter { customer, state, most }).await
    });
    let rows = rows.await?;
    let cells: Vec<[String; 8]> = rows
        .iter()
        .map(|row| {
            [
                row.id.to_string(),
                installation.moment(row.at),
                row.login.clone(),
                row.event.clone(),
                row.channel.clone(),
                row.state.clone(),
                row.attempt.to_string(),
                row.detail.clone(),
            ]
        })
        .collect();
    let head = ["ID", "AT", "CUSTOMER", "EVENT", "BY", "STATE", "TRIES", "LAST"];
    Ok(Report::new(table(head, &cells, "no notices"), rows.iter().map(json_of).collect()))
}

async fn show(installation: &Installation, realm: &Realm, id: i64) -> Result<Report, Failure> {
    let (row, customer, profile) = realm
        .read(async |connection| {
            let row = notices::show(connection, id).await?;
            let customer = customers::by_login(connection, &row.login).await?;
            let profile = customers::profile(connection, customer.customer()).await?;
            Ok::<_, store::Error>((row, customer, profile))
        })
        .await?;
    let mut json = json_of(&row);
    let mut text = listing(&[
        ("id", row.id.to_string()),
        ("event", row.event.clone()),
        ("at", installation.moment(row.at)),
        ("customer", row.login.clone()),
        ("by", row.channel.clone()),
        ("state", row.state.clone()),
        ("tries", row.attempt.to_string()),
        ("next", if row.state == "waiting" { installation.moment(row.due_at) } else { String::new() }),
        ("last", row.detail.clone()),
    ]);
    let name = profile.company.or(profile.name);
    if let Some((subject, body)) = written(installation, &row, &customer, name.as_deref())
        && row.channel == "mail"
    {
        text.push_str(&format!("\n{subject}\n\n{body}"));
        if let Some(fields) = json.as_object_mut() {
            fields.insert("subject".to_owned(), json!(subject));
            fields.insert("text".to_owned(), json!(body));
        }
    }
    Ok(Report::new(text, json))
}

/// The letter, without the tariff's name: as it would be written now.
fn written(
    installation: &Installation,
    row: &NoticeRow,
    customer: &CustomerRow,
    name: Option<&str>,
) -> Option<(String, String)> {
    let news = serde_json::from_value(json!({ "event": row.event, "facts": row.facts })).ok()?;
    let (company, language) = (installation.settings.company.seller(), customer.language.parse::<Language>().ok()?);
    let reader = Reader { login: &customer.login, name, language, tariff: None, company: &company };
    letter(&news, &reader).ok().map(|letter| (letter.subject, letter.text))
}

fn json_of(row: &NoticeRow) -> Value {
    json!({
        "id": row.id,
        "uid": row.uid.to_string(),
        "event": row.event,
        "key": row.key,
        "channel": row.channel,
        "customer": row.login,
        "facts": row.facts,
        "at": row.at.to_string(),
        "state": row.state,
        "attempt": row.attempt,
        "due": row.due_at.to_string(),
        "detail": row.detail,
    })
}
