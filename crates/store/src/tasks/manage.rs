//! Tasks, as staff see and steer them.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, QueryableByName, Selectable, SelectableHelper, sql_types,
};
use diesel_async::RunQueryDsl;
use domain::{
    catalogue::{TariffId, Vid},
    orders::OrderId,
    tasks::{Operation, TaskId},
};

use super::{
    claim::driver_of,
    finish::{give_up, hold_order},
    moves::{cancel_move, is_last_address},
    nothing::{IN_DOUBT, open_tasks},
};
use crate::{
    addresses::{self, HandedOut},
    db::{Conn, Error, Tx, sql},
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
    /// The task, of another server, that it waits for.
    pub after: Option<i64>,
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

/// Queues a task that waits for staff, or that the budget of destructive operations holds. With its creation, an order
/// that waited for staff because that had failed is the provisioner's again.
///
/// # Errors
/// [`Error::Refused`] when it is in another state, or no worker could do it.
pub async fn retry(tx: &mut Tx, id: TaskId) -> Result<(), Error> {
    let of = task::table.find(id.0).select((task::order_id, task::operation));
    let of: Option<(i64, String)> = of.get_result(tx.conn()).await.optional()?;
    let (order, operation) = of.ok_or_else(|| Error::Refused(format!("there is no task {}", id.0)))?;
    hold_order(tx, OrderId(order)).await?;
    if let Some(why) = only_for_staff(tx, OrderId(order), &operation).await? {
        return Err(Error::Refused(why));
    }
    if let Some(why) = lacks_address(tx, OrderId(order), id, &operation).await? {
        return Err(Error::Refused(why));
    }
    // One that is to wait, such as a removal in its days of grace, goes on waiting.
    let queued = sql(
        "update task set state = 'queued', attempt = 0, run_at = greatest(run_at, now()), cancel_requested_at = null, \
           waiting_since = null, waits_for = null \
         where id = $1 and state = 'manual'",
    )
    .bind::<sql_types::BigInt, _>(id.0)
    .execute(tx.conn())
    .await?;
    if queued == 0 {
        let failed = task::table.filter(task::id.eq(id.0)).filter(task::state.eq("failed"));
        let failed: i64 = failed.count().get_result(tx.conn()).await?;
        return Err(Error::Refused(match failed {
            0 => format!("task {} does not wait for staff", id.0),
            _ => format!(
                "task {} has failed for good: what was paid for it was returned, so it has to be ordered again",
                id.0
            ),
        }));
    }
    tx.wake();
    if operation == Operation::Create.name() {
        // Suspended meanwhile, it stays so: that has its own task.
        sql("update orders set by_hand = false, state = case state when 'manual' then 'provisioning' else state end \
             where id = $1")
        .bind::<sql_types::BigInt, _>(order)
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Staffed {
    #[diesel(sql_type = sql_types::BigInt)]
    tariff_id: i64,
    #[diesel(sql_type = sql_types::Text)]
    state: String,
    #[diesel(sql_type = sql_types::Bool)]
    terminated: bool,
    #[diesel(sql_type = sql_types::Bool)]
    made_by_staff: bool,
}

/// Why no worker can do an operation on an order, if none can. The provisioner has no machine of an order whose
/// creation waits for staff, or was theirs.
async fn only_for_staff(tx: &mut Tx, order: OrderId, operation: &str) -> Result<Option<String>, Error> {
    let (create, destroy) = (Operation::Create.name(), Operation::Destroy.name());
    let of: Staffed =
        sql("select tariff_id, state, state = 'terminated' as terminated, by_hand and exists (select from task t \
           where t.order_id = o.id and t.operation = $2 and t.state in ('manual', 'succeeded')) as made_by_staff \
         from orders o where id = $1")
        .bind::<sql_types::BigInt, _>(order.0)
        .bind::<sql_types::Text, _>(create)
        .get_result(tx.conn())
        .await?;
    Ok(if driver_of(tx, TariffId(of.tariff_id)).is_none() {
        Some(format!("the tariff of order {order} has no driver: its tasks are for staff"))
    } else if of.terminated && operation != destroy {
        Some(format!("order {order} is terminated"))
    } else if of.state == "active" && operation == Operation::Suspend.name()
        || of.state == "suspended" && operation == Operation::Unsuspend.name()
    {
        Some(format!("order {order} is {} by now: what was asked for last is something else", of.state))
    } else if of.made_by_staff && operation != create {
        Some(format!("order {order} is handled by hand: its creation waits for staff, or was theirs"))
    } else {
        None
    })
}

/// Why an operation can't be done for want of an address, if so: there is none left for a server that is to be made, or
/// the one that is to get a name is another's by now. A server that waited for an address gets one here.
async fn lacks_address(tx: &mut Tx, order: OrderId, id: TaskId, operation: &str) -> Result<Option<String>, Error> {
    let (vid, tariff): (String, i64) =
        orders::table.find(order.0).select((orders::vid, orders::tariff_id)).get_result(tx.conn()).await?;
    if operation == Operation::Create.name() && vid.parse::<Vid>().map_err(Error::corrupt)?.is_server() {
        let handed_out = addresses::hand_out(tx, order, TariffId(tariff)).await?;
        return Ok(match handed_out {
            HandedOut::Done => None,
            HandedOut::Exhausted(pools) => Some(format!(
                "there is no address left for order {order} in {}: give the catalogue's pools more",
                pools.join(", ")
            )),
        });
    }
    if operation == Operation::Ptr.name() {
        let params: serde_json::Value = task::table.find(id.0).select(task::params).get_result(tx.conn()).await?;
        let ip = params.get("ip").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let held = addresses::held(tx.conn(), Some(order)).await?;
        if !held.iter().any(|held| held.ip.to_string() == ip) {
            return Ok(Some(format!("order {order} does not hold {ip} any more")));
        }
    }
    Ok(None)
}

/// What came of cancelling a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It is cancelled.
    Done,
    /// A worker has it, and is told within seconds to let go of it. It may be done before.
    Asked,
    /// It may be so already. A worker looks, and begins nothing: it is cancelled unless it is done.
    ToBeSeen,
}

/// Cancels a task, with what hangs on it: what was paid for it is returned, what it had changed is put back, an order
/// whose creation it is ends. Of a move of an address that has not begun to arrive both halves are cancelled, so that
/// the address is its old server's again.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] with the reason when it is over, or can't be taken back any more.
pub async fn cancel(tx: &mut Tx, id: TaskId) -> Result<Cancelled, Error> {
    if cancel_move(tx, id).await? {
        return Ok(Cancelled::Done);
    }
    let order: Option<i64> = task::table.find(id.0).select(task::order_id).get_result(tx.conn()).await.optional()?;
    let order = order.ok_or_else(|| Error::NotFound(format!("there is no task {}", id.0)))?;
    hold_order(tx, OrderId(order)).await?;
    let open = open_tasks(tx, "id = $1 and $2 = 0", id.0, 0).await?.pop();
    let open = open.ok_or_else(|| Error::Refused(format!("task {} is over", id.0)))?;
    if open.is(Operation::Destroy) {
        return Err(Error::Refused(format!("the order has ended: vartai order restore {order} brings it back")));
    }
    if open.is(Operation::MoveAddress) && !open.undoes {
        return Err(Error::Refused(format!(
            "task {} brings a machine the addresses that its server holds by now: without it one would have none, or two \
             the same",
            id.0
        )));
    }
    if open.is(Operation::MoveAddress) && is_last_address(tx, id).await? {
        return Err(Error::Refused(format!(
            "task {} brings the only address of its family that its server has, or will have: give it another first",
            id.0
        )));
    }
    if open.state != "running" && in_doubt(tx, id).await? {
        sql("update task set state = 'queued', cancel_requested_at = now(), run_at = now(), \
               attempt = least(attempt, max_attempts - 1) where id = $1")
        .bind::<sql_types::BigInt, _>(id.0)
        .execute(tx.conn())
        .await?;
        tx.wake();
        return Ok(Cancelled::ToBeSeen);
    }
    if open.state != "running" {
        give_up(tx, &open, "cancelled by staff\n").await?;
        return Ok(Cancelled::Done);
    }
    if open.is(Operation::Reinstall) {
        return Err(Error::Refused(format!(
            "task {} is deleting what is on the disk: half of that helps nobody",
            id.0
        )));
    }
    diesel::update(task::table.find(id.0))
        .set(task::cancel_requested_at.eq(diesel::dsl::now))
        .execute(tx.conn())
        .await?;
    Ok(Cancelled::Asked)
}

#[derive(QueryableByName)]
struct Doubt {
    #[diesel(sql_type = sql_types::Bool)]
    in_doubt: bool,
    #[diesel(sql_type = sql_types::BigInt)]
    tariff_id: i64,
}

/// Whether what a task wants may be so already, and a worker can tell.
async fn in_doubt(tx: &mut Tx, id: TaskId) -> Result<bool, Error> {
    let query = format!(
        "select o.tariff_id, o.state <> 'terminated' and not o.by_hand and {IN_DOUBT} as in_doubt \
         from task t join orders o on o.id = t.order_id where t.id = $1"
    );
    let of: Doubt = sql(query).bind::<sql_types::BigInt, _>(id.0).get_result(tx.conn()).await?;
    Ok(of.in_doubt && driver_of(tx, TariffId(of.tariff_id)).is_some())
}
