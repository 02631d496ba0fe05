//! The one transaction wrapper: named, tried again on conflict, and sure of its outcome.

use std::{sync::Arc, time::Duration};

use diesel::{QueryableByName, sql_types};
use diesel_async::{
    AsyncConnection, AsyncPgConnection, RunQueryDsl, TransactionManager, pooled_connection::deadpool::Object,
};
use domain::catalogue::Catalogue;
use jiff::{Timestamp, civil::Date};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{self, Instant},
};
use uuid::Uuid;

use super::{
    Condition, Conn, Error, Realm, RealmKind, Rules,
    outcome::{Evidence, Fate, new_token},
    server::{POSITION, TIMELINE},
    sql,
};
use crate::seal::Keyring;

/// A transaction under way.
pub struct Tx {
    connection: Held,
    _place: OwnedSemaphorePermit,
    realm: Realm,
    now: Timestamp,
    evidence: Evidence,
    catalogue: Arc<Catalogue>,
    /// Whether workers are told once it is committed.
    wakes: bool,
}

/// A connection whose transaction may be open. Whoever drops it before the end, as a caller does that goes away, has it
/// closed: back in the pool it would hold its locks until somebody else takes it out.
pub(super) struct Held {
    connection: Option<Object<AsyncPgConnection>>,
    settled: bool,
}

impl Held {
    pub(super) const fn new(connection: Object<AsyncPgConnection>) -> Self {
        Self { connection: Some(connection), settled: false }
    }

    #[expect(clippy::expect_used, reason = "it is taken by drop alone")]
    pub(super) fn object(&mut self) -> &mut Object<AsyncPgConnection> {
        self.connection.as_mut().expect("a connection is held until it is dropped")
    }

    /// Nothing is open any more: it may go back to the pool.
    pub(super) const fn settle(&mut self) {
        self.settled = true;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take().filter(|_| !self.settled) {
            drop(Object::take(connection));
        }
    }
}

#[derive(QueryableByName)]
struct Head {
    #[diesel(sql_type = sql_types::Timestamptz)]
    now: jiff_diesel::Timestamp,
    #[diesel(sql_type = sql_types::Text)]
    xact: String,
    #[diesel(sql_type = sql_types::BigInt)]
    timeline: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    position: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    revision: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    rates: i64,
}

/// A transaction that loses against others is tried again for so long: a deadlock is found after a second, a lock that
/// is not had after two. Every answer comes within 10 s (CONTRACT 1.2).
const PATIENCE: Duration = Duration::from_secs(6);
/// How long the outcome of a commit whose answer was lost is looked for.
const FIND_OUT: Duration = Duration::from_secs(4);

type Manager = <Object<AsyncPgConnection> as AsyncConnection>::TransactionManager;

impl Realm {
    /// Runs `work` in a transaction: all of it becomes true, or nothing.
    ///
    /// After a conflict with another transaction `work` runs again, so it must have no effect but in the database.
    /// While the commit is not asked for, the database going away ends it with nothing done. When the answer to the
    /// commit is lost, the outcome is looked up.
    ///
    /// # Errors
    /// What `work` returns; [`Error`] from the database.
    pub async fn transaction<T, E: From<Error> + AsStoreError>(
        &self,
        name: &'static str,
        mut work: impl AsyncFnMut(&mut Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        let began = Instant::now();
        let mut attempt = 1;
        loop {
            let tried = Instant::now();
            match self.attempt(&mut work).await {
                Err(error) if began.elapsed() < PATIENCE && error.as_store_error().is_some_and(Error::is_conflict) => {
                    tracing::debug!(name, attempt, "transaction in conflict, tried again");
                    time::sleep(jitter(attempt, tried.elapsed())).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt<T, E: From<Error>>(&self, work: &mut impl AsyncFnMut(&mut Tx) -> Result<T, E>) -> Result<T, E> {
        let mut tx = self.begin().await?;
        let outcome = tokio::select! {
            outcome = work(&mut tx) => Some(outcome),
            () = self.monitor().writes_nothing() => None,
        };
        match outcome {
            None => Err(self.trouble().into()),
            Some(Ok(done)) => {
                let wakes = tx.wakes;
                tx.commit().await?;
                if wakes {
                    self.wakes().wake();
                }
                Ok(done)
            }
            Some(Err(error)) => {
                tx.roll_back().await;
                Err(error)
            }
        }
    }

    async fn begin(&self) -> Result<Tx, Error> {
        if self.monitor().condition() != Condition::Up {
            return Err(self.trouble());
        }
        let place = self.place_for_writing().await?;
        let mut connection = Held::new(self.connection().await?);
        let token = new_token()?;
        let begun = async {
            Manager::begin_transaction(connection.object()).await?;
            let head = head(connection.object(), token).await?;
            let catalogue = self.catalogue_cache().at(head.revision, head.rates, connection.object()).await?;
            Ok((head, catalogue))
        };
        let begun = tokio::select! {
            begun = begun => begun,
            () = self.monitor().writes_nothing() => Err(self.trouble()),
        };
        let (Head { now, xact, timeline, position, .. }, catalogue) = begun?;
        let evidence = Evidence { token, xact, timeline, position };
        Ok(Tx { connection, _place: place, realm: self.clone(), now: now.to_jiff(), evidence, catalogue, wakes: false })
    }
}

/// Writes what the transaction can be known by, and reads what it stands on.
async fn head(connection: &mut Conn, token: Uuid) -> Result<Head, Error> {
    let query = format!(
        "with evidence as (insert into commit_token (token) values ($1)) \
         select realm_now() as now, pg_current_xact_id()::text as xact, {TIMELINE} as timeline, {POSITION} as position, \
         (select coalesce(max(id), 0) from revision) as revision, \
         (select coalesce(max(id), 0) from exchange_rate) as rates"
    );
    Ok(sql(query).bind::<sql_types::Uuid, _>(token).get_result(connection).await?)
}

impl Tx {
    /// The transaction's moment, by the realm's clock: the database's own, but for a test realm that was moved ahead.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The day it is, in the company's time zone.
    #[must_use]
    pub fn today(&self) -> Date {
        domain::calendar::day_of(self.now, &self.rules().zone)
    }

    /// Has the transaction be of another day: one that a test realm's clock has passed already. The billing run lives
    /// through such days one after the other.
    ///
    /// # Errors
    /// [`Error::Refused`] for any day but today in the live realm, and for days to come.
    pub(crate) fn set_day(&mut self, day: Date) -> Result<(), Error> {
        let today = self.today();
        if day == today {
            return Ok(());
        }
        if self.realm() == RealmKind::Live || day > today {
            return Err(Error::Refused(format!("it is {today} and not {day}")));
        }
        let noon = day.at(12, 0, 0, 0).to_zoned(self.rules().zone.clone()).map_err(Error::corrupt)?;
        self.now = noon.timestamp();
        Ok(())
    }

    /// The catalogue in force.
    #[must_use]
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue.clone()
    }

    /// The company's rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        self.realm.rules()
    }

    /// Which realm it is in.
    #[must_use]
    pub const fn realm(&self) -> RealmKind {
        self.realm.kind()
    }

    /// Whether it is in a customer's own test realm.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        self.realm.is_own()
    }

    /// What seals secrets at rest.
    #[must_use]
    pub fn keys(&self) -> &Keyring {
        self.realm.keys()
    }

    /// Has workers told, once this is committed, that a task is due.
    pub(crate) const fn wake(&mut self) {
        self.wakes = true;
    }

    /// The connection, for queries.
    pub(crate) fn conn(&mut self) -> &mut Conn {
        self.connection.object()
    }

    async fn commit(mut self) -> Result<(), Error> {
        let committing = Manager::commit_transaction(self.connection.object());
        let lost = match time::timeout(FIND_OUT, committing).await {
            Ok(Ok(())) => {
                self.connection.settle();
                self.realm.witness(&self.evidence, self.now);
                return Ok(());
            }
            Ok(Err(error)) => match Error::from(error) {
                Error::Unreachable(why) => why,
                // A deferred constraint refused: the server has rolled back.
                refused => {
                    self.connection.settle();
                    return Err(refused);
                }
            },
            Err(_) => {
                self.realm.monitor().commit_hangs();
                "the commit is not answered".to_owned()
            }
        };
        drop(self.connection);
        let xact = &self.evidence.xact;
        tracing::warn!(xact, why = lost, "the answer to a commit was lost; looking its outcome up");
        match time::timeout(FIND_OUT, self.realm.find_out(&self.evidence)).await {
            Ok(Fate::Committed) => Ok(()),
            Ok(Fate::RolledBack) => Err(Error::Failed(format!("rolled back: {lost}"))),
            Ok(Fate::LeftBehind) => Err(Error::Failed(format!(
                "not done: the server that takes writes now has never had transaction {xact} ({lost})"
            ))),
            Err(_) => Err(Error::Failed(format!("outcome of transaction {xact} unknown: {lost}"))),
        }
    }

    async fn roll_back(mut self) {
        let rolling_back = Manager::rollback_transaction(self.connection.object());
        if matches!(time::timeout(Duration::from_secs(1), rolling_back).await, Ok(Ok(()))) {
            self.connection.settle();
        }
    }
}

/// An error that may be one of the database's.
pub trait AsStoreError {
    /// The database's error, if it is one.
    fn as_store_error(&self) -> Option<&Error>;
}

impl AsStoreError for Error {
    fn as_store_error(&self) -> Option<&Error> {
        Some(self)
    }
}

/// Between nothing and 20 ms × 2ⁿ, or as long as the attempt took if that was longer: those who met once need not meet
/// again, and those who wait for each other's rows have the time to get them.
fn jitter(attempt: u32, took: Duration) -> Duration {
    let ceiling = Duration::from_millis(20_u64 << attempt.min(6)).max(took);
    let ceiling = u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(getrandom::u64().unwrap_or(0) % ceiling)
}
