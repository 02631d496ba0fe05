//! Why a command has no answer.

use store::db::AsStoreError;

use crate::{
    faults::{Fault, Refusal},
    reply::EncodeError,
};

/// Why a command has no answer.
#[derive(Debug)]
pub enum Failure {
    /// The request is refused, with a row of the error table.
    Refused(Refusal),
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

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<EncodeError> for Failure {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl AsStoreError for Failure {
    fn as_store_error(&self) -> Option<&store::Error> {
        match self {
            Self::Store(error) => Some(error),
            Self::Refused(_) | Self::Encode(_) => None,
        }
    }
}

impl Failure {
    /// The row of the error table that answers it. What is not the client's doing is logged here, once.
    #[must_use]
    pub fn into_refusal(self, writes: bool) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal,
            Self::Store(store::Error::Unreachable(why)) => {
                tracing::warn!(why, "the database can't be reached");
                Fault::NoDatabase.into()
            }
            Self::Store(error) => {
                tracing::error!(%error, "the database refused");
                not_done(writes).into()
            }
            Self::Encode(error) => {
                tracing::error!(%error, "an answer can't be put in writing");
                not_done(writes).into()
            }
        }
    }
}

/// What answers when the fault is the gateway's own: 2 where something was to be written, else 1.
#[must_use]
pub const fn not_done(writes: bool) -> Fault {
    if writes { Fault::NotSaved } else { Fault::NoDatabase }
}
