//! What was paid for nothing is returned.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use domain::{
    billing::InvoiceId,
    money::Money,
    orders::{BillingMode, OrderId},
};

use super::{
    credit::{Credit, Refund, credit},
    credited::left,
};
use crate::{
    db::{Error, Tx},
    schema::invoice,
};

/// An order's paid invoices, oldest first.
pub(crate) async fn paid_of(tx: &mut Tx, order: OrderId) -> Result<Vec<InvoiceId>, Error> {
    let paid = invoice::table.filter(invoice::order_id.eq(order.0)).filter(invoice::status.eq("paid"));
    let ids: Vec<i64> = paid.order(invoice::id).select(invoice::id).load(tx.conn()).await?;
    Ok(ids.into_iter().map(InvoiceId).collect())
}

/// Credits all that is left of a paid invoice whose service never came to be, and returns the money to the wallets that
/// it came from. What was returned; `None` when nothing was left, as after the first time, and where nothing is charged.
pub(crate) async fn return_paid(tx: &mut Tx, id: InvoiceId, note: &str) -> Result<Option<Money>, Error> {
    let currency: String = invoice::table.find(id.0).select(invoice::currency).get_result(tx.conn()).await?;
    let nothing = Money::zero(currency.parse().map_err(Error::corrupt)?);
    let lines = left(tx.conn(), id, nothing.currency()).await?;
    let rest = lines.iter().try_fold(nothing, |sum, (_, line)| sum.plus(line.gross)).map_err(Error::corrupt)?;
    if rest.is_zero() {
        return Ok(None);
    }
    credit(tx, id, &Credit { amount: None, cause: note, note, refund: Refund::Wallets }).await?;
    Ok((tx.realm().billing() == BillingMode::Charging).then_some(rest))
}
