//! The end of an order.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use domain::{
    orders::{OrderId, OrderState},
    tasks::Operation,
};
use jiff_diesel::ToDiesel;

use super::lock;
use crate::{
    db::{Error, Tx},
    invoices,
    schema::orders::dsl,
    tasks::{self, NewTask},
};

/// Ends an order for good: its domain is free, what it owes and its waiting tasks are cancelled, its service is
/// removed.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] when it has ended.
pub async fn terminate(tx: &mut Tx, id: OrderId) -> Result<(), Error> {
    let order = lock(tx, id).await?.ok_or_else(|| Error::NotFound(format!("there is no order {id}")))?;
    if order.state == OrderState::Terminated {
        return Err(Error::Refused(format!("order {id} is terminated already")));
    }
    invoices::cancel_owed(tx, id).await?;
    tasks::cancel_waiting(tx, id).await?;
    diesel::update(dsl::orders.find(id.0))
        .set((
            dsl::state.eq(OrderState::Terminated.name()),
            dsl::suspended_by.eq(None::<String>),
            dsl::terminated_at.eq(tx.now().to_diesel()),
        ))
        .execute(tx.conn())
        .await?;
    if order.start.is_some() {
        let removal = tasks::enqueue(tx, id, NewTask { by_hand: order.by_hand, ..Operation::Destroy.into() }).await?;
        tasks::wait_for_removal(tx, id, removal.id).await?;
    }
    Ok(())
}
