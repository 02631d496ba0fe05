//! What becomes of a task that a worker had.

use diesel::sql_types;
use diesel_async::RunQueryDsl;
use domain::{orders::OrderId, tasks::Operation};

use super::claim::ClaimedTask;
use crate::db::{Error, Tx};

/// The task is done, and its order moves on. False when the lease was lost: nothing is written then.
///
/// # Errors
/// [`Error`] from the database.
pub async fn succeed(tx: &mut Tx, task: &ClaimedTask, results: &str) -> Result<bool, Error> {
    hold_order(tx, task.order).await?;
    let done = diesel::sql_query(
        "update task set state = 'succeeded', completed_at = greatest(now(), assigned_at), lease_owner = null, \
           lease_until = null, results = results || $3 \
         where id = $1 and state = 'running' and fence = $2",
    )
    .bind::<sql_types::BigInt, _>(task.id.0)
    .bind::<sql_types::BigInt, _>(task.fence)
    .bind::<sql_types::Text, _>(results)
    .execute(tx.conn())
    .await?;
    if done == 1 && task.operation == Operation::Create {
        // Suspended meanwhile, it stays so: that has its own task.
        diesel::sql_query("update orders set state = 'active' where id = $1 and state = 'provisioning'")
            .bind::<sql_types::BigInt, _>(task.order.0)
            .execute(tx.conn())
            .await?;
    }
    Ok(done == 1)
}

/// The try failed: the task waits for its next, or for staff when it has had them all. False when the lease was lost.
///
/// # Errors
/// [`Error`] from the database.
pub async fn give_back(tx: &mut Tx, task: &ClaimedTask, why: &str, wait_seconds: i32) -> Result<bool, Error> {
    hold_order(tx, task.order).await?;
    let last = task.attempt >= task.max_attempts;
    let back = diesel::sql_query(
        "update task set state = $3, run_at = now() + make_interval(secs => $4), lease_owner = null, \
           lease_until = null, results = results || $5 \
         where id = $1 and state = 'running' and fence = $2",
    )
    .bind::<sql_types::BigInt, _>(task.id.0)
    .bind::<sql_types::BigInt, _>(task.fence)
    .bind::<sql_types::Text, _>(if last { "manual" } else { "queued" })
    .bind::<sql_types::Integer, _>(wait_seconds)
    .bind::<sql_types::Text, _>(format!("attempt {}: {why}\n", task.attempt))
    .execute(tx.conn())
    .await?;
    if back == 1 && last {
        hand_to_staff(tx, task.order).await?;
    }
    Ok(back == 1)
}

/// Rows are taken in the order of the lock order: the order's before the task's.
pub(super) async fn hold_order(tx: &mut Tx, order: OrderId) -> Result<(), Error> {
    diesel::sql_query("select from orders where id = $1 for no key update")
        .bind::<sql_types::BigInt, _>(order.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// An order whose making failed for good waits for staff.
async fn hand_to_staff(tx: &mut Tx, order: OrderId) -> Result<(), Error> {
    diesel::sql_query("update orders set state = 'manual', by_hand = true where id = $1 and state = 'provisioning'")
        .bind::<sql_types::BigInt, _>(order.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Gives back what workers had who are not heard of any more. Returns how many.
///
/// # Errors
/// [`Error`] from the database.
pub async fn reap(tx: &mut Tx) -> Result<usize, Error> {
    let back = diesel::sql_query(
        "update task set state = case when attempt >= max_attempts then 'manual' else 'queued' end, \
           run_at = now(), lease_owner = null, lease_until = null, \
           results = results || format(E'attempt %s: the worker was not heard of any more\\n', attempt) \
         where id in (select id from task where state = 'running' and lease_until < now() limit 100 \
           for update skip locked)",
    )
    .execute(tx.conn())
    .await?;
    if back > 0 {
        diesel::sql_query(
            "update orders o set state = 'manual', by_hand = true where o.state = 'provisioning' and exists \
               (select from task t where t.order_id = o.id and t.state = 'manual' and t.operation = 'server_create')",
        )
        .execute(tx.conn())
        .await?;
    }
    Ok(back)
}
