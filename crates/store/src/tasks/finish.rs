//! What becomes of a task that a worker had.

use std::time::Duration;

use diesel::sql_types;
use diesel_async::RunQueryDsl;
use domain::{
    orders::OrderId,
    tasks::{Operation, RefundFailed},
};

use super::{
    attempts::{self, AttemptOutcome, Ending},
    claim::ClaimedTask,
    lease::{HAD, Lease},
    nothing::{self, Nothing, OpenTask},
    waiting,
};
use crate::{
    db::{Error, Tx, sql},
    orders,
};

/// When a failed task is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// After this time, unless it has had all its tries: then it has failed for good.
    After(Duration),
    /// After this time, and this try does not count: it could not even be begun. Once the task has waited for as long
    /// as the company's rules let it, it has failed for good.
    Waiting(Duration),
    /// Never: it has failed for good.
    Never,
    /// When staff have looked: nothing is decided before.
    Staff,
}

/// A try that failed.
#[derive(Debug, Clone, Copy)]
pub struct Failed<'a> {
    /// The kind of failure.
    pub class: &'a str,
    /// The driver that tried.
    pub driver: Option<&'a str>,
    /// What happened, for the task's log: customers may read it.
    pub why: &'a str,
    /// Whether it is known that it was not done.
    pub known: bool,
    /// Whether the machine is to be looked at before anything else is done: the try may have done it, and nobody could
    /// look.
    pub unseen: bool,
    /// When it is tried again.
    pub next: Next,
}

impl Failed<'_> {
    pub(super) const fn outcome(&self) -> AttemptOutcome {
        match self.next {
            _ if !self.known => AttemptOutcome::Unknown,
            Next::After(_) | Next::Waiting(_) => AttemptOutcome::Retry,
            Next::Never | Next::Staff => AttemptOutcome::Failed,
        }
    }
}

/// The task is done, and its order moves on; `results` are lines for its log, and `verified` says whether all that it
/// wanted was seen. False when the lease was lost: nothing is written then.
///
/// # Errors
/// [`Error`] from the database.
pub async fn succeed(tx: &mut Tx, task: &ClaimedTask, results: &str, verified: bool) -> Result<bool, Error> {
    let lease = &task.lease;
    hold_order(tx, lease.order).await?;
    let done = sql(format!(
        "update task set state = 'succeeded', completed_at = greatest(now(), assigned_at), lease_owner = null, \
           lease_until = null, undo = null, results = results || $3, verified = $4, handle = null, handle_at = null \
         where {HAD}"
    ))
    .bind::<sql_types::BigInt, _>(lease.id.0)
    .bind::<sql_types::BigInt, _>(lease.fence)
    .bind::<sql_types::Text, _>(results)
    .bind::<sql_types::Bool, _>(verified)
    .execute(tx.conn())
    .await?;
    if done == 0 {
        return Ok(false);
    }
    let driver = task.driver.as_deref();
    let ending = Ending { driver, detail: results.trim_end(), ..Ending::of(AttemptOutcome::Succeeded) };
    attempts::end(tx, lease, &ending).await?;
    if task.operation == Operation::Create {
        // Suspended meanwhile, it stays so: that has its own task. In manual handling it was only because an earlier
        // try failed for good and staff had it tried again.
        sql(
            "update orders set state = 'active', by_hand = false where id = $1 and state in ('provisioning', 'manual')",
        )
        .bind::<sql_types::BigInt, _>(lease.order.0)
        .execute(tx.conn())
        .await?;
    }
    if task.operation == Operation::Destroy {
        nothing::gone(tx, lease.order).await?;
    }
    Ok(true)
}

/// The try failed: the task waits for its next, or has failed for good; one that staff don't want any more comes to
/// nothing once it is known that it was not done. What a driver waited for is over. False when the lease was lost:
/// nothing is written then.
///
/// # Errors
/// [`Error`] from the database.
pub async fn give_back(tx: &mut Tx, lease: &Lease, failed: &Failed<'_>) -> Result<bool, Error> {
    hold_order(tx, lease.order).await?;
    let Some(task) = held(tx, lease, "true").await? else { return Ok(false) };
    let Failed { class, driver, why, known, unseen, next } = *failed;
    let let_go = task.cancel_asked && known;
    let outcome = if let_go { AttemptOutcome::Cancelled } else { failed.outcome() };
    attempts::end(tx, lease, &Ending { outcome, class: Some(class), driver, detail: why }).await?;
    let log = format!("attempt {}: {why}\n", lease.attempt);
    let has_waited_enough = tx.rules().provisioning.gives_up_after(lease.waited.unwrap_or_default());
    match next {
        _ if let_go => give_up(tx, &task, &format!("{log}cancelled by staff\n")).await?,
        Next::Waiting(pause) if !has_waited_enough => waiting::wait(tx, lease, failed, pause, &log).await?,
        Next::After(wait) if lease.attempt < lease.max_attempts || unseen => {
            queue_again(tx, &task, wait, unseen, &log).await?;
        }
        Next::After(_) | Next::Waiting(_) | Next::Never => fail_for_good(tx, &task, &log, known).await?,
        Next::Staff => wait_for_staff(tx, &task, &log).await?,
    }
    Ok(true)
}

/// A task that staff cancel comes to nothing; an order whose creation it is ends with it.
pub(super) async fn give_up(tx: &mut Tx, task: &OpenTask, log: &str) -> Result<(), Error> {
    nothing::end(tx, task, Nothing::Cancelled, log).await?;
    if task.is(Operation::Create) {
        orders::end(tx, OrderId(task.order_id)).await?;
    }
    Ok(())
}

/// The worker stops before the work is done: another takes it at once, and the try does not count. False when the
/// lease was lost: nothing is written then.
///
/// # Errors
/// [`Error`] from the database.
pub async fn release(tx: &mut Tx, lease: &Lease) -> Result<bool, Error> {
    hold_order(tx, lease.order).await?;
    let released = sql(format!(
        "update task set state = 'queued', attempt = greatest(attempt - 1, 0), run_at = now(), lease_owner = null, \
           lease_until = null \
         where {HAD}",
    ))
    .bind::<sql_types::BigInt, _>(lease.id.0)
    .bind::<sql_types::BigInt, _>(lease.fence)
    .execute(tx.conn())
    .await?;
    if released == 1 {
        tx.wake();
        attempts::end(tx, lease, &Ending::of(AttemptOutcome::Released)).await?;
    }
    Ok(released == 1)
}

/// Gives back what a worker had that is not heard of any more. False when it was heard of after all, or another was
/// quicker to do this.
///
/// # Errors
/// [`Error`] from the database.
pub async fn reap(tx: &mut Tx, lease: &Lease) -> Result<bool, Error> {
    hold_order(tx, lease.order).await?;
    let Some(task) = held(tx, lease, "lease_until < now()").await? else { return Ok(false) };
    attempts::end(tx, lease, &Ending::of(AttemptOutcome::Lost)).await?;
    let log = format!("attempt {}: the worker was not heard of any more\n", lease.attempt);
    // What may have been done is to be looked at before it is given up; unless looking at it ends worker after worker.
    let tries = if task.unseen { lease.max_attempts.saturating_mul(2) } else { lease.max_attempts };
    if lease.attempt >= tries {
        fail_for_good(tx, &task, &log, false).await?;
    } else {
        // Behind what other orders have due: it is due now. Before the order's own later tasks: those wait for this
        // one.
        leave(tx, &task, &log).await?;
    }
    Ok(true)
}

/// Rows are taken in the order of the lock order: the order's before the task's.
pub(super) async fn hold_order(tx: &mut Tx, order: OrderId) -> Result<(), Error> {
    sql("select from orders where id = $1 for no key update")
        .bind::<sql_types::BigInt, _>(order.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The task that a lease is of, held; `None` when the lease was lost or the condition isn't true.
async fn held(tx: &mut Tx, lease: &Lease, condition: &str) -> Result<Option<OpenTask>, Error> {
    let condition = format!("{HAD} and {condition}");
    Ok(nothing::open_tasks(tx, &condition, lease.id.0, lease.fence).await?.pop())
}

async fn queue_again(tx: &mut Tx, task: &OpenTask, wait: Duration, unseen: bool, log: &str) -> Result<(), Error> {
    sql("update task set state = 'queued', run_at = now() + make_interval(secs => $2), lease_owner = null, \
           lease_until = null, results = results || $3, unseen = $4, waiting_since = null, waits_for = null, \
           handle = null, handle_at = null \
         where id = $1")
    .bind::<sql_types::BigInt, _>(task.id)
    .bind::<sql_types::Double, _>(wait.as_secs_f64())
    .bind::<sql_types::Text, _>(log)
    .bind::<sql_types::Bool, _>(unseen)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Leaves a task of a lost worker to the next one, which goes on with what the driver has under way.
async fn leave(tx: &mut Tx, task: &OpenTask, log: &str) -> Result<(), Error> {
    sql("update task set state = 'queued', run_at = now(), lease_owner = null, lease_until = null, \
           results = results || $2 where id = $1")
    .bind::<sql_types::BigInt, _>(task.id)
    .bind::<sql_types::Text, _>(log)
    .execute(tx.conn())
    .await?;
    tx.wake();
    Ok(())
}

/// What was paid for, or isn't wanted any more, comes to nothing; unless the company's rule is that staff decide. So
/// does a setting that is known not to have been made: its customer sees what is in force, and may set it again. All
/// else waits for staff.
async fn fail_for_good(tx: &mut Tx, task: &OpenTask, log: &str, known: bool) -> Result<(), Error> {
    let is_setting = Operation::ALL.into_iter().any(|operation| operation.is_setting() && task.is(operation));
    match tx.rules().provisioning.refund_failed {
        _ if task.cancel_asked => give_up(tx, task, log).await,
        _ if known && is_setting => nothing::end(tx, task, Nothing::Failed, log).await,
        RefundFailed::AtOnce if task.is_paid_for() => nothing::end(tx, task, Nothing::Failed, log).await,
        RefundFailed::AtOnce | RefundFailed::ByStaff => wait_for_staff(tx, task, log).await,
    }
}

async fn wait_for_staff(tx: &mut Tx, task: &OpenTask, log: &str) -> Result<(), Error> {
    sql("update task set state = 'manual', lease_owner = null, lease_until = null, results = results || $2, \
           handle = null, handle_at = null where id = $1")
    .bind::<sql_types::BigInt, _>(task.id)
    .bind::<sql_types::Text, _>(log)
    .execute(tx.conn())
    .await?;
    if task.is(Operation::Create) { hand_to_staff(tx, task).await } else { Ok(()) }
}

/// What can't be made is staff's: with its creation, all that is asked of the order waits for them, because there is
/// nothing yet that it could be done to. Other operations that failed for good leave the order as it is.
async fn hand_to_staff(tx: &mut Tx, create: &OpenTask) -> Result<(), Error> {
    let handed =
        sql("update orders set by_hand = true, state = case state when 'provisioning' then 'manual' else state end \
         where id = $1 and state <> 'terminated'")
        .bind::<sql_types::BigInt, _>(create.order_id)
        .execute(tx.conn())
        .await?;
    if handed == 1 {
        sql("update task set state = 'manual' where order_id = $1 and state = 'queued'")
            .bind::<sql_types::BigInt, _>(create.order_id)
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}
