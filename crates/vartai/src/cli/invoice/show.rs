//! `vartai invoice show`

use domain::{
    billing::InvoiceId,
    money::{Currency, Money, Rate},
};
use serde_json::{Value, json};
use store::{
    RealmKind,
    invoices::{self, CreditNoteRow, InvoiceLineRow, InvoiceRow},
};

use super::{credited, json_of, percent};
use crate::{
    cli::report::{Report, listing, table},
    failure::Failure,
    installation::Installation,
};

/// Shows it.
pub async fn run(kind: RealmKind, id: i64, installation: &Installation) -> Result<Report, Failure> {
    let reading = installation.realm(kind).read(async |connection| {
        let invoice = invoices::show(connection, InvoiceId(id)).await?;
        let lines = invoices::lines(connection, InvoiceId(id)).await?;
        let parties = invoices::of_invoice(connection, InvoiceId(id)).await?;
        let credit_notes = invoices::credit_notes_of(connection, InvoiceId(id)).await?;
        Ok::<_, store::Error>((invoice, lines, parties, credit_notes))
    });
    let (invoice, lines, parties, credit_notes) = reading.await?;
    let currency: Currency = invoice.currency.parse().map_err(Failure::failed)?;
    let mut text = listing(&[
        ("id", invoice.id.to_string()),
        ("order", invoice.order_id.to_string()),
        ("for", format!("{}, {} months", invoice.purpose, invoice.months)),
        ("status", invoice.status.clone()),
        ("total", format!("{} {}", invoice.total()?, invoice.currency)),
        ("VAT %", format!("{} ({})", percent(invoice.vat_points)?, invoice.vat_ground)),
        ("rate", rate(&invoice)?.unwrap_or_default()),
        ("number", number(invoice.series.as_deref(), invoice.number).unwrap_or_default()),
        ("buyer", parties.buyer.name.clone()),
        ("issued", installation.moment(invoice.created_at)),
        ("paid", invoice.paid_at.map(|at| installation.moment(at)).unwrap_or_default()),
    ]);
    let rows = lines.iter().map(|line| row(line, currency)).collect::<Result<Vec<_>, Failure>>()?;
    let head = ["LINE", "WHAT", "QUANTITY", "PRICE", "MONTHS", "DISCOUNT %", "NET", "VAT", "GROSS"];
    text.push_str(&table(head, &rows, "no lines"));
    if !credit_notes.is_empty() {
        let rows = credit_notes.iter().map(|note| credit_row(note, installation)).collect::<Result<Vec<_>, _>>()?;
        text.push_str(&table(["CREDIT NOTE", "NUMBER", "TOTAL", "REFUND", "ISSUED", "NOTE"], &rows, ""));
    }
    let mut json = json_of(&invoice, &credited(&credit_notes))?;
    let lines = lines.iter().map(|line| line_json(line, currency)).collect::<Result<Value, Failure>>()?;
    if let Some(fields) = json.as_object_mut() {
        fields.insert("lines".to_owned(), lines);
        fields.insert("rate".to_owned(), json!(rate(&invoice)?));
        fields.insert("buyer".to_owned(), json!(parties.buyer));
        fields.insert("seller".to_owned(), json!(parties.seller));
        let credit_notes = credit_notes.iter().map(credit_json).collect::<Result<Value, Failure>>()?;
        fields.insert("credit_notes".to_owned(), credit_notes);
    }
    Ok(Report::new(text, json))
}

/// What prices were converted at.
fn rate(of: &InvoiceRow) -> Result<Option<String>, Failure> {
    let (Some(base), Some(billionths)) = (&of.base_currency, of.rate_billionths) else { return Ok(None) };
    let rate = Rate::billionths(billionths).map_err(Failure::failed)?;
    let day = of.rate_day.map(|day| format!(", of {day}")).unwrap_or_default();
    Ok(Some(format!("1 {base} = {rate} {}{day}", of.currency)))
}

/// What stands on paper, once it is numbered.
fn number(series: Option<&str>, number: Option<i64>) -> Option<String> {
    Some(format!("{} {}", series?, number?))
}

fn credit_row(of: &CreditNoteRow, installation: &Installation) -> Result<[String; 6], Failure> {
    Ok([
        of.id.to_string(),
        number(of.series.as_deref(), of.number).unwrap_or_default(),
        of.total()?.to_string(),
        of.refund.clone(),
        installation.moment(of.created_at),
        of.note.clone(),
    ])
}

fn credit_json(of: &CreditNoteRow) -> Result<Value, Failure> {
    Ok(json!({
        "id": of.id, "invoice_id": of.invoice_id, "total": of.total()?.to_string(), "currency": of.currency,
        "refund": of.refund, "note": of.note, "series": of.series, "number": of.number,
        "created": of.created_at.to_string(),
    }))
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
