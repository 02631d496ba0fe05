//! The run stands still, and staff let it go on.

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::dunning::{Finding, FindingKind, Release};
use jiff::{Timestamp, civil::Date};
use jiff_diesel::ToDiesel;

use crate::db::{Conn, Error, RealmKind, Tx, sql};

fn findings_of(json: serde_json::Value) -> Result<Vec<Finding>, Error> {
    serde_json::from_value(json).map_err(Error::corrupt)
}

pub(super) async fn set_held(tx: &mut Tx, findings: &[Finding]) -> Result<(), Error> {
    let json = serde_json::to_value(findings).map_err(Error::corrupt)?;
    sql("update billing_run set held = $1, held_at = coalesce(held_at, now())")
        .bind::<sql_types::Jsonb, _>(json)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Stops the run until it is released.
///
/// # Errors
/// [`Error::Refused`] when it stands still already.
pub async fn hold(tx: &mut Tx) -> Result<(), Error> {
    if held(tx).await?.is_some() {
        return Err(Error::Refused("the billing run stands still already".into()));
    }
    set_held(tx, &[Finding { kind: FindingKind::Staff, extent: 0 }]).await
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = sql_types::Nullable<sql_types::Jsonb>)]
    held: Option<serde_json::Value>,
}

/// What the run stands still for, with its row held.
async fn held(tx: &mut Tx) -> Result<Option<Vec<Finding>>, Error> {
    let row: Held = sql("select held from billing_run for update").get_result(tx.conn()).await?;
    row.held.map(findings_of).transpose()
}

/// Lets the run go on with what was found: with that, today, and with nothing else. The clock is believed as it is now.
///
/// # Errors
/// [`Error::Refused`] when it doesn't stand still.
pub async fn release(tx: &mut Tx, by: &str, note: &str) -> Result<Vec<Finding>, Error> {
    let findings = held(tx).await?.ok_or_else(|| Error::Refused("the billing run doesn't stand still".into()))?;
    let json = serde_json::to_value(&findings).map_err(Error::corrupt)?;
    // A test realm may have days behind today still to run.
    let (today, lives_through) = (tx.today(), tx.realm() == RealmKind::Test);
    sql("with released as (insert into billing_release (day, findings, released_by, note) \
           select case when $5 then least($1, last_day + 1) else $1 end, $2, $3, $4 from billing_run) \
         update billing_run set held = null, held_at = null, last_at = now()")
    .bind::<sql_types::Date, _>(today.to_diesel())
    .bind::<sql_types::Jsonb, _>(json)
    .bind::<sql_types::Text, _>(by)
    .bind::<sql_types::Text, _>(note)
    .bind::<sql_types::Bool, _>(lives_through)
    .execute(tx.conn())
    .await?;
    Ok(findings)
}

/// What staff released, and why.
#[derive(Debug, Clone, QueryableByName)]
pub struct ReleaseRow {
    /// The realm's day that it is for.
    #[diesel(sql_type = sql_types::Date, deserialize_as = jiff_diesel::Date)]
    pub day: Date,
    /// What was found, as JSON.
    #[diesel(sql_type = sql_types::Jsonb)]
    findings: serde_json::Value,
    /// Who.
    #[diesel(sql_type = sql_types::Text)]
    pub released_by: String,
    /// Why.
    #[diesel(sql_type = sql_types::Text)]
    pub note: String,
    /// When.
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub released_at: Timestamp,
}

async fn newest(connection: &mut Conn) -> Result<Option<ReleaseRow>, Error> {
    let query = "select day, findings, released_by, note, released_at from billing_release order by id desc limit 1";
    Ok(sql(query).get_result(connection).await.optional()?)
}

pub(super) async fn newest_release(connection: &mut Conn) -> Result<Option<Release>, Error> {
    let row = newest(connection).await?;
    row.map(|row| Ok(Release { day: row.day, findings: findings_of(row.findings)? })).transpose()
}

/// What the run did on a day.
#[derive(Debug, Clone, QueryableByName)]
pub struct Day {
    /// The day.
    #[diesel(sql_type = sql_types::Date, deserialize_as = jiff_diesel::Date)]
    pub day: Date,
    /// Orders renewed from the balance.
    #[diesel(sql_type = sql_types::BigInt)]
    pub renewed: i64,
    /// Proformas raised ahead.
    #[diesel(sql_type = sql_types::BigInt)]
    pub raised: i64,
    /// Orders whose grace was over.
    #[diesel(sql_type = sql_types::BigInt)]
    pub suspended: i64,
    /// Orders that were kept long enough.
    #[diesel(sql_type = sql_types::BigInt)]
    pub terminated: i64,
    /// Orders that nobody paid for.
    #[diesel(sql_type = sql_types::BigInt)]
    pub expired: i64,
    /// Tries that came to nothing.
    #[diesel(sql_type = sql_types::BigInt)]
    pub failed: i64,
}

/// Where the run stands.
#[derive(Debug, Clone)]
pub struct Status {
    /// What it stands still for; none while it runs.
    pub held: Option<Vec<Finding>>,
    /// Since when.
    pub held_at: Option<Timestamp>,
    /// The newest day that it came to the end of.
    pub last_day: Date,
    /// When that was.
    pub last_at: Option<Timestamp>,
    /// Whether a worker has it in hand.
    pub running: bool,
    /// The newest release.
    pub release: Option<ReleaseRow>,
    /// The newest days, newest first.
    pub days: Vec<Day>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::Nullable<sql_types::Jsonb>)]
    held: Option<serde_json::Value>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Timestamptz>, deserialize_as = jiff_diesel::NullableTimestamp)]
    held_at: Option<Timestamp>,
    #[diesel(sql_type = sql_types::Date, deserialize_as = jiff_diesel::Date)]
    last_day: Date,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Timestamptz>, deserialize_as = jiff_diesel::NullableTimestamp)]
    last_at: Option<Timestamp>,
    #[diesel(sql_type = sql_types::Bool)]
    running: bool,
}

/// Where the run stands, with the last 14 days.
///
/// # Errors
/// [`Error`] from the database.
pub async fn status(connection: &mut Conn) -> Result<Status, Error> {
    let row: Row = sql(
        "select held, held_at, last_day, last_at, coalesce(claimed_until > now(), false) as running from billing_run",
    )
    .get_result(connection)
    .await?;
    let days = sql(
        "select day, renewed, raised, suspended, terminated, expired, failed from billing_day order by day desc limit 14",
    );
    Ok(Status {
        held: row.held.map(findings_of).transpose()?,
        held_at: row.held_at,
        last_day: row.last_day,
        last_at: row.last_at,
        running: row.running,
        release: newest(connection).await?,
        days: days.load(connection).await?,
    })
}
