//! A round of the run: one day of the realm's, in one worker's hand.

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    calendar::day_of,
    dunning::{Finding, check, uncovered},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use jiff_diesel::ToDiesel;
use uuid::Uuid;

use super::{
    facts::facts,
    hold::{newest_release, set_held},
};
use crate::db::{Error, RealmKind, Tx, sql};

/// A worker that isn't heard of for so long has lost its round, in seconds.
const LEASE_SECONDS: i32 = 120;
/// What came up on a day is reminded of as often, in seconds.
const REMIND_SECONDS: i64 = 3600;

/// A day to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// By the realm's clock.
    pub day: Date,
    /// Whether it is today; else days follow that the realm's clock has passed already.
    pub is_today: bool,
    /// Whether customers are to be reminded after it: nobody was on this day yet, or not within the hour.
    pub reminds: bool,
    worker: Uuid,
}

/// What came of beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Another worker has it in hand.
    Elsewhere,
    /// It stands still until staff release it.
    Held {
        /// What was found.
        findings: Vec<Finding>,
        /// Whether it was found now.
        new: bool,
        /// The moment by the database's own clock.
        seen: Timestamp,
    },
    /// This day is to be run.
    Round {
        /// The round.
        round: Round,
        /// The moment by the database's own clock.
        seen: Timestamp,
    },
}

/// What a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Orders renewed from the balance.
    pub renewed: u32,
    /// Proformas raised ahead.
    pub raised: u32,
    /// Orders whose grace was over.
    pub suspended: u32,
    /// Orders that were kept long enough.
    pub terminated: u32,
    /// Orders that nobody paid for.
    pub expired: u32,
    /// Orders that could not be attended to.
    pub failed: u32,
}

impl Tally {
    /// With another's.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            renewed: self.renewed + other.renewed,
            raised: self.raised + other.raised,
            suspended: self.suspended + other.suspended,
            terminated: self.terminated + other.terminated,
            expired: self.expired + other.expired,
            failed: self.failed + other.failed,
        }
    }

    /// All that was done.
    #[must_use]
    pub const fn done(&self) -> u32 {
        self.renewed + self.raised + self.suspended + self.terminated + self.expired
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::Bool)]
    claimed: bool,
    #[diesel(sql_type = sql_types::Date, deserialize_as = jiff_diesel::Date)]
    last_day: Date,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Timestamptz>, deserialize_as = jiff_diesel::NullableTimestamp)]
    last_at: Option<Timestamp>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Timestamptz>, deserialize_as = jiff_diesel::NullableTimestamp)]
    reminded_at: Option<Timestamp>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Jsonb>)]
    held: Option<serde_json::Value>,
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    now: Timestamp,
}

/// Takes the run in hand, unless another worker has it or the interlock says no. `expected_now` is what the database's
/// clock should say by what this process counted since it last began.
///
/// The live realm runs today. A test realm's clock can have been moved ahead: it runs every day that it passed, in their
/// order, so that graces and ends fall on their days.
///
/// # Errors
/// [`Error`] from the database.
pub async fn begin(tx: &mut Tx, worker: Uuid, expected_now: Option<Timestamp>) -> Result<Begun, Error> {
    let row: Option<Row> =
        sql("select coalesce(claimed_until > now() and claimed_by <> $1, false) as claimed, last_day, last_at, reminded_at, held, \
           now() as now from billing_run for update skip locked")
        .bind::<sql_types::Uuid, _>(worker)
        .get_result(tx.conn())
        .await
        .optional()?;
    let Some(row) = row.filter(|row| !row.claimed) else { return Ok(Begun::Elsewhere) };
    let seen = row.now;
    if let Some(held) = row.held {
        let findings = serde_json::from_value(held).map_err(Error::corrupt)?;
        return Ok(Begun::Held { findings, new: false, seen });
    }
    let today = tx.today();
    let day = match tx.realm() {
        RealmKind::Live => today,
        RealmKind::Test => row.last_day.tomorrow().map_err(Error::corrupt)?.min(today),
    };
    // In a customer's own test realm there is nothing to guard, and nobody who could release it.
    let findings = if tx.is_own() {
        Vec::new()
    } else {
        let facts = facts(tx, day, seen, row.last_at, expected_now).await?;
        let found = check(&facts, &tx.rules().policy.limits);
        match found.is_empty() {
            true => found,
            false => uncovered(&found, newest_release(tx.conn()).await?.as_ref(), day),
        }
    };
    if !findings.is_empty() {
        set_held(tx, &findings).await?;
        return Ok(Begun::Held { findings, new: true, seen });
    }
    tx.set_day(day)?;
    let reminds = reminds(row.reminded_at, tx.now(), &tx.rules().zone);
    let round = Round { day, is_today: day == today, reminds, worker };
    sql("update billing_run set claimed_by = $1, claimed_until = now() + make_interval(secs => $2)")
        .bind::<sql_types::Uuid, _>(worker)
        .bind::<sql_types::Integer, _>(LEASE_SECONDS)
        .execute(tx.conn())
        .await?;
    Ok(Begun::Round { round, seen })
}

/// Whether it is time to remind customers: of what is due on a day, at its first run, and of what came up since each
/// hour. A clock that was set back has not reminded of what it passes again.
fn reminds(last: Option<Timestamp>, now: Timestamp, zone: &TimeZone) -> bool {
    let Some(last) = last else { return true };
    day_of(last, zone) != day_of(now, zone) || !(0..REMIND_SECONDS).contains(&last.duration_until(now).as_secs())
}

/// Writes down that customers were reminded after a round.
///
/// # Errors
/// [`Error`] from the database.
pub async fn reminded(tx: &mut Tx, round: &Round) -> Result<(), Error> {
    tx.set_day(round.day)?;
    let now = tx.now();
    sql("update billing_run set reminded_at = $1")
        .bind::<sql_types::Timestamptz, _>(now.to_diesel())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Writes down what was done so far and keeps the round in hand. False when it is lost, or staff stopped the run: then
/// nothing more is to be done.
///
/// # Errors
/// [`Error`] from the database.
pub async fn progress(tx: &mut Tx, round: &Round, tally: &Tally) -> Result<bool, Error> {
    record(tx, round.day, tally).await?;
    let kept = sql("update billing_run set claimed_until = now() + make_interval(secs => $2) where claimed_by = $1 \
         and claimed_until > now() and held is null")
    .bind::<sql_types::Uuid, _>(round.worker)
    .bind::<sql_types::Integer, _>(LEASE_SECONDS)
    .execute(tx.conn())
    .await?;
    Ok(kept == 1)
}

/// Ends a round with what was done since the last [`progress`]: its day has been run, and the run is free for others.
/// False when the round was lost, or staff stopped the run meanwhile. A worker whose lease ran out while it was frozen has
/// lost it though nobody took it over: what it would write would hide how long it stood still.
///
/// # Errors
/// [`Error`] from the database.
pub async fn end(tx: &mut Tx, round: &Round, tally: &Tally) -> Result<bool, Error> {
    record(tx, round.day, tally).await?;
    let ended = sql("update billing_run set last_day = greatest(last_day, $2), last_at = now(), claimed_by = null, \
         claimed_until = null where claimed_by = $1 and claimed_until > now() and held is null")
    .bind::<sql_types::Uuid, _>(round.worker)
    .bind::<sql_types::Date, _>(round.day.to_diesel())
    .execute(tx.conn())
    .await?;
    Ok(ended == 1)
}

/// Gives a round up: another worker may go on at once.
///
/// # Errors
/// [`Error`] from the database.
pub async fn leave(tx: &mut Tx, round: &Round) -> Result<(), Error> {
    sql("update billing_run set claimed_by = null, claimed_until = null where claimed_by = $1")
        .bind::<sql_types::Uuid, _>(round.worker)
        .execute(tx.conn())
        .await?;
    Ok(())
}

async fn record(tx: &mut Tx, day: Date, tally: &Tally) -> Result<(), Error> {
    let counts = [tally.renewed, tally.raised, tally.suspended, tally.terminated, tally.expired, tally.failed];
    let query = "insert into billing_day as d (day, renewed, raised, suspended, terminated, expired, failed) \
        values ($1, $2, $3, $4, $5, $6, $7) on conflict (day) do update set renewed = d.renewed + excluded.renewed, \
        raised = d.raised + excluded.raised, suspended = d.suspended + excluded.suspended, \
        terminated = d.terminated + excluded.terminated, expired = d.expired + excluded.expired, \
        failed = d.failed + excluded.failed, touched_at = now()";
    let mut query = diesel::sql_query(query).into_boxed().bind::<sql_types::Date, _>(day.to_diesel());
    for count in counts {
        query = query.bind::<sql_types::BigInt, _>(i64::from(count));
    }
    query.execute(tx.conn()).await?;
    Ok(())
}

/// The newest day that the run came to the end of.
///
/// # Errors
/// [`Error`] from the database.
pub async fn last_day(tx: &mut Tx) -> Result<Date, Error> {
    #[derive(QueryableByName)]
    struct LastDay {
        #[diesel(sql_type = sql_types::Date, deserialize_as = jiff_diesel::Date)]
        last_day: Date,
    }
    let row: LastDay = sql("select last_day from billing_run").get_result(tx.conn()).await?;
    Ok(row.last_day)
}
