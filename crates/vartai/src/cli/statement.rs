//! `vartai statement`

use std::{fs, path::PathBuf};

use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde_json::{Value, json};
use statements::{PublicKeys, Verdict, verify};
use store::statements::{self as sealed, Period};

use super::report::Report;
use crate::{failure::Failure, installation::Installation};

/// What to do with statements.
#[derive(Debug, Subcommand)]
pub enum StatementCommand {
    /// Write a customer's statement to stdout: each entry of its wallets, sealed, chained and signed
    Export {
        /// The customer
        login: String,
        /// From this day on
        #[arg(long, value_name = "YYYY-MM-DD")]
        from: Option<Date>,
        /// To this day
        #[arg(long, value_name = "YYYY-MM-DD")]
        to: Option<Date>,
    },
    /// Verify a statement, without this or any installation; exit code 1 and what is wrong where it isn't right
    Verify(VerifyArguments),
    /// Show what statements are verified with, for publishing: a line `NUMBER BASE64` a key
    Key {
        /// Make a new key, which signs from now on; what was signed stays good
        #[arg(long)]
        rotate: bool,
    },
}

/// Arguments of `vartai statement verify`.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// The statement
    file: PathBuf,
    /// The company's keys, as `vartai statement key` shows them; without them those in the statement, which are then told
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

/// Does it.
pub async fn run(command: StatementCommand, installation: &Installation) -> Result<Report, Failure> {
    let live = &installation.database.live;
    match command {
        StatementCommand::Export { login, from, to } => export(&login, Period { from, to }, installation).await,
        StatementCommand::Verify(arguments) => verified(&arguments),
        StatementCommand::Key { rotate } => {
            let keys = async |tx: &mut store::Tx| {
                if rotate {
                    sealed::rotate(tx).await?;
                }
                sealed::published(tx).await
            };
            let keys = live.transaction("statement keys", keys).await?;
            let json: Vec<Value> =
                keys.0.iter().map(|(id, key)| json!({ "id": id, "public": key.to_string() })).collect();
            Ok(Report::new(keys.to_string(), json.into()))
        }
    }
}

/// What nobody has sealed yet is sealed here, so that a statement goes as far as its writing.
async fn export(login: &str, period: Period, installation: &Installation) -> Result<Report, Failure> {
    let live = &installation.database.live;
    let of = installation.customer(login).await?;
    sealed::seal_all(live, Some(of.customer())).await?;
    let text = live.transaction("export statement", async |tx| sealed::export(tx, &of, period).await).await?;
    let Verdict { findings, entries, .. } = verify(&text, None).map_err(Failure::failed)?;
    let report = Report::new(text.clone(), json!({ "customer": login, "entries": entries, "statement": text }));
    Ok(match findings.first() {
        None => report,
        Some(first) => report.with_problem(format!("the ledger is not what was sealed: {first}")),
    })
}

/// Verifies a statement.
///
/// # Errors
/// It can't be read, or is none.
pub fn verified(arguments: &VerifyArguments) -> Result<Report, Failure> {
    let read = |path: &PathBuf| {
        fs::read_to_string(path).map_err(|error| Failure::failed(format!("{} can't be read: {error}", path.display())))
    };
    let trusted = match &arguments.keys {
        Some(path) => {
            let keys = PublicKeys::parse(&read(path)?);
            Some(keys.map_err(|why| Failure::failed(format!("{}: {why}", path.display())))?)
        }
        None => None,
    };
    let verdict = verify(&read(&arguments.file)?, trusted.as_ref()).map_err(Failure::failed)?;
    let Verdict { head, entries, keys, findings } = &verdict;
    let found: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let entry = finding.entry.as_ref().map(|(wallet, number)| json!({ "wallet": wallet, "number": number }));
            json!({ "line": finding.line, "entry": entry, "what": finding.what })
        })
        .collect();
    let json = json!({
        "ok": findings.is_empty(),
        "customer": head.login,
        "entries": entries,
        "keys_given": trusted.is_some(),
        "keys": keys.0.iter().map(|(id, key)| json!({ "id": id, "public": key.to_string() })).collect::<Vec<_>>(),
        "findings": found,
    });
    if !findings.is_empty() {
        let text: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
        let problem = format!("{} things are wrong with this statement", findings.len());
        return Ok(Report::new(text, json).with_problem(problem));
    }
    let text = format!("the statement of {} is right: {entries} entries in {}\n", head.login, head.currency);
    let report = Report::new(text, json);
    Ok(match trusted {
        Some(_) => report,
        None => report.with_note(&format!(
            "it was verified with the keys that it brings along; compare them with those that {} publishes:\n{keys}",
            head.company
        )),
    })
}
