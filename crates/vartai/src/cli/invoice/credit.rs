//! `vartai invoice credit`

use domain::{
    billing::InvoiceId,
    money::{Currency, Money},
};
use store::{
    RealmKind,
    invoices::{self, Credit, Refund},
};

use super::show;
use crate::{cli::report::Report, failure::Failure, installation::Installation};

/// Credits it, and shows the invoice with its credit notes.
pub async fn run(
    kind: RealmKind,
    id: i64,
    amount: Option<&str>,
    refund: Refund,
    note: &str,
    installation: &Installation,
) -> Result<Report, Failure> {
    let note = note.trim();
    if note.is_empty() {
        return Err(Failure::failed("--note says why: it stands on the credit note"));
    }
    // What staff give as the reason is theirs alone: no reason of the program's own can be the same.
    let cause = format!("staff: {note}");
    let realm = installation.realm(kind);
    let invoice = realm.read(async |connection| invoices::show(connection, InvoiceId(id)).await).await?;
    let currency: Currency = invoice.currency.parse().map_err(Failure::failed)?;
    let amount = amount.map(|amount| Money::parse(amount, currency)).transpose().map_err(Failure::failed)?;
    let wanted = Credit { amount, cause: &cause, note, refund };
    let crediting = async |tx: &mut store::Tx| invoices::credit(tx, InvoiceId(id), &wanted).await;
    let new = realm.transaction("credit invoice", crediting).await?.new;
    let report = show::run(kind, id, installation).await?;
    Ok(if new { report } else { report.with_note("It was credited for this before; nothing was changed.") })
}
