//! `vartai invoice explain`, `vartai ledger explain`: figures step by step.

use domain::{
    billing::{InvoiceId, Step},
    orders::OrderId,
};
use serde_json::{Value, json};
use store::{RealmKind, Tx, invoices};

use super::report::Report;
use crate::{failure::Failure, installation::Installation};

/// How an invoice came about.
pub async fn invoice(kind: RealmKind, id: i64, installation: &Installation) -> Result<Report, Failure> {
    let realm = installation.realm(kind);
    let explained = realm.read(async |connection| invoices::explain(connection, InvoiceId(id)).await).await?;
    let head = format!("invoice {id} of order {}, in {}\n", explained.invoice.order_id, explained.invoice.currency);
    Ok(Report::new(head + &text(&explained.steps), json!({ "invoice": id, "steps": steps(&explained.steps) })))
}

/// What an order cost in all.
pub async fn order(kind: RealmKind, id: i64, installation: &Installation) -> Result<Report, Failure> {
    let explaining = async |tx: &mut Tx| invoices::explain_order(tx, OrderId(id)).await;
    let told = installation.realm(kind).transaction("explain order", explaining).await?;
    Ok(Report::new(text(&told), json!({ "order": id, "steps": steps(&told) })))
}

/// Steps for people: amounts in a column.
pub fn text(of: &[Step]) -> String {
    let amounts: Vec<String> = of.iter().map(|step| step.amount.map(|a| a.to_string()).unwrap_or_default()).collect();
    let width = amounts.iter().map(String::len).max().unwrap_or(0);
    of.iter().zip(&amounts).map(|(step, amount)| format!("{amount:>width$}  {}\n", step.text)).collect()
}

/// Steps for machines.
pub fn steps(of: &[Step]) -> Value {
    let step = |step: &Step| json!({ "text": step.text, "amount": step.amount.map(|amount| amount.to_string()) });
    of.iter().map(step).collect()
}
