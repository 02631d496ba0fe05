//! What hooks say by themselves of work that they left under way.

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{catalogue::TariffId, tasks::TaskId};

use super::claim::driver_of;
use crate::db::{Conn, Error, Tx, sql};

/// What a hook said.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct CallbackRow {
    #[diesel(sql_type = sql_types::SmallInt)]
    status: i16,
    /// The body that it would have answered with.
    #[diesel(sql_type = sql_types::Text)]
    pub body: String,
}

impl CallbackRow {
    /// What the hook would have answered, as an HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        u16::try_from(self.status).unwrap_or_default()
    }
}

/// What became of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is kept, or one of the same claim was kept before.
    Kept,
    /// Another claim has the task, or none ever had it.
    Outdated,
}

#[derive(QueryableByName)]
struct Claimed {
    #[diesel(sql_type = sql_types::Nullable<sql_types::BigInt>)]
    fence: Option<i64>,
}

/// Keeps what a hook said of a claim. The first word counts. It moves no task: whoever waits for it finds it, and nobody
/// waits for what is over.
///
/// # Errors
/// [`Error`] from the database.
pub async fn record_callback(
    tx: &mut Tx,
    task: TaskId,
    fence: i64,
    status: u16,
    body: &str,
) -> Result<Recorded, Error> {
    let claimed: Option<Claimed> = sql("select fence from task where id = $1 for key share")
        .bind::<sql_types::BigInt, _>(task.0)
        .get_result(tx.conn())
        .await
        .optional()?;
    if claimed.and_then(|claimed| claimed.fence) != Some(fence) {
        return Ok(Recorded::Outdated);
    }
    sql("insert into task_callback (task_id, fence, status, body) values ($1, $2, $3, $4) on conflict do nothing")
        .bind::<sql_types::BigInt, _>(task.0)
        .bind::<sql_types::BigInt, _>(fence)
        .bind::<sql_types::SmallInt, _>(i16::try_from(status).unwrap_or_default())
        .bind::<sql_types::Text, _>(body)
        .execute(tx.conn())
        .await?;
    Ok(Recorded::Kept)
}

/// What the hook said of a claim, if it has said anything.
///
/// # Errors
/// [`Error`] from the database.
pub async fn callback(connection: &mut Conn, task: TaskId, fence: i64) -> Result<Option<CallbackRow>, Error> {
    Ok(sql("select status, body from task_callback where task_id = $1 and fence = $2")
        .bind::<sql_types::BigInt, _>(task.0)
        .bind::<sql_types::BigInt, _>(fence)
        .get_result(connection)
        .await
        .optional()?)
}

#[derive(QueryableByName)]
struct Tariff {
    #[diesel(sql_type = sql_types::BigInt)]
    tariff_id: i64,
}

/// The driver of a task's order: only its hook may call back. None when there is no such task, or no driver any more.
///
/// # Errors
/// [`Error`] from the database.
pub async fn driver_of_task(tx: &mut Tx, task: TaskId) -> Result<Option<String>, Error> {
    let tariff: Option<Tariff> =
        sql("select o.tariff_id from task t join orders o on o.id = t.order_id where t.id = $1")
            .bind::<sql_types::BigInt, _>(task.0)
            .get_result(tx.conn())
            .await
            .optional()?;
    Ok(tariff.and_then(|tariff| driver_of(tx, TariffId(tariff.tariff_id))))
}
