//! An unpaid invoice is paid: money, order and task in one transaction.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use domain::{
    billing::{Charge, InvoiceId},
    calendar::Months,
    money::Money,
    orders::{BillingMode, Order, OrderId, first_interval, next_interval, resumes},
};
use jiff_diesel::ToDiesel;

use super::{
    list::{InvoiceRow, show},
    write::seller,
};
use crate::{
    db::{Error, Tx},
    ledger,
    orders::{Beginning, begin, extend, lock},
    schema::invoice,
};

/// Where the money comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaidFrom {
    /// From outside, for exactly this invoice: deposited and charged at once, and no other invoice gets it first.
    Outside,
    /// From the customer's balance.
    Balance,
}

/// Pays an invoice; its order begins or goes on.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] when it is not unpaid, or the balance is too low. Nothing is written then.
pub async fn pay(tx: &mut Tx, id: InvoiceId, from: PaidFrom, note: &str) -> Result<InvoiceRow, Error> {
    let order_id = OrderId(show(tx.conn(), id).await?.order_id);
    let order = lock(tx, order_id).await?.ok_or_else(|| Error::corrupt(format!("invoice {} has no order", id.0)))?;
    let unpaid = show(tx.conn(), id).await?;
    if unpaid.status != "unpaid" {
        return Err(Error::Refused(format!("invoice {} is {}", id.0, unpaid.status)));
    }
    let total = unpaid.total()?;
    if tx.realm().billing() == BillingMode::Charging && !total.is_zero() {
        move_money(tx, &order, id, total, from, note).await?;
    }
    diesel::update(invoice::table.find(id.0))
        .set((
            invoice::status.eq("paid"),
            invoice::paid_at.eq(tx.now().to_diesel()),
            // The invoice proper is issued now. The database keeps the buyer anew as well.
            invoice::seller.eq(seller(tx)?),
        ))
        .execute(tx.conn())
        .await?;
    take_effect(tx, &order, &unpaid).await?;
    show(tx.conn(), id).await
}

async fn move_money(
    tx: &mut Tx,
    order: &Order,
    id: InvoiceId,
    total: Money,
    from: PaidFrom,
    note: &str,
) -> Result<(), Error> {
    let charge = match from {
        PaidFrom::Outside => {
            ledger::deposit_for_invoice(tx, order.customer, id, total, note).await?;
            Charge { credit: total, bonus: Money::zero(total.currency()) }
        }
        PaidFrom::Balance => {
            let wallets = ledger::lock_wallets(tx, order.customer, total.currency()).await?;
            let charge = wallets.charge(total).map_err(Error::corrupt)?;
            charge.ok_or_else(|| Error::Refused(format!("the balance is less than {total} {}", total.currency())))?
        }
    };
    ledger::charge_invoice(tx, order.customer, id, &charge, &format!("order {}", order.id)).await
}

async fn take_effect(tx: &mut Tx, order: &Order, paid: &InvoiceRow) -> Result<(), Error> {
    let id = InvoiceId(paid.id);
    let today = tx.today();
    let months = u16::try_from(paid.months).ok().and_then(Months::new);
    let months = months.ok_or_else(|| Error::corrupt(format!("invoice {}: {} months", paid.id, paid.months)))?;
    let too_far = || Error::Refused(format!("order {} would be paid beyond the calendar", order.id));
    match order.paid_until {
        None => {
            let days = first_interval(today, months).ok_or_else(too_far)?;
            let Order { id: order, vid, tariff, by_hand, .. } = *order;
            begin(tx, &Beginning { id: order, vid, tariff, by_hand }, id, &days).await?;
        }
        Some(until) => {
            let days = next_interval(until, months, order.anchor_day).ok_or_else(too_far)?;
            let resumes = resumes(order, &days, today);
            extend(tx, order.id, order.by_hand, id, &days, resumes).await?;
        }
    }
    Ok(())
}
