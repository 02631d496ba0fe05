//! What was paid for nothing is returned.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use domain::{billing::InvoiceId, money::Money, orders::OrderId};

use crate::{
    db::{Error, Tx},
    ledger,
    schema::invoice,
};

/// An order's paid invoices, oldest first.
pub(crate) async fn paid_of(tx: &mut Tx, order: OrderId) -> Result<Vec<InvoiceId>, Error> {
    let paid = invoice::table.filter(invoice::order_id.eq(order.0)).filter(invoice::status.eq("paid"));
    let ids: Vec<i64> = paid.order(invoice::id).select(invoice::id).load(tx.conn()).await?;
    Ok(ids.into_iter().map(InvoiceId).collect())
}

/// Returns what was charged for an invoice to the wallets that it came from, once. What was returned; `None` when
/// nothing was charged, or it was returned before.
pub(crate) async fn return_paid(tx: &mut Tx, id: InvoiceId, note: &str) -> Result<Option<Money>, Error> {
    ledger::refund_invoice(tx, id, note).await
}
