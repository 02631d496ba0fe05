//! `vartai payment`

use clap::Subcommand;
use domain::billing::PaymentReference;
use serde_json::{Value, json};
use store::payments::{self, PaymentRow};

use super::report::{Report, listing, table};
use crate::{failure::Failure, installation::Installation};

/// What to look at of payments with a reference.
#[derive(Debug, Subcommand)]
pub enum PaymentCommand {
    /// List payments in and out that have a reference, newest first
    List {
        /// Of this customer only
        login: Option<String>,
        /// So many at the most
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
        limit: i64,
    },
    /// Show a payment
    Show {
        /// What the bank calls it
        reference: PaymentReference,
    },
}

/// Does it.
pub async fn run(command: PaymentCommand, installation: &Installation) -> Result<Report, Failure> {
    match command {
        PaymentCommand::List { login, limit } => list(login.as_deref(), limit, installation).await,
        PaymentCommand::Show { reference } => show(&reference, installation).await,
    }
}

async fn list(login: Option<&str>, limit: i64, installation: &Installation) -> Result<Report, Failure> {
    let of = match login {
        Some(login) => Some(installation.customer(login).await?.customer()),
        None => None,
    };
    let live = &installation.database.live;
    let all = live.read(async |connection| payments::list(connection, of, limit).await).await?;
    let mut rows = Vec::with_capacity(all.len());
    for of in &all {
        rows.push([
            installation.moment(of.at),
            of.reference.clone(),
            of.login.clone(),
            of.kind.clone(),
            of.money()?.to_string(),
            of.currency.clone(),
            of.invoice.map(|id| id.to_string()).unwrap_or_default(),
            of.note.clone(),
        ]);
    }
    let head = ["AT", "REFERENCE", "CUSTOMER", "KIND", "AMOUNT", "CURRENCY", "INVOICE", "NOTE"];
    let json = all.iter().map(json_of).collect::<Result<Value, Failure>>()?;
    Ok(Report::new(table(head, &rows, "no payments"), json))
}

async fn show(reference: &PaymentReference, installation: &Installation) -> Result<Report, Failure> {
    let live = &installation.database.live;
    let of = live.read(async |connection| payments::show(connection, reference).await).await?;
    let text = listing(&[
        ("reference", of.reference.clone()),
        ("customer", of.login.clone()),
        ("kind", of.kind.clone()),
        ("amount", format!("{} {}", of.money()?, of.currency)),
        ("for invoice", of.invoice.map(|id| id.to_string()).unwrap_or_default()),
        ("recorded", installation.moment(of.at)),
        ("journal", of.journal.map(|id| id.to_string()).unwrap_or_default()),
        ("note", of.note.clone()),
    ]);
    Ok(Report::new(text, json_of(&of)?))
}

fn json_of(of: &PaymentRow) -> Result<Value, Failure> {
    Ok(json!({
        "reference": of.reference, "login": of.login, "kind": of.kind, "amount": of.money()?.to_string(),
        "currency": of.currency, "invoice": of.invoice, "at": of.at.to_string(), "journal": of.journal,
        "note": of.note,
    }))
}
