//! What can go wrong below SQL, sorted by what the caller can do about it.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Why a query or a transaction did not come through.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database can't be reached, or went away before anything was committed (code 1).
    #[error("no connection to the database: {0}")]
    Unreachable(String),
    /// A named constraint refused the write; nothing is written.
    #[error("constraint {name} refused: {message}")]
    Constraint {
        /// The constraint or unique index.
        name: String,
        /// What PostgreSQL said.
        message: String,
    },
    /// The ledger refused to overdraw a wallet.
    #[error("{0}")]
    Insufficient(String),
    /// Lost against a concurrent transaction; the same again may succeed.
    #[error("in conflict with a concurrent transaction: {0}")]
    Conflict(String),
    /// The row is not there.
    #[error("{0}")]
    NotFound(String),
    /// Refused with a reason for a person.
    #[error("{0}")]
    Refused(String),
    /// What is stored can't be read back as what it should be.
    #[error("stored data can't be read: {0}")]
    Corrupt(String),
    /// Anything else; nothing is written (code 2).
    #[error("the database refused: {0}")]
    Failed(String),
}

impl Error {
    /// Data that can't be read back.
    pub fn corrupt(what: impl std::fmt::Display) -> Self {
        Self::Corrupt(what.to_string())
    }

    /// Whether the same transaction, tried again, may succeed.
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }

    /// The constraint that refused, if one did.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Constraint { name, .. } => Some(name),
            _ => None,
        }
    }
}

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NotFound("no such row".into()),
            DieselError::DatabaseError(kind, info) => {
                let message = info.message().to_owned();
                let name = info.constraint_name().map(str::to_owned);
                of_database(kind, name, message)
            }
            DieselError::BrokenTransactionManager | DieselError::AlreadyInTransaction => {
                Self::Unreachable(error.to_string())
            }
            other => Self::Failed(other.to_string()),
        }
    }
}

fn of_database(kind: DatabaseErrorKind, name: Option<String>, message: String) -> Error {
    match (kind, name) {
        (DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand, _) => {
            Error::Unreachable(message)
        }
        (DatabaseErrorKind::SerializationFailure, _) => Error::Conflict(message),
        // Failed over: this server takes no writes any more (25006).
        (DatabaseErrorKind::ReadOnlyTransaction, _) => Error::Unreachable(message),
        (_, Some(name)) => Error::Constraint { name, message },
        // diesel-async 0.9 turns a few SQLSTATEs into kinds and keeps the others to itself: its type is private, and what
        // it shows of an error (message, detail, hint, names, position) has no code in it. So the texts must do. They
        // are the server's own, in English while `lc_messages` is so (docs/operations.md), and LD004's is ours.
        (_, None) if message.starts_with("insufficient funds") => Error::Insufficient(message),
        (_, None) if message.contains("deadlock detected") || message.contains("lock timeout") => {
            Error::Conflict(message)
        }
        (_, None) if is_shutdown(&message) || is_full(&message) => Error::Unreachable(message),
        (_, None) => Error::Failed(message),
    }
}

/// What PostgreSQL says to sessions while it goes down or comes up (57P01, 57P02, 57P03), and the driver of those it lost.
fn is_shutdown(message: &str) -> bool {
    ["terminating connection", "the database system is", "connection closed", "error communicating"]
        .iter()
        .any(|text| message.contains(text))
}

/// What the server's own system says to it when its disk is full (53100). As with one that has failed over: it is there and
/// reads, and writes again once somebody has seen to it.
fn is_full(message: &str) -> bool {
    ["No space left on device", "Disk quota exceeded"].iter().any(|text| message.contains(text))
}

/// An error with its causes, as far as they say something new: many keep the useful part in their source.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_in_recovery_is_unreachable_whatever_its_words() {
        for message in ["cannot execute pg_current_xact_id() during recovery", "nur lesende Transaktion"] {
            let error =
                DieselError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, Box::new(message.to_owned()));
            assert!(matches!(Error::from(error), Error::Unreachable(_)), "{message}");
        }
    }

    #[test]
    fn a_server_without_room_is_as_good_as_none() {
        let message = "could not extend file \"base/16384/2619\": No space left on device";
        let error = DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()));
        assert!(matches!(Error::from(error), Error::Unreachable(_)));
    }
}
