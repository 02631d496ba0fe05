//! The end of an order, and taking it back.

use diesel::{ExpressionMethods, QueryDsl, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    orders::{BillingMode, Order, OrderId, OrderState, SuspendedBy},
    tasks::Operation,
};
use jiff_diesel::ToDiesel;

use super::lock;
use crate::{
    addresses,
    db::{Error, Tx, sql},
    invoices,
    schema::{orders::dsl, task},
    tasks::{self, NewTask},
};

/// Ends an order: its domain is free, what it owes and its waiting tasks are cancelled, its service is removed. A
/// server that was made is switched off at once and removed after the days of grace; until then [`restore`] brings it
/// back. `note` is for the customer.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] when it has ended.
pub async fn terminate(tx: &mut Tx, id: OrderId, note: Option<&str>) -> Result<(), Error> {
    let order = lock(tx, id).await?.ok_or_else(|| Error::NotFound(format!("there is no order {id}")))?;
    if order.state == OrderState::Terminated {
        return Err(Error::Refused(format!("order {id} is terminated already")));
    }
    let made = made(tx, &order).await?;
    tasks::cancel_waiting(tx, id).await?;
    write_end(tx, &order, made).await?;
    if let Some(note) = note {
        diesel::update(dsl::orders.find(id.0)).set(dsl::remark.eq(note)).execute(tx.conn()).await?;
    }
    Ok(())
}

/// Ends an order whose creation is not wanted any more. One that had ended already stays so.
pub(crate) async fn end(tx: &mut Tx, id: OrderId) -> Result<(), Error> {
    let order = lock(tx, id).await?.ok_or_else(|| Error::corrupt(format!("a task's order {id} is not there")))?;
    if order.state == OrderState::Terminated {
        return Ok(());
    }
    let made = made(tx, &order).await?;
    write_end(tx, &order, made).await
}

/// How far an order's service has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    /// Nobody has begun to make it.
    NotAtAll,
    /// It may be there, wholly or in part.
    Perhaps,
    /// By a worker, and it is there.
    Wholly,
}

#[derive(QueryableByName)]
struct Creation {
    #[diesel(sql_type = sql_types::Bool)]
    begun: bool,
    #[diesel(sql_type = sql_types::Bool)]
    done: bool,
}

async fn made(tx: &mut Tx, order: &Order) -> Result<Made, Error> {
    let creation: Creation = sql("select coalesce(bool_or(assigned_at is not null), false) as begun, \
           coalesce(bool_or(state = 'succeeded'), false) as done \
         from task where order_id = $1 and operation = $2")
    .bind::<sql_types::BigInt, _>(order.id.0)
    .bind::<sql_types::Text, _>(Operation::Create.name())
    .get_result(tx.conn())
    .await?;
    Ok(match creation {
        Creation { done: true, .. } if !order.by_hand => Made::Wholly,
        // Staff may have begun whatever they were paid for.
        Creation { begun, .. } if begun || order.start.is_some() => Made::Perhaps,
        Creation { .. } => Made::NotAtAll,
    })
}

async fn write_end(tx: &mut Tx, order: &Order, made: Made) -> Result<(), Error> {
    let id = order.id;
    let grace = match tx.realm().billing() {
        BillingMode::Charging if made == Made::Wholly => tx.rules().provisioning.destroy_grace_hours,
        BillingMode::Charging | BillingMode::Waived => 0,
    };
    let restorable = (grace > 0).then_some(order);
    invoices::cancel_owed(tx, id).await?;
    diesel::update(dsl::orders.find(id.0))
        .set((
            dsl::state.eq(OrderState::Terminated.name()),
            dsl::suspended_by.eq(None::<String>),
            dsl::terminated_at.eq(tx.now().to_diesel()),
            dsl::attention.eq(None::<String>),
            dsl::ended_state.eq(restorable.map(|order| order.state.name())),
            dsl::ended_suspended_by.eq(restorable.and_then(|order| order.suspended_by).map(SuspendedBy::name)),
        ))
        .execute(tx.conn())
        .await?;
    if restorable.is_some() {
        tasks::enqueue(tx, id, Operation::Suspend.into()).await?;
    }
    if made == Made::NotAtAll {
        tasks::wait_for_removal(tx, id, None).await?;
        addresses::release_all(tx, id).await?;
    } else {
        let destroy = NewTask { by_hand: order.by_hand, after_hours: grace, ..Operation::Destroy.into() };
        let removal = tasks::enqueue(tx, id, destroy).await?.id;
        tasks::wait_for_removal(tx, id, Some(removal)).await?;
    }
    Ok(())
}

/// Takes an order's end back while its server is still there: the order is what it was, and its server runs again
/// unless it was suspended. One that nobody paid for is kept from today on, so that there is time to pay.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] when it has not ended, its server is gone or going, or its domain was ordered
/// again.
pub async fn restore(tx: &mut Tx, id: OrderId) -> Result<(), Error> {
    let order = lock(tx, id).await?.ok_or_else(|| Error::NotFound(format!("there is no order {id}")))?;
    if order.state != OrderState::Terminated {
        return Err(Error::Refused(format!("order {id} is {}", order.state.name())));
    }
    let before: (Option<String>, Option<String>, Option<jiff_diesel::Date>) = dsl::orders
        .find(id.0)
        .select((dsl::ended_state, dsl::ended_suspended_by, dsl::lapsed_on))
        .get_result(tx.conn())
        .await?;
    let (Some(state), by, lapsed) = before else {
        return Err(Error::Refused(format!("order {id} had no server to restore, or it was removed at once")));
    };
    let untaken = task::table
        .filter(task::order_id.eq(id.0))
        .filter(task::operation.eq(Operation::Destroy.name()))
        .filter(task::state.eq_any(["queued", "manual"]))
        .filter(task::assigned_at.is_null());
    let cancelled = diesel::update(untaken)
        .set((
            task::state.eq("cancelled"),
            task::completed_at.eq(diesel::dsl::now),
            task::results.eq("cancelled: the order is restored\n"),
        ))
        .execute(tx.conn())
        .await?;
    if cancelled == 0 {
        return Err(Error::Refused(format!("the server of order {id} is removed already, or is being removed")));
    }
    let restored = diesel::update(dsl::orders.find(id.0))
        .set((
            dsl::state.eq(&state),
            dsl::suspended_by.eq(by),
            dsl::terminated_at.eq(None::<jiff_diesel::Timestamp>),
            dsl::ended_state.eq(None::<String>),
            dsl::ended_suspended_by.eq(None::<String>),
            // Its days of keeping begin anew: the billing run would end it again at once.
            dsl::lapsed_on.eq(lapsed.map(|_| tx.today().to_diesel())),
        ))
        .execute(tx.conn())
        .await
        .map_err(Error::from);
    restored.map_err(|error| match error.constraint() {
        Some("orders_domain_taken") => Error::Refused(format!("the domain of order {id} was ordered again")),
        _ => error,
    })?;
    if state != OrderState::Suspended.name() {
        tasks::enqueue(tx, id, Operation::Unsuspend.into()).await?;
    }
    Ok(())
}
