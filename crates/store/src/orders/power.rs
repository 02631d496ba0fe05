//! suspendOrder, unSuspendOrder, restartOrder, reinstallOrder: facts, decision, and the decision made true.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use domain::{
    customers::CustomerId,
    orders::{Order, OrderId, OrderState, PowerChange, PowerError, PowerOperation, change_power as decide},
    tasks::Operation,
};

use super::lock;
use crate::{
    db::{AsStoreError, Error, Tx},
    schema::{orders, server},
    tasks::{self, NewTask},
};

/// Why it was not done. Nothing is written then.
#[derive(Debug)]
pub enum PowerFailure {
    /// The customer has no such order (code 19).
    UnknownOrder,
    /// It was decided against.
    Decided(PowerError),
    /// The database.
    Store(Error),
}

impl From<Error> for PowerFailure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl AsStoreError for PowerFailure {
    fn as_store_error(&self) -> Option<&Error> {
        match self {
            Self::Store(error) => Some(error),
            Self::UnknownOrder | Self::Decided(_) => None,
        }
    }
}

/// A customer's own order, held until the transaction ends; another customer's is not there.
pub(crate) async fn lock_own(tx: &mut Tx, customer: CustomerId, id: OrderId) -> Result<Option<Order>, Error> {
    // Asked without the lock first, so that nobody can hold up another customer's order.
    if super::load(tx.conn(), customer, id).await?.is_none() {
        return Ok(None);
    }
    let order = lock(tx, id).await?;
    Ok(order.filter(|order| order.state != OrderState::Terminated))
}

/// Does what a customer asks of an order of theirs: the state at once, the rest by a task.
///
/// # Errors
/// [`PowerFailure`].
pub async fn change_power(
    tx: &mut Tx,
    customer: CustomerId,
    id: OrderId,
    wanted: PowerOperation,
) -> Result<PowerChange, PowerFailure> {
    let order = lock_own(tx, customer, id).await?.ok_or(PowerFailure::UnknownOrder)?;
    if wanted.needs_server() && !tasks::can_be_done(tx, &order, wanted.operation()) {
        return Err(PowerFailure::Decided(PowerError::Unsupported));
    }
    let change = decide(&order, wanted, tx.today()).map_err(PowerFailure::Decided)?;
    if let Some((state, by)) = change.state {
        diesel::update(orders::table.find(id.0))
            .set((orders::state.eq(state.name()), orders::suspended_by.eq(by.map(|b| b.name()))))
            .execute(tx.conn())
            .await
            .map_err(Error::from)?;
    }
    let new = tasks::enqueue(tx, id, NewTask { by_hand: change.by_hand, ..change.operation.into() }).await?;
    if change.operation == Operation::Reinstall && new.is_new {
        diesel::update(server::table.find(id.0))
            .set(server::generation.eq(server::generation + 1))
            .execute(tx.conn())
            .await
            .map_err(Error::from)?;
    }
    Ok(change)
}
