//! `vartai invoice`

mod credit;
mod show;

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use domain::{
    billing::{InvoiceId, PaymentReference},
    customers::CustomerId,
    money::{Currency, Money, Percent},
};
use serde_json::{Value, json};
use store::{
    RealmKind, customers,
    invoices::{self, CreditNoteRow, InvoiceRow, PaidFrom, Refund},
    payments::{self, Incoming, Received},
};

use super::{
    explain,
    realm::RealmOption,
    report::{Report, or_null, table},
};
use crate::{failure::Failure, installation::Installation};

/// Arguments of `vartai invoice`.
#[derive(Debug, Args)]
pub struct InvoiceArguments {
    #[command(flatten)]
    realm: RealmOption,
    #[command(subcommand)]
    command: InvoiceCommand,
}

/// What to do with invoices.
#[derive(Debug, Subcommand)]
enum InvoiceCommand {
    /// List invoices, by id
    List {
        /// Of this customer only
        login: Option<String>,
    },
    /// Show an invoice with its lines
    Show {
        /// The invoice
        id: i64,
    },
    /// Explain an invoice's figures step by step
    Explain {
        /// The invoice
        id: i64,
    },
    /// Money came for exactly this invoice: deposit it and pay the invoice, at once
    Pay {
        /// The invoice
        id: i64,
        /// Pay it from the customer's balance instead
        #[arg(long, conflicts_with_all = ["amount", "reference"])]
        from_balance: bool,
        /// How much came; the invoice's total otherwise. What is too much is left as credit; less than the total pays it
        /// once it is enough with what the customer has
        #[arg(long)]
        amount: Option<String>,
        /// What the bank calls it: it is recorded once, however often it is told
        #[arg(long)]
        reference: Option<PaymentReference>,
        /// Why, for the statement
        #[arg(long, default_value = "", hide_default_value = true)]
        note: String,
    },
    /// Credit a paid invoice, wholly or in part, and give the money back; the same again changes nothing
    Credit {
        /// The invoice
        id: i64,
        /// How much, with VAT; all that is left of it otherwise
        #[arg(long)]
        amount: Option<String>,
        /// The money was paid back outside already: only what a bonus had paid is given back
        #[arg(long)]
        no_refund: bool,
        /// Why: it stands on the credit note. An invoice is credited once for each reason
        #[arg(long)]
        note: String,
    },
    /// Cancel an unpaid invoice; an order that waits for it ends
    Cancel {
        /// The invoice
        id: i64,
    },
}

/// Does it.
pub async fn run(arguments: InvoiceArguments, installation: &Installation) -> Result<Report, Failure> {
    let kind = arguments.realm.kind();
    match arguments.command {
        InvoiceCommand::List { login } => list(kind, login.as_deref(), installation).await,
        InvoiceCommand::Show { id } => show::run(kind, id, installation).await,
        InvoiceCommand::Explain { id } => explain::invoice(kind, id, installation).await,
        InvoiceCommand::Pay { id, amount, reference, note, .. } if amount.is_some() || reference.is_some() => {
            receive(kind, id, amount.as_deref(), reference.as_ref(), &note, installation).await
        }
        InvoiceCommand::Pay { id, from_balance, note, .. } => {
            let from = if from_balance { PaidFrom::Balance } else { PaidFrom::Outside };
            let paying = async |tx: &mut store::Tx| invoices::pay(tx, InvoiceId(id), from, &note).await;
            installation.realm(kind).transaction("pay invoice", paying).await?;
            show::run(kind, id, installation).await
        }
        InvoiceCommand::Credit { id, amount, no_refund, note } => {
            let refund = if no_refund { Refund::Outside } else { Refund::Wallets };
            credit::run(kind, id, amount.as_deref(), refund, &note, installation).await
        }
        InvoiceCommand::Cancel { id } => {
            let cancelling = async |tx: &mut store::Tx| invoices::cancel(tx, InvoiceId(id)).await;
            installation.realm(kind).transaction("cancel invoice", cancelling).await?;
            show::run(kind, id, installation).await
        }
    }
}

/// Records what came for an invoice, under its name.
async fn receive(
    kind: RealmKind,
    id: i64,
    amount: Option<&str>,
    reference: Option<&PaymentReference>,
    note: &str,
    installation: &Installation,
) -> Result<Report, Failure> {
    let (realm, invoice) = (installation.realm(kind), InvoiceId(id));
    let of = realm.read(async |connection| invoices::show(connection, invoice).await).await?;
    let total = of.total()?;
    let amount = amount.map(|amount| Money::parse(amount, total.currency())).transpose().map_err(Failure::usage)?;
    let customer = CustomerId(of.customer_id);
    let money = Incoming { customer, amount: amount.unwrap_or(total), reference, invoice: Some(invoice), note };
    let received = realm.transaction("receive payment", async |tx| payments::receive(tx, &money).await).await?;
    payments::settle(realm, customer).await?;
    let report = show::run(kind, id, installation).await?;
    Ok(match received {
        Received::Again => report.with_note("it was recorded before: nothing was done"),
        Received::Credited => report.with_note("the invoice got none of it: it is in the customer's credit"),
        Received::Paid => report,
    })
}

async fn list(kind: RealmKind, login: Option<&str>, installation: &Installation) -> Result<Report, Failure> {
    let reading = installation.realm(kind).read(async |connection| {
        let customer = match login {
            Some(login) => Some(customers::by_login(connection, login).await?.customer()),
            None => None,
        };
        let invoices = invoices::list(connection, customer).await?;
        Ok::<_, store::Error>((invoices, invoices::credit_notes(connection, customer).await?))
    });
    let (all, credit_notes) = reading.await?;
    let credited = credited(&credit_notes);
    let mut rows = Vec::with_capacity(all.len());
    for invoice in &all {
        rows.push([
            invoice.id.to_string(),
            invoice.order_id.to_string(),
            invoice.purpose.clone(),
            invoice.status.clone(),
            invoice.total()?.to_string(),
            credited_of(&credited, invoice)?.map(|money| money.to_string()).unwrap_or_default(),
            invoice.currency.clone(),
            installation.moment(invoice.created_at),
            invoice.paid_at.map(|at| installation.moment(at)).unwrap_or_default(),
        ]);
    }
    let head = ["ID", "ORDER", "FOR", "STATUS", "TOTAL", "CREDITED", "CURRENCY", "ISSUED", "PAID"];
    let json = all.iter().map(|invoice| json_of(invoice, &credited)).collect::<Result<Value, Failure>>()?;
    Ok(Report::new(table(head, &rows, "no invoices"), json))
}

/// What of each invoice was credited, in minor units.
fn credited(credit_notes: &[CreditNoteRow]) -> BTreeMap<i64, i64> {
    let mut of_invoices = BTreeMap::new();
    for note in credit_notes {
        *of_invoices.entry(note.invoice_id).or_default() -= note.total;
    }
    of_invoices
}

fn credited_of(all: &BTreeMap<i64, i64>, invoice: &InvoiceRow) -> Result<Option<Money>, Failure> {
    let currency: Currency = invoice.currency.parse().map_err(Failure::failed)?;
    Ok(all.get(&invoice.id).map(|minor| Money::minor(*minor, currency)))
}

fn percent(points: i32) -> Result<String, Failure> {
    Ok(Percent::basis_points(points.into()).map_err(Failure::failed)?.to_string())
}

fn json_of(of: &InvoiceRow, all: &BTreeMap<i64, i64>) -> Result<Value, Failure> {
    Ok(json!({
        "id": of.id, "customer_id": of.customer_id, "order_id": of.order_id, "purpose": of.purpose,
        "months": of.months, "ahead": of.ahead, "status": of.status, "total": of.total()?.to_string(),
        "credited": or_null(credited_of(all, of)?), "currency": of.currency, "vat": percent(of.vat_points)?,
        "series": of.series, "number": of.number, "created": of.created_at.to_string(), "paid": or_null(of.paid_at),
    }))
}
