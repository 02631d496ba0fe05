//! The end of an order.

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
    schema::orders::dsl,
    tasks::{self, NewTask, Waiting},
};

/// Ends an order: its domain is free, what it owes and its waiting tasks are cancelled, its service is removed. A
/// server that was made is switched off at once and removed after the days of grace; until then [`super::restore`] brings
/// it back. `note` is for the customer.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] when it has ended.
pub async fn terminate(tx: &mut Tx, id: OrderId, note: Option<&str>) -> Result<(), Error> {
    let order = lock(tx, id).await?.ok_or_else(|| Error::NotFound(format!("there is no order {id}")))?;
    if order.state == OrderState::Terminated {
        return Err(Error::Refused(format!("order {id} is terminated already")));
    }
    let made = made(tx, &order).await?;
    let grace = grace_hours(tx, made);
    tasks::cancel_waiting(tx, id, if grace > 0 { Waiting::Undone } else { Waiting::All }).await?;
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

/// For so many hours the end can be taken back.
fn grace_hours(tx: &Tx, made: Made) -> u32 {
    match tx.realm().billing() {
        BillingMode::Charging if made == Made::Wholly => tx.rules().provisioning.destroy_grace_hours,
        BillingMode::Charging | BillingMode::Waived => 0,
    }
}

async fn write_end(tx: &mut Tx, order: &Order, made: Made) -> Result<(), Error> {
    let id = order.id;
    let grace = grace_hours(tx, made);
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
