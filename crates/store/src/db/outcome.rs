//! Whether a transaction was committed whose commit got no answer: told by what it left in the database itself
//! (`docs/adr/0032-evidence-of-commits.md`).
//!
//! A transaction's number is no such evidence: those that never reached the standby are given out again by the server
//! that was promoted, and then somebody else's transaction answers to it.

use std::time::Duration;

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use jiff::Timestamp;
use tokio::time;
use uuid::Uuid;

use super::{Conn, Error, Realm, RealmKind, Tx, server::TIMELINE, sql, transaction::Held};

/// Tokens are kept so long, as an interval: many times longer than anybody looks for one, and than a promotion takes.
pub(super) const TOKENS_KEPT: &str = "15 minutes";
/// How often a commit is looked for that may still be under way.
const POLL: Duration = Duration::from_millis(100);

/// What a transaction can be known by.
#[derive(Debug, Clone)]
pub(super) struct Evidence {
    /// The row that it writes with its first statement.
    pub(super) token: Uuid,
    /// Its number, which counts on the timeline that it began on.
    pub(super) xact: String,
    /// Where it began.
    pub(super) timeline: i64,
    /// Where it began, in bytes of WAL.
    pub(super) position: i64,
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was committed, and is wherever what a commit is to reach is.
    Committed,
    /// Its server rolled it back.
    RolledBack,
    /// It never came to the server that takes writes now.
    LeftBehind,
}

#[derive(QueryableByName)]
struct Status {
    #[diesel(sql_type = sql_types::Bool)]
    there: bool,
    #[diesel(sql_type = sql_types::Bool)]
    elsewhere: bool,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    status: Option<String>,
}

/// A token that nobody else has.
pub(super) fn new_token() -> Result<Uuid, Error> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(|error| Error::Failed(error.to_string()))?;
    Ok(Uuid::from_bytes(random))
}

impl Realm {
    /// Looks until it is known, on servers that take writes.
    pub(super) async fn find_out(&self, evidence: &Evidence) -> Fate {
        loop {
            match self.look(evidence).await {
                Ok(Some(fate)) => return fate,
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "the outcome of a commit could not be looked up"),
            }
            time::sleep(POLL).await;
        }
    }

    async fn look(&self, evidence: &Evidence) -> Result<Option<Fate>, Error> {
        // Closed when this is dropped before its end: it may wait for a standby for ever.
        let mut connection = Held::new(self.connection().await?);
        let fate = fate(connection.object(), evidence).await?;
        connection.settle();
        Ok(fate)
    }

    /// A transaction was acknowledged: whoever is behind it from now on is not used.
    pub(super) fn witness(&self, evidence: &Evidence, at: Timestamp) {
        let monitor = self.monitor();
        monitor.committed();
        let Some(witness) = monitor.witness() else { return };
        let Evidence { timeline, position, token, .. } = *evidence;
        let is_live = self.schema() == RealmKind::Live.schema();
        witness.acknowledged(timeline, position, is_live.then_some(token), at);
    }
}

/// What became of it as far as this server can tell; `None` while it may be under way.
async fn fate(connection: &mut Conn, evidence: &Evidence) -> Result<Option<Fate>, Error> {
    // Locked, so that this look is a write itself: its own commit waits for whatever the one that it finds has to be
    // on, as a session that was ended while it waited for the standby has made its commit visible though the standby
    // lacks it.
    let query = format!(
        "with found as materialized (select from commit_token where token = $3 for update) \
         select exists (select from found) as there, {TIMELINE} <> $2 as elsewhere, \
           case when {TIMELINE} = $2 then pg_xact_status($1::xid8) end as status"
    );
    let asked = sql(query)
        .bind::<sql_types::Text, _>(&evidence.xact)
        .bind::<sql_types::BigInt, _>(evidence.timeline)
        .bind::<sql_types::Uuid, _>(evidence.token);
    Ok(match asked.get_result(connection).await? {
        Status { there: true, .. } => Some(Fate::Committed),
        Status { elsewhere: true, .. } => Some(Fate::LeftBehind),
        Status { status: Some(status), .. } if status == "aborted" => Some(Fate::RolledBack),
        Status { .. } => None,
    })
}

/// Takes out tokens that nobody looks for any more. Returns how many.
///
/// # Errors
/// [`Error`] from the database.
pub async fn forget_tokens(tx: &mut Tx) -> Result<usize, Error> {
    let query = format!("delete from commit_token where at < clock_timestamp() - interval '{TOKENS_KEPT}'");
    Ok(sql(query).execute(tx.conn()).await?)
}
