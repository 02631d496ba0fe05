//! Tasks, as staff see and steer them.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use domain::{
    orders::{OrderId, OrderState},
    tasks::{Operation, TaskId},
};

use super::finish::hold_order;
use crate::{
    db::{Conn, Error, Tx},
    schema::{orders, task},
};

/// A task in a list.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = task)]
pub struct TaskRow {
    /// ta_id.
    pub id: i64,
    /// Of which order.
    pub order_id: i64,
    /// ta_command.
    pub operation: String,
    /// queued, running, succeeded, failed, cancelled or manual.
    pub state: String,
    /// The log so far.
    pub results: String,
    /// How many times a worker took it.
    pub attempt: i32,
    /// When it was queued.
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    pub created_at: jiff::Timestamp,
    /// When a worker first took it.
    #[diesel(deserialize_as = jiff_diesel::NullableTimestamp)]
    pub assigned_at: Option<jiff::Timestamp>,
    /// When it was over.
    #[diesel(deserialize_as = jiff_diesel::NullableTimestamp)]
    pub completed_at: Option<jiff::Timestamp>,
}

/// Which tasks.
#[derive(Debug, Clone, Default)]
pub struct TaskFilter {
    /// This one only.
    pub id: Option<TaskId>,
    /// Of this order only.
    pub order: Option<i64>,
    /// In this state only.
    pub state: Option<String>,
    /// So many at the most.
    pub most: i64,
}

/// Tasks, newest first.
///
/// # Errors
/// [`Error`] from the database.
pub async fn list(connection: &mut Conn, filter: &TaskFilter) -> Result<Vec<TaskRow>, Error> {
    let mut query = task::table.select(TaskRow::as_select()).order(task::id.desc()).limit(filter.most).into_boxed();
    if let Some(id) = filter.id {
        query = query.filter(task::id.eq(id.0));
    }
    if let Some(order) = filter.order {
        query = query.filter(task::order_id.eq(order));
    }
    if let Some(state) = &filter.state {
        query = query.filter(task::state.eq(state.clone()));
    }
    Ok(query.load(connection).await?)
}

/// Queues a task again that failed or waits for staff. An order that waited for staff because its making had failed is
/// the provisioner's again.
///
/// # Errors
/// [`Error::Refused`] when it is in another state.
pub async fn retry(tx: &mut Tx, id: TaskId) -> Result<(), Error> {
    let refused = || Error::Refused(format!("task {} has not failed and does not wait for staff", id.0));
    let of = task::table.find(id.0).select((task::order_id, task::operation));
    let of: Option<(i64, String)> = of.get_result(tx.conn()).await.optional()?;
    let (order, operation) = of.ok_or_else(refused)?;
    hold_order(tx, OrderId(order)).await?;
    let failed = task::table.filter(task::id.eq(id.0)).filter(task::state.eq_any(["failed", "manual"]));
    let queued = diesel::update(failed)
        .set((
            task::state.eq("queued"),
            task::attempt.eq(0),
            task::run_at.eq(diesel::dsl::now),
            task::completed_at.eq(None::<jiff_diesel::Timestamp>),
        ))
        .execute(tx.conn())
        .await?;
    if queued == 0 {
        return Err(refused());
    }
    if operation == Operation::Create.name() {
        let manual = orders::table.filter(orders::id.eq(order)).filter(orders::state.eq(OrderState::Manual.name()));
        diesel::update(manual)
            .set((orders::state.eq(OrderState::Provisioning.name()), orders::by_hand.eq(false)))
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

/// Cancels a task that no worker has taken.
///
/// # Errors
/// [`Error::Refused`] when it is in another state.
pub async fn cancel(tx: &mut Tx, id: TaskId) -> Result<(), Error> {
    let waiting = task::table.filter(task::id.eq(id.0)).filter(task::state.eq_any(["queued", "manual"]));
    let cancelled = diesel::update(waiting)
        .set((task::state.eq("cancelled"), task::completed_at.eq(diesel::dsl::now)))
        .execute(tx.conn())
        .await?;
    if cancelled == 1 { Ok(()) } else { Err(Error::Refused(format!("task {} does not wait any more", id.0))) }
}
