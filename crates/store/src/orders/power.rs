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
    tasks::{self, Enqueued, NewTask, Undo},
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
    let queued = queue(tx, &order, &change).await?;
    if change.operation == Operation::Reinstall && queued.is_new {
        diesel::update(server::table.find(id.0))
            .set(server::generation.eq(server::generation + 1))
            .execute(tx.conn())
            .await
            .map_err(Error::from)?;
    }
    Ok(PowerChange { by_hand: queued.for_staff, ..change })
}

/// Queues what was decided. The gateway has no answer for a server that has too much to do: an equal task that nobody
/// has begun serves then, wherever in the queue it is. Suspending and resuming always find room.
async fn queue(tx: &mut Tx, order: &Order, change: &PowerChange) -> Result<Enqueued, Error> {
    let undo = change.state.map(|_| Undo::power(order.state, order.suspended_by));
    let new = || NewTask { by_hand: change.by_hand, undo: undo.clone(), ..change.operation.into() };
    if change.state.is_none() {
        if let Some(queued) = tasks::enqueue_in_bounds(tx, order.id, new()).await? {
            return Ok(queued);
        }
        if let Some(serves) = tasks::untaken(tx, order.id, change.operation).await? {
            return Ok(serves);
        }
    }
    tasks::enqueue(tx, order.id, new()).await
}
