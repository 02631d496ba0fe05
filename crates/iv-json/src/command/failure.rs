//! Why a command has no answer.

use gateway_http::reply::EncodeError;
use store::db::AsStoreError;

use crate::fault::Fault;

/// Why a command has no answer.
#[derive(Debug)]
pub enum Failure {
    /// The request is refused.
    Refused(Fault),
    /// The database.
    Store(store::Error),
    /// The answer can't be put in writing.
    Encode(EncodeError),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault)
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
    /// What the client is told. What is not the client's doing is logged here, once.
    #[must_use]
    pub fn into_fault(self) -> Fault {
        match self {
            Self::Refused(fault) => fault,
            Self::Store(error) => {
                tracing::error!(%error, "the database refused");
                Fault::Database
            }
            Self::Encode(error) => {
                tracing::error!(%error, "an answer can't be put in writing");
                Fault::Database
            }
        }
    }
}
