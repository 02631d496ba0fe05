//! The tries of tasks: each claim, and what came of it.

use diesel::{ExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper, sql_types};
use diesel_async::RunQueryDsl;
use domain::tasks::TaskId;
use uuid::Uuid;

use super::lease::Lease;
use crate::{
    db::{Conn, Error, Tx, sql},
    schema::task_attempt::{self, dsl},
};

/// What came of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// It is done.
    Succeeded,
    /// It was not done, and may be next time.
    Retry,
    /// It was not done, and won't be without a person.
    Failed,
    /// It may have been done or not.
    Unknown,
    /// Its worker was not heard of any more.
    Lost,
    /// Its worker stopped; the try doesn't count.
    Released,
    /// Staff did not want it any more.
    Cancelled,
}

impl AttemptOutcome {
    /// As it stands in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Retry => "retry",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Lost => "lost",
            Self::Released => "released",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How a try ended.
pub(super) struct Ending<'a> {
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// The kind of failure.
    pub class: Option<&'a str>,
    /// The driver that tried.
    pub driver: Option<&'a str>,
    /// What is to be told of it.
    pub detail: &'a str,
}

impl Ending<'_> {
    /// One that says nothing but what came of it.
    pub const fn of(outcome: AttemptOutcome) -> Self {
        Self { outcome, class: None, driver: None, detail: "" }
    }
}

/// Keeps with a try what does it, before it does: also a try that is lost says so. False when the try is over.
///
/// # Errors
/// [`Error`] from the database.
pub async fn keep_driver(tx: &mut Tx, lease: &Lease, driver: &str) -> Result<bool, Error> {
    let under_way = dsl::task_attempt
        .filter(dsl::task_id.eq(lease.id.0))
        .filter(dsl::fence.eq(lease.fence))
        .filter(dsl::outcome.is_null());
    Ok(diesel::update(under_way).set(dsl::driver.eq(driver)).execute(tx.conn()).await? == 1)
}

/// Writes down how a try ended, in the transaction that ends it.
pub(super) async fn end(tx: &mut Tx, lease: &Lease, ending: &Ending<'_>) -> Result<(), Error> {
    // A claim of before this was written down has no row.
    sql("update task_attempt set ended_at = greatest(now(), started_at), outcome = $3, class = $4, \
           driver = coalesce(driver, $5), \
           detail = $6 \
         where task_id = $1 and fence = $2")
    .bind::<sql_types::BigInt, _>(lease.id.0)
    .bind::<sql_types::BigInt, _>(lease.fence)
    .bind::<sql_types::Text, _>(ending.outcome.name())
    .bind::<sql_types::Nullable<sql_types::Text>, _>(ending.class)
    .bind::<sql_types::Nullable<sql_types::Text>, _>(ending.driver)
    .bind::<sql_types::Text, _>(ending.detail)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A try, as staff see it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = task_attempt)]
pub struct AttemptRow {
    /// Which try, from 1; one that was released doesn't count.
    pub attempt: i32,
    /// The claim's fence.
    pub fence: i64,
    /// The worker.
    pub worker: Uuid,
    /// When it was claimed.
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    pub started_at: jiff::Timestamp,
    /// When it was over.
    #[diesel(deserialize_as = jiff_diesel::NullableTimestamp)]
    pub ended_at: Option<jiff::Timestamp>,
    /// The name of what came of it; none while it is under way.
    pub outcome: Option<String>,
    /// The kind of failure.
    pub class: Option<String>,
    /// The driver that tried.
    pub driver: Option<String>,
    /// What was told of it.
    pub detail: String,
}

/// A task's tries, oldest first.
///
/// # Errors
/// [`Error`] from the database.
pub async fn attempts(connection: &mut Conn, id: TaskId) -> Result<Vec<AttemptRow>, Error> {
    let tries = dsl::task_attempt.filter(dsl::task_id.eq(id.0)).order(dsl::fence).select(AttemptRow::as_select());
    Ok(tries.load(connection).await?)
}
