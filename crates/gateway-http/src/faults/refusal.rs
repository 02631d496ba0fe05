//! Faults on their way to a client.

use domain::language::Language;

use super::{Dialect, Fault};
use crate::reply::{Map, Reply};

/// Why a request is refused: the fault, and what more there is to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The row of the error table.
    pub fault: Fault,
    /// Which field, which group. Goes on after the table's text; never holds a credential.
    pub detail: Option<String>,
}

impl Refusal {
    /// The fault with a detail that goes on after the table's text.
    pub fn with_detail(fault: Fault, detail: impl Into<String>) -> Self {
        Self { fault, detail: Some(detail.into()) }
    }

    /// `errorMsg`: exactly the table's text, then `: ` and the detail if there is one.
    pub fn message(&self, dialect: Dialect, language: Language) -> String {
        let text = self.fault.text(dialect, language);
        match &self.detail {
            Some(detail) => format!("{text}: {detail}"),
            None => text.to_owned(),
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self { fault, detail: None }
    }
}

/// The whole answer to a refused request: exactly `status=ERROR`, `errorCode`, `errorMsg` (CONTRACT 1.2).
pub fn error_reply(refusal: &Refusal, dialect: Dialect, language: Language) -> Reply {
    with_notice(Map::new().with("status", "ERROR"), refusal, dialect, language).into()
}

/// The answer with `errorCode` and `errorMsg` at its end: how a success goes on after a non-critical fault (30, 31).
pub fn with_notice(answer: Map, refusal: &Refusal, dialect: Dialect, language: Language) -> Map {
    answer.with("errorCode", refusal.fault.code().to_string()).with("errorMsg", refusal.message(dialect, language))
}
