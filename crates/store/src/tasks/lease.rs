//! Leases: who has a task for now. The database's clock is the only clock.

use std::time::Duration;

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{orders::OrderId, tasks::TaskId};

use crate::db::{Conn, Error, Tx, sql};

/// A lease lasts so many seconds unless it is renewed.
pub(super) const LEASE_SECONDS: i32 = 30;

/// Whether a task (`$1`) is still had by a claim of that fence (`$2`). A task has an owner exactly while it runs; its
/// state is not asked for, lest the planner read through an index of all that runs for the sake of one.
pub(super) const HAD: &str = "id = $1 and fence = $2 and lease_owner is not null";

/// One claim of a task. What an older claim still writes is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The task.
    pub id: TaskId,
    /// Of which order.
    pub order: OrderId,
    /// Which try this is, from 1.
    pub attempt: i32,
    /// After so many it has failed for good.
    pub max_attempts: i32,
    /// Grows with each claim.
    pub fence: i64,
    /// For how long it had waited for its hypervisor when it was claimed; `None` when it was not waiting.
    pub waited: Option<Duration>,
}

/// What a worker is told that says it is alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewed {
    /// Go on.
    Held,
    /// Staff don't want it any more: let go of it.
    CancelAsked,
    /// The lease is lost: the work is another's now.
    Lost,
}

#[derive(QueryableByName)]
struct Asked {
    #[diesel(sql_type = sql_types::Bool)]
    cancel: bool,
}

/// Says that the worker is alive.
///
/// # Errors
/// [`Error`] from the database.
pub async fn renew_lease(tx: &mut Tx, lease: &Lease) -> Result<Renewed, Error> {
    let renewed: Option<Asked> = sql(format!(
        "update task set lease_until = now() + make_interval(secs => $3) where {HAD} \
         returning cancel_requested_at is not null as cancel"
    ))
    .bind::<sql_types::BigInt, _>(lease.id.0)
    .bind::<sql_types::BigInt, _>(lease.fence)
    .bind::<sql_types::Integer, _>(LEASE_SECONDS)
    .get_result(tx.conn())
    .await
    .optional()?;
    Ok(match renewed {
        Some(Asked { cancel: false }) => Renewed::Held,
        Some(Asked { cancel: true }) => Renewed::CancelAsked,
        None => Renewed::Lost,
    })
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    order_id: i64,
    #[diesel(sql_type = sql_types::Integer)]
    attempt: i32,
    #[diesel(sql_type = sql_types::Integer)]
    max_attempts: i32,
    #[diesel(sql_type = sql_types::BigInt)]
    fence: i64,
}

/// The leases that ran out longest ago, of workers that are not heard of any more. `reap` ends them one by one, so that
/// one that can't be ended does not keep the others.
///
/// # Errors
/// [`Error`] from the database.
pub async fn expired(connection: &mut Conn) -> Result<Vec<Lease>, Error> {
    let rows: Vec<Row> = sql("select id, order_id, attempt, max_attempts, fence from task \
         where state = 'running' and lease_until < now() order by lease_until, id limit 100")
    .load(connection)
    .await?;
    let lease = |row: Row| Lease {
        id: TaskId(row.id),
        order: OrderId(row.order_id),
        attempt: row.attempt,
        max_attempts: row.max_attempts,
        fence: row.fence,
        waited: None,
    };
    Ok(rows.into_iter().map(lease).collect())
}
