//! How far a driver has come with a task, kept while it is under way so that another worker can go on from there. All of
//! it is fenced: who has lost the lease writes nothing.

use std::time::Duration;

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;

use super::lease::{HAD, Lease};
use crate::db::{Conn, Error, Tx, sql};

/// What earlier workers left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Which start of the machine's system was seen before a restart was first tried; empty when it was off.
    pub boot: Option<String>,
    /// What the driver waits for.
    pub handle: Option<Underway>,
}

/// Work under way that a driver waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Underway {
    /// The driver's own name of it.
    pub handle: String,
    /// For how long it has been under way.
    pub since: Duration,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    boot: Option<String>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    handle: Option<String>,
    #[diesel(sql_type = sql_types::Double)]
    since: f64,
}

/// How far a task has come. Nothing is told to whom the lease is lost: `None`.
///
/// # Errors
/// [`Error`] from the database.
pub async fn progress(connection: &mut Conn, lease: &Lease) -> Result<Option<Progress>, Error> {
    let row: Option<Row> = sql(format!(
        "select boot, handle, greatest(coalesce(extract(epoch from now() - handle_at), 0), 0)::float8 as since \
         from task where {HAD}"
    ))
    .bind::<sql_types::BigInt, _>(lease.id.0)
    .bind::<sql_types::BigInt, _>(lease.fence)
    .get_result(connection)
    .await
    .optional()?;
    Ok(row.map(|Row { boot, handle, since }| {
        let since = Duration::try_from_secs_f64(since).unwrap_or_default();
        Progress { boot, handle: handle.map(|handle| Underway { handle, since }) }
    }))
}

/// Keeps which start of the machine's system was seen before a restart was first tried. The first one stays. False when
/// the lease was lost.
///
/// # Errors
/// [`Error`] from the database.
pub async fn keep_boot(tx: &mut Tx, lease: &Lease, boot: &str) -> Result<bool, Error> {
    let set = "boot = coalesce(boot, $3)";
    write(tx, lease, set, Some(boot)).await
}

/// Keeps what a driver waits for, before it is waited for; `None` once it has said what came of it. False when the lease
/// was lost.
///
/// # Errors
/// [`Error`] from the database.
pub async fn keep_handle(tx: &mut Tx, lease: &Lease, handle: Option<&str>) -> Result<bool, Error> {
    let set = "handle = $3, handle_at = case when $3 is null then null when handle = $3 then handle_at else now() end";
    write(tx, lease, set, handle).await
}

/// Adds lines to a task's log while it is under way. False when the lease was lost.
///
/// # Errors
/// [`Error`] from the database.
pub async fn append_log(tx: &mut Tx, lease: &Lease, lines: &str) -> Result<bool, Error> {
    write(tx, lease, "results = results || $3", Some(lines)).await
}

/// Keeps whether all that the task wanted was seen; in the transaction that ends it. False when the lease was lost.
///
/// # Errors
/// [`Error`] from the database.
pub async fn keep_verified(tx: &mut Tx, lease: &Lease, verified: bool) -> Result<bool, Error> {
    write(tx, lease, "verified = $3::boolean", Some(if verified { "true" } else { "false" })).await
}

async fn write(tx: &mut Tx, lease: &Lease, set: &str, value: Option<&str>) -> Result<bool, Error> {
    let written = sql(format!("update task set {set} where {HAD}"))
        .bind::<sql_types::BigInt, _>(lease.id.0)
        .bind::<sql_types::BigInt, _>(lease.fence)
        .bind::<sql_types::Nullable<sql_types::Text>, _>(value)
        .execute(tx.conn())
        .await?;
    Ok(written == 1)
}
