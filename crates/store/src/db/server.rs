//! What a server says of itself: whether it takes writes, and how far its history goes.

use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow};

/// Which history of the database, as PostgreSQL has them: a cluster's number, and its timeline, which each promotion
/// and each recovery to a moment makes anew.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Place {
    /// `pg_control_system().system_identifier`: given when the cluster is made.
    pub(super) system: String,
    /// The timeline that it writes.
    pub(super) timeline: i64,
    /// How far it has written, in bytes of WAL.
    pub(super) position: i64,
}

/// A server, as it was when a connection was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ServerState {
    /// It follows another.
    Standby,
    /// It takes writes, unless it is told not to.
    Primary(Place),
}

/// The timeline that is written, and how far: the first eight digits of the file that is written now. What
/// `pg_control_checkpoint()` tells is the timeline of the last checkpoint, which after a promotion is the one before.
pub(super) const TIMELINE: &str =
    "('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::bigint";
/// The position that is written next.
pub(super) const POSITION: &str = "(pg_current_wal_insert_lsn() - '0/0')::bigint";

/// Asks for what [`ServerState::told`] reads.
pub(super) fn question() -> String {
    // `case`, because a standby refuses to be asked what it writes.
    format!(
        "select case when pg_is_in_recovery() then null else (select system_identifier from pg_control_system()) end, \
         case when not pg_is_in_recovery() then {TIMELINE} end, case when not pg_is_in_recovery() then {POSITION} end"
    )
}

impl ServerState {
    /// Reads the answer to [`question`].
    pub(super) fn told(answer: &[SimpleQueryMessage]) -> Option<Self> {
        let row = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        })?;
        let Some(system) = row.try_get(0).ok()? else { return Some(Self::Standby) };
        let number = |row: &SimpleQueryRow, at: usize| row.try_get(at).ok().flatten()?.parse().ok();
        Some(Self::Primary(Place { system: system.to_owned(), timeline: number(row, 1)?, position: number(row, 2)? }))
    }
}
