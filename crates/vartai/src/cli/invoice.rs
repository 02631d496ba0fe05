//! `vartai invoice`

use clap::{Args, Subcommand};
use domain::{
    billing::InvoiceId,
    money::{Currency, Money, Percent},
};
use serde_json::{Value, json};
use store::{
    RealmKind, customers,
    invoices::{self, InvoiceLineRow, InvoiceRow, PaidFrom},
};

use super::{
    realm::RealmOption,
    report::{Report, listing, or_null, table},
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
    /// Money came for exactly this invoice: deposit it and pay the invoice, at once
    Pay {
        /// The invoice
        id: i64,
        /// Pay it from the customer's balance instead
        #[arg(long)]
        from_balance: bool,
        /// Why, for the statement
        #[arg(long, default_value = "", hide_default_value = true)]
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
        InvoiceCommand::Show { id } => show(kind, id, installation).await,
        InvoiceCommand::Pay { id, from_balance, note } => {
            let from = if from_balance { PaidFrom::Balance } else { PaidFrom::Outside };
            let paying = async |tx: &mut store::Tx| invoices::pay(tx, InvoiceId(id), from, &note).await;
            installation.realm(kind).transaction("pay invoice", paying).await?;
            show(kind, id, installation).await
        }
        InvoiceCommand::Cancel { id } => {
            let cancelling = async |tx: &mut store::Tx| invoices::cancel(tx, InvoiceId(id)).await;
            installation.realm(kind).transaction("cancel invoice", cancelling).await?;
            show(kind, id, installation).await
        }
    }
}

async fn list(kind: RealmKind, login: Option<&str>, installation: &Installation) -> Result<Report, Failure> {
    let reading = installation.realm(kind).read(async |connection| {
        let customer = match login {
            Some(login) => Some(customers::by_login(connection, login).await?.customer()),
            None => None,
        };
        invoices::list(connection, customer).await
    });
    let all = reading.await?;
    let mut rows = Vec::with_capacity(all.len());
    for invoice in &all {
        rows.push([
            invoice.id.to_string(),
            invoice.order_id.to_string(),
            invoice.purpose.clone(),
            invoice.status.clone(),
            invoice.total()?.to_string(),
            invoice.currency.clone(),
            installation.moment(invoice.created_at),
            invoice.paid_at.map(|at| installation.moment(at)).unwrap_or_default(),
        ]);
    }
    let head = ["ID", "ORDER", "FOR", "STATUS", "TOTAL", "CURRENCY", "ISSUED", "PAID"];
    let json = all.iter().map(json_of).collect::<Result<Value, Failure>>()?;
    Ok(Report::new(table(head, &rows, "no invoices"), json))
}

async fn show(kind: RealmKind, id: i64, installation: &Installation) -> Result<Report, Failure> {
    let reading = installation.realm(kind).read(async |connection| {
        let invoice = invoices::show(connection, InvoiceId(id)).await?;
        Ok::<_, store::Error>((invoice, invoices::lines(connection, InvoiceId(id)).await?))
    });
    let (invoice, lines) = reading.await?;
    let currency: Currency = invoice.currency.parse().map_err(Failure::failed)?;
    let mut text = listing(&[
        ("id", invoice.id.to_string()),
        ("order", invoice.order_id.to_string()),
        ("for", format!("{}, {} months", invoice.purpose, invoice.months)),
        ("status", invoice.status.clone()),
        ("total", format!("{} {}", invoice.total()?, invoice.currency)),
        ("VAT %", percent(invoice.vat_points)?),
        ("number", number(&invoice).unwrap_or_default()),
        ("issued", installation.moment(invoice.created_at)),
        ("paid", invoice.paid_at.map(|at| installation.moment(at)).unwrap_or_default()),
    ]);
    let rows = lines.iter().map(|line| row(line, currency)).collect::<Result<Vec<_>, Failure>>()?;
    let head = ["LINE", "WHAT", "QUANTITY", "PRICE", "MONTHS", "DISCOUNT %", "NET", "VAT", "GROSS"];
    text.push_str(&table(head, &rows, "no lines"));
    let mut json = json_of(&invoice)?;
    let lines = lines.iter().map(|line| line_json(line, currency)).collect::<Result<Value, Failure>>()?;
    if let Some(fields) = json.as_object_mut() {
        fields.insert("lines".to_owned(), lines);
    }
    Ok(Report::new(text, json))
}

fn percent(points: i32) -> Result<String, Failure> {
    Ok(Percent::basis_points(points.into()).map_err(Failure::failed)?.to_string())
}

/// What stands on paper, once it is numbered.
fn number(of: &InvoiceRow) -> Option<String> {
    Some(format!("{} {}", of.series.as_deref()?, of.number?))
}

fn row(of: &InvoiceLineRow, currency: Currency) -> Result<[String; 9], Failure> {
    let money = |minor| Money::minor(minor, currency).to_string();
    Ok([
        of.line.to_string(),
        of.title.clone(),
        of.quantity.to_string(),
        money(of.unit_price),
        of.months.to_string(),
        percent(of.discount_points)?,
        money(of.net),
        money(of.vat),
        money(of.gross),
    ])
}

fn line_json(of: &InvoiceLineRow, currency: Currency) -> Result<Value, Failure> {
    let money = |minor| Money::minor(minor, currency).to_string();
    Ok(json!({
        "line": of.line, "item": of.item, "title": of.title, "quantity": of.quantity,
        "unit_price": money(of.unit_price), "months": of.months, "discount": percent(of.discount_points)?,
        "net": money(of.net), "vat": money(of.vat), "gross": money(of.gross),
    }))
}

fn json_of(of: &InvoiceRow) -> Result<Value, Failure> {
    Ok(json!({
        "id": of.id, "customer_id": of.customer_id, "order_id": of.order_id, "purpose": of.purpose,
        "months": of.months, "ahead": of.ahead, "status": of.status, "total": of.total()?.to_string(),
        "currency": of.currency, "vat": percent(of.vat_points)?, "series": of.series, "number": of.number,
        "created": of.created_at.to_string(), "paid": or_null(of.paid_at),
    }))
}
