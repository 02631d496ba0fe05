//! What became of notices, for staff.

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::customers::CustomerId;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::db::{Conn, Error, Tx, sql};

/// Which notices.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoticeFilter<'a> {
    /// Of a customer.
    pub customer: Option<CustomerId>,
    /// In a state.
    pub state: Option<&'a str>,
    /// At the most.
    pub most: i64,
}

/// A notice.
#[derive(Debug, Clone, QueryableByName)]
pub struct NoticeRow {
    /// Its number.
    #[diesel(sql_type = sql_types::BigInt)]
    pub id: i64,
    /// What makes its message the same each time.
    #[diesel(sql_type = sql_types::Uuid)]
    pub uid: Uuid,
    /// What happened.
    #[diesel(sql_type = sql_types::Text)]
    pub event: String,
    /// Which time.
    #[diesel(sql_type = sql_types::Text)]
    pub key: String,
    /// How it is told.
    #[diesel(sql_type = sql_types::Text)]
    pub channel: String,
    /// Whose it is.
    #[diesel(sql_type = sql_types::Text)]
    pub login: String,
    /// What there was to tell.
    #[diesel(sql_type = sql_types::Jsonb)]
    pub facts: Value,
    /// When it happened, by the realm's clock.
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub at: Timestamp,
    /// `waiting`, `sent`, `skipped` or `failed`.
    #[diesel(sql_type = sql_types::Text)]
    pub state: String,
    /// How often it was tried.
    #[diesel(sql_type = sql_types::Integer)]
    pub attempt: i32,
    /// Not tried before.
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub due_at: Timestamp,
    /// What became of the last try.
    #[diesel(sql_type = sql_types::Text)]
    pub detail: String,
}

const ROW: &str = "select n.id, n.uid, n.event, n.key, n.channel, c.login, n.facts, n.at, n.state, n.attempt, n.due_at, \
    n.detail from notice n join customer c on c.id = n.customer_id";

/// Notices, the newest first.
///
/// # Errors
/// [`Error`] from the database.
pub async fn list(connection: &mut Conn, filter: &NoticeFilter<'_>) -> Result<Vec<NoticeRow>, Error> {
    let query = format!(
        "{ROW} where ($1 is null or n.customer_id = $1) and ($2 is null or n.state = $2) order by n.id desc limit $3"
    );
    Ok(sql(query)
        .bind::<sql_types::Nullable<sql_types::BigInt>, _>(filter.customer.map(|id| id.0))
        .bind::<sql_types::Nullable<sql_types::Text>, _>(filter.state)
        .bind::<sql_types::BigInt, _>(filter.most)
        .load(connection)
        .await?)
}

/// A notice.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn show(connection: &mut Conn, id: i64) -> Result<NoticeRow, Error> {
    let found = sql(format!("{ROW} where n.id = $1")).bind::<sql_types::BigInt, _>(id);
    let found = found.get_result(connection).await.optional()?;
    found.ok_or_else(|| Error::NotFound(format!("there is no notice {id}")))
}

/// Has notices that failed or were skipped tried again, now: one, or all that failed. Returns how many.
///
/// # Errors
/// [`Error::Refused`] when the one is of another state.
pub async fn retry(tx: &mut Tx, id: Option<i64>) -> Result<usize, Error> {
    let condition = match id {
        Some(_) => "id = $1 and state in ('failed', 'skipped')",
        None => "$1 is null and state = 'failed'",
    };
    let query = format!(
        "update notice set state = 'waiting', ended_at = null, since = now(), due_at = now() where {condition}"
    );
    let again = sql(query).bind::<sql_types::Nullable<sql_types::BigInt>, _>(id).execute(tx.conn()).await?;
    match id {
        Some(id) if again == 0 => {
            let NoticeRow { state, .. } = show(tx.conn(), id).await?;
            Err(Error::Refused(format!("notice {id} is {state}")))
        }
        _ => Ok(again),
    }
}

/// What is wrong with the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct Trouble {
    /// Given up.
    #[diesel(sql_type = sql_types::BigInt)]
    pub failed: i64,
    /// Due for more than ten minutes, and in nobody's hand.
    #[diesel(sql_type = sql_types::BigInt)]
    pub late: i64,
    /// Webhooks that were given up.
    #[diesel(sql_type = sql_types::BigInt)]
    pub disabled: i64,
}

/// What is wrong with the outbox.
///
/// # Errors
/// [`Error`] from the database.
pub async fn trouble(connection: &mut Conn) -> Result<Trouble, Error> {
    let query = "select (select count(*) from notice where state = 'failed') as failed, \
        (select count(*) from notice where state = 'waiting' and due_at < now() - interval '10 minutes' \
          and claimed_by is null) as late, \
        (select count(*) from webhook where disabled_at is not null) as disabled";
    Ok(sql(query).get_result(connection).await?)
}
