//! Why there is no connection.

use tokio_postgres::error::SqlState;

use super::{Error, error::with_causes, hosts::Target, witness::Behind};

/// Why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{why}")]
pub struct Unconnected {
    /// What each host that was tried had to say.
    pub why: String,
    /// Whether a server answered that this role or its password is not right.
    pub refused_login: bool,
    /// Whether a server answered that lacks what was acknowledged.
    pub is_behind: bool,
}

impl Unconnected {
    pub(super) fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), refused_login: false, is_behind: false }
    }

    pub(super) fn behind(why: Behind) -> Self {
        Self { is_behind: true, ..Self::because(why.to_string()) }
    }

    pub(super) fn of_driver(error: &tokio_postgres::Error) -> Self {
        let refused = [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION];
        let refused_login = error.code().is_some_and(|code| refused.contains(code));
        Self { refused_login, ..Self::because(with_causes(error)) }
    }

    pub(super) fn at(self, target: &Target) -> Self {
        Self { why: format!("{}: {}", target.name, self.why), ..self }
    }
}

impl From<Unconnected> for Error {
    fn from(error: Unconnected) -> Self {
        Self::Unreachable(error.why)
    }
}

/// What all that was tried has failed with.
pub(super) fn all_of(failed: Vec<Unconnected>) -> Unconnected {
    let (refused_login, is_behind) = (failed.iter().any(|f| f.refused_login), failed.iter().any(|f| f.is_behind));
    let why: Vec<String> = failed.into_iter().map(|failed| failed.why).collect();
    let why = if why.is_empty() { "the URL names no host".to_owned() } else { why.join("; ") };
    Unconnected { why, refused_login, is_behind }
}
