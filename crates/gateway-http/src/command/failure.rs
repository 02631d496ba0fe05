//! Why a command has no answer.

use store::db::AsStoreError;

use crate::{
    faults::{Fault, Refusal},
    reply::EncodeError,
};

/// Why a command has no answer. `R` is what its surface refuses with.
#[derive(Debug)]
pub enum Failure<R = Refusal> {
    /// The request is refused.
    Refused(R),
    /// The database.
    Store(store::Error),
    /// The answer can't be put in writing.
    Encode(EncodeError),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault.into())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<R> From<store::Error> for Failure<R> {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl<R> From<EncodeError> for Failure<R> {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl<R> AsStoreError for Failure<R> {
    fn as_store_error(&self) -> Option<&store::Error> {
        match self {
            Self::Store(error) => Some(error),
            Self::Refused(_) | Self::Encode(_) => None,
        }
    }
}

impl<R> Failure<R> {
    /// What the client is told: the refusal, or what the surface answers when the database is `unreachable` and when it
    /// is there and the request was `not_done` all the same. What is not the client's doing is logged here, once; that
    /// the database is gone says its monitor, for all requests.
    #[must_use]
    pub fn told(self, unreachable: R, not_done: R) -> R {
        match self {
            Self::Refused(refusal) => refusal,
            Self::Store(store::Error::Unreachable(why)) => {
                tracing::debug!(why, "the database can't be reached");
                unreachable
            }
            Self::Store(error) => {
                tracing::error!(%error, "the database refused");
                not_done
            }
            Self::Encode(error) => {
                tracing::error!(%error, "an answer can't be put in writing");
                not_done
            }
        }
    }
}

/// What answers when the fault is the gateway's own: 2 where something was to be written, else 1.
#[must_use]
pub const fn not_done(writes: bool) -> Fault {
    if writes { Fault::NotSaved } else { Fault::NoDatabase }
}
