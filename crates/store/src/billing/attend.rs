//! One order's turn: what is due of it is decided while its row is held, and made true in the same transaction.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use domain::{
    billing::InvoiceId,
    calendar::Months,
    dunning::End,
    field::Field,
    orders::{Order, OrderId, OrderState, RenewError, RenewRequest, SuspendedBy, Unpaid, proforma},
    tasks::Operation,
};
use jiff::civil::Date;
use jiff_diesel::ToDiesel;

use super::{Tally, standing::Facts};
use crate::{
    db::{Error, Tx},
    invoices::{self, PaidFrom},
    orders::{Buyer, RenewFailure, lock_if_free, renew_held, terminate},
    schema::orders::dsl,
    tasks::{self, NewTask},
};

/// Does what is due of an order on `day`; nothing when another transaction holds it, since the next round comes.
///
/// # Errors
/// [`Error`]: nothing of this order is done then, and the others go on.
pub async fn attend(tx: &mut Tx, id: OrderId, day: Date) -> Result<Tally, Error> {
    tx.set_day(day)?;
    let Some(order) = lock_if_free(tx, id).await? else { return Ok(Tally::default()) };
    let facts = Facts::load(tx.conn(), id).await?;
    let due = facts.due(tx, &order, day);
    if due.is_nothing() {
        return Ok(Tally::default());
    }
    let buyer = facts.buyer(order.customer)?;
    if due.pay_owed && pay(tx, facts.owed).await? {
        return Ok(Tally { renewed: 1, ..Tally::default() });
    }
    if let Some(months) = due.renew
        && renew(tx, &buyer, &order, months).await?
    {
        return Ok(Tally { renewed: 1, ..Tally::default() });
    }
    let raised = match due.raise {
        Some(months) => raise(tx, &buyer, &order, months).await?,
        None => false,
    };
    let ended = match due.end {
        Some(end) => go_on(tx, &order, end, day).await?,
        None => Tally::default(),
    };
    Ok(Tally { raised: raised.into(), ..ended })
}

/// Pays what the customer asked for before, if the balance is enough now.
async fn pay(tx: &mut Tx, owed: Option<InvoiceId>) -> Result<bool, Error> {
    let Some(owed) = owed else { return Ok(false) };
    match invoices::pay(tx, owed, PaidFrom::Balance, "").await {
        Ok(_) => Ok(true),
        Err(Error::Refused(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Renews the order, if the balance is enough.
async fn renew(tx: &mut Tx, buyer: &Buyer, order: &Order, months: Months) -> Result<bool, Error> {
    let expected = order.paid_until.map_or(Field::Absent, Field::Given);
    let request = RenewRequest { period: Field::Given(months), expect_todate: expected };
    match renew_held(tx, buyer, order.clone(), &request, Unpaid::Refuse).await {
        Ok(_) => Ok(true),
        Err(RenewFailure::Decided(RenewError::NotEnough)) => Ok(false),
        Err(RenewFailure::Decided(why)) => Err(Error::Failed(format!("order {} can't be renewed: {why:?}", order.id))),
        Err(RenewFailure::UnknownOrder) => Err(Error::corrupt(format!("order {} is held and not there", order.id))),
        Err(RenewFailure::Store(error)) => Err(error),
    }
}

/// Raises a proforma for the renewal. What costs nothing needs none.
async fn raise(tx: &mut Tx, buyer: &Buyer, order: &Order, months: Months) -> Result<bool, Error> {
    let day = tx.today();
    let catalogue = tx.catalogue();
    let invoice = proforma(order, months, &catalogue, &buyer.terms(tx.rules(), day));
    let Some(invoice) = invoice.map_err(|why| Error::Failed(format!("order {}: {why:?}", order.id)))? else {
        return Ok(false);
    };
    invoices::write_ahead(tx, buyer.customer, order.id, &invoice).await?;
    Ok(true)
}

async fn go_on(tx: &mut Tx, order: &Order, end: End, day: Date) -> Result<Tally, Error> {
    let row = dsl::orders.find(order.id.0);
    match end {
        End::Suspend => {
            let by = Some(SuspendedBy::System.name());
            diesel::update(row)
                .set((
                    dsl::state.eq(OrderState::Suspended.name()),
                    dsl::suspended_by.eq(by),
                    dsl::lapsed_on.eq(day.to_diesel()),
                ))
                .execute(tx.conn())
                .await?;
            let task = NewTask { by_hand: order.by_hand, ..Operation::Suspend.into() };
            tasks::enqueue(tx, order.id, task).await?;
            Ok(Tally { suspended: 1, ..Tally::default() })
        }
        End::Mark => {
            diesel::update(row).set(dsl::lapsed_on.eq(day.to_diesel())).execute(tx.conn()).await?;
            Ok(Tally { suspended: 1, ..Tally::default() })
        }
        End::Terminate => {
            terminate(tx, order.id, None).await?;
            Ok(Tally { terminated: 1, ..Tally::default() })
        }
        End::Expire => {
            terminate(tx, order.id, None).await?;
            Ok(Tally { expired: 1, ..Tally::default() })
        }
    }
}
