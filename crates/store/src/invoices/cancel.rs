//! An unpaid invoice is cancelled.

use diesel::{ExpressionMethods, QueryDsl, sql_types};
use diesel_async::RunQueryDsl;
use domain::{billing::InvoiceId, orders::OrderId};
use jiff_diesel::ToDiesel;

use super::list::show;
use crate::{
    db::{Error, Tx, sql},
    orders::{lock, terminate},
    schema::invoice,
};

/// Cancels an unpaid invoice. An order that was waiting for it ends, and its domain is free again.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] when it is not unpaid.
pub async fn cancel(tx: &mut Tx, id: InvoiceId) -> Result<(), Error> {
    let order_id = OrderId(show(tx.conn(), id).await?.order_id);
    let order = lock(tx, order_id).await?.ok_or_else(|| Error::corrupt(format!("invoice {} has no order", id.0)))?;
    let unpaid = show(tx.conn(), id).await?;
    if unpaid.status != "unpaid" {
        return Err(Error::Refused(format!("invoice {} is {}", id.0, unpaid.status)));
    }
    diesel::update(invoice::table.find(id.0))
        .set((invoice::status.eq("cancelled"), invoice::cancelled_at.eq(tx.now().to_diesel())))
        .execute(tx.conn())
        .await?;
    if order.start.is_none() { terminate(tx, order_id, None).await } else { Ok(()) }
}

/// Cancels what the billing run raised ahead for an order's renewal.
pub(crate) async fn cancel_ahead(tx: &mut Tx, order: OrderId) -> Result<(), Error> {
    cancel_unpaid(tx, order, false).await
}

/// Cancels all that an order owes: once it has ended, nothing of it can be paid.
pub(crate) async fn cancel_owed(tx: &mut Tx, order: OrderId) -> Result<(), Error> {
    cancel_unpaid(tx, order, true).await
}

/// Those that were raised ahead, or all.
async fn cancel_unpaid(tx: &mut Tx, order: OrderId, all: bool) -> Result<(), Error> {
    let now = tx.now().to_diesel();
    sql("update invoice set status = 'cancelled', cancelled_at = $2 \
         where order_id = $1 and status = 'unpaid' and (ahead or $3)")
    .bind::<sql_types::BigInt, _>(order.0)
    .bind::<sql_types::Timestamptz, _>(now)
    .bind::<sql_types::Bool, _>(all)
    .execute(tx.conn())
    .await?;
    Ok(())
}
