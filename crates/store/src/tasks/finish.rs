//! What becomes of a task that a worker had.

use std::time::Duration;

use diesel::sql_types;
use diesel_async::RunQueryDsl;
use domain::{orders::OrderId, tasks::Operation};

use super::{claim::ClaimedTask, lease::Lease};
use crate::{
    addresses,
    db::{Error, Tx},
};

/// When a failed task is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// After this time, unless it has had all its tries: then it waits for staff.
    After(Duration),
    /// After this time, and this try does not count: it could not even be begun.
    Uncounted(Duration),
    /// Never by itself: it waits for staff.
    Staff,
}

/// The task is done, and its order moves on; `results` are lines for its log, and `verified` says whether all that it
/// wanted was seen. False when the lease was lost: nothing is written then.
///
/// # Errors
/// [`Error`] from the database.
pub async fn succeed(tx: &mut Tx, task: &ClaimedTask, results: &str, verified: bool) -> Result<bool, Error> {
    let lease = &task.lease;
    hold_order(tx, lease.order).await?;
    let done = diesel::sql_query(
        "update task set state = 'succeeded', completed_at = greatest(now(), assigned_at), lease_owner = null, \
           lease_until = null, results = results || $3, verified = $4, handle = null, handle_at = null \
         where id = $1 and state = 'running' and fence = $2",
    )
    .bind::<sql_types::BigInt, _>(lease.id.0)
    .bind::<sql_types::BigInt, _>(lease.fence)
    .bind::<sql_types::Text, _>(results)
    .bind::<sql_types::Bool, _>(verified)
    .execute(tx.conn())
    .await?;
    if done == 1 && task.operation == Operation::Create {
        // Suspended meanwhile, it stays so: that has its own task. In manual handling it was only because an earlier
        // try failed for good and staff had it tried again.
        diesel::sql_query(
            "update orders set state = 'active', by_hand = false where id = $1 and state in ('provisioning', 'manual')",
        )
        .bind::<sql_types::BigInt, _>(lease.order.0)
        .execute(tx.conn())
        .await?;
    }
    if done == 1 && task.operation == Operation::Destroy {
        addresses::release_all(tx, lease.order).await?;
    }
    Ok(done == 1)
}

/// The try failed: the task waits for its next, or for staff. What a driver waited for is over. False when the lease was lost: nothing is written then.
///
/// # Errors
/// [`Error`] from the database.
pub async fn give_back(tx: &mut Tx, lease: &Lease, why: &str, next: Next) -> Result<bool, Error> {
    hold_order(tx, lease.order).await?;
    let wait = match next {
        Next::Uncounted(wait) => Some(wait),
        Next::After(wait) if lease.attempt < lease.max_attempts => Some(wait),
        Next::After(_) | Next::Staff => None,
    };
    let uncounted = i32::from(matches!(next, Next::Uncounted(_)));
    let back = diesel::sql_query(
        "update task set state = $3, run_at = now() + make_interval(secs => $4), lease_owner = null, \
           lease_until = null, results = results || $5, attempt = greatest(attempt - $6, 0), handle = null, \
           handle_at = null \
         where id = $1 and state = 'running' and fence = $2",
    )
    .bind::<sql_types::BigInt, _>(lease.id.0)
    .bind::<sql_types::BigInt, _>(lease.fence)
    .bind::<sql_types::Text, _>(if wait.is_some() { "queued" } else { "manual" })
    .bind::<sql_types::Double, _>(wait.unwrap_or_default().as_secs_f64())
    .bind::<sql_types::Text, _>(format!("attempt {}: {why}\n", lease.attempt))
    .bind::<sql_types::Integer, _>(uncounted)
    .execute(tx.conn())
    .await?;
    if back == 1 && wait.is_none() {
        hand_to_staff(tx, lease).await?;
    }
    Ok(back == 1)
}

/// The worker stops before the work is done: another takes it at once, and the try does not count. False when the
/// lease was lost: nothing is written then.
///
/// # Errors
/// [`Error`] from the database.
pub async fn release(tx: &mut Tx, lease: &Lease) -> Result<bool, Error> {
    hold_order(tx, lease.order).await?;
    let released = diesel::sql_query(
        "update task set state = 'queued', attempt = greatest(attempt - 1, 0), run_at = now(), lease_owner = null, \
           lease_until = null \
         where id = $1 and state = 'running' and fence = $2",
    )
    .bind::<sql_types::BigInt, _>(lease.id.0)
    .bind::<sql_types::BigInt, _>(lease.fence)
    .execute(tx.conn())
    .await?;
    Ok(released == 1)
}

/// Gives back what a worker had that is not heard of any more. False when it was heard of after all, or another was
/// quicker to do this.
///
/// # Errors
/// [`Error`] from the database.
pub async fn reap(tx: &mut Tx, lease: &Lease) -> Result<bool, Error> {
    hold_order(tx, lease.order).await?;
    let last = lease.attempt >= lease.max_attempts;
    // Behind what other orders have due: run_at is now. Before the order's own later tasks: those wait for this one.
    let back = diesel::sql_query(
        "update task set state = $3, run_at = now(), lease_owner = null, lease_until = null, results = results || $4 \
         where id = $1 and state = 'running' and fence = $2 and lease_until < now()",
    )
    .bind::<sql_types::BigInt, _>(lease.id.0)
    .bind::<sql_types::BigInt, _>(lease.fence)
    .bind::<sql_types::Text, _>(if last { "manual" } else { "queued" })
    .bind::<sql_types::Text, _>(format!("attempt {}: the worker was not heard of any more\n", lease.attempt))
    .execute(tx.conn())
    .await?;
    if back == 1 && last {
        hand_to_staff(tx, lease).await?;
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

/// What can't be made is staff's: with its creation, all that is asked of the order waits for them, because there is
/// nothing yet that it could be done to. Other operations that failed for good leave the order as it is.
async fn hand_to_staff(tx: &mut Tx, lease: &Lease) -> Result<(), Error> {
    let create = Operation::Create.name();
    let handed = diesel::sql_query(
        "update orders set by_hand = true, state = case state when 'provisioning' then 'manual' else state end \
         where id = $1 and state <> 'terminated' \
           and exists (select from task where id = $2 and operation = $3)",
    )
    .bind::<sql_types::BigInt, _>(lease.order.0)
    .bind::<sql_types::BigInt, _>(lease.id.0)
    .bind::<sql_types::Text, _>(create)
    .execute(tx.conn())
    .await?;
    if handed == 1 {
        diesel::sql_query("update task set state = 'manual' where order_id = $1 and state = 'queued'")
            .bind::<sql_types::BigInt, _>(lease.order.0)
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}
