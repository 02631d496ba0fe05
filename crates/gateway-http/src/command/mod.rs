//! The command kit: one declaration a command, from which come the dispatcher, the reference page, the list of codes
//! and the conformance tests.

mod dispatch;
mod failure;
mod idempotency;
mod kit;
mod spec;
mod unknown;

use domain::orders::Unpaid;
use store::orders::Buyer;

pub use dispatch::{Outcome, answer};
pub use failure::{Failure, not_done};
pub use idempotency::REQUEST_ID;
pub use kit::{Command, Reading, Surface, Writing};
pub use spec::{
    COMMON_FAULTS, Effect, FieldSpec, Form, Instead, Need, ReplyField, Shape, Spec, WRITING_FAULTS, joined,
};
pub use unknown::{STRICT, Unknown};

use crate::{
    auth::Caller,
    faults::{Dialect, Fault, Refusal},
    reply::Map,
    request::Fields,
};

/// The fields of every command on `/apih.php`. Commands that only read ignore `requestid`.
pub const COMMON_FIELDS: &[&str] = &["command", "login", "pass", "apikey", "json", REQUEST_ID.name];

/// A request that has been authenticated, on its way to its command.
pub struct Call<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// With which fields.
    pub fields: &'a Fields,
    /// In which dialect the answer is.
    pub dialect: Dialect,
    spec: &'static Spec,
}

impl<'a> Call<'a> {
    /// A call of the command of `spec`.
    #[must_use]
    pub const fn new(caller: &'a Caller, fields: &'a Fields, dialect: Dialect, spec: &'static Spec) -> Self {
        Self { caller, fields, dialect, spec }
    }

    /// The text of a field that the command declares.
    #[must_use]
    pub fn text(&self, field: &FieldSpec) -> Option<&'a str> {
        debug_assert!(self.spec.fields.iter().any(|f| f.name == field.name), "{} is not declared", field.name);
        self.fields.text(field.name)
    }

    /// The text of a field that the command declares and that takes a list.
    #[must_use]
    pub fn list(&self, field: &FieldSpec) -> Option<&'a str> {
        debug_assert!(self.spec.fields.iter().any(|f| f.name == field.name), "{} is not declared", field.name);
        self.fields.list(field.name)
    }

    /// Who buys.
    #[must_use]
    pub fn buyer(&self) -> Buyer {
        Buyer { customer: self.caller.customer, currency: self.caller.currency, vat: self.caller.vat }
    }

    /// What becomes of an order that the balance can't pay, in this dialect (CONTRACT 1.3).
    #[must_use]
    pub const fn unpaid(&self) -> Unpaid {
        match self.dialect {
            Dialect::Friendhosting => Unpaid::Accept,
            Dialect::Rootpanel => Unpaid::Refuse,
        }
    }
}

/// The beginning of every success (CONTRACT 1.2).
#[must_use]
pub fn success() -> Map {
    Map::new().with("status", "SUCCESS")
}

/// What a command answers: its fields, and what there is to say beside (30, 31).
pub struct Answer {
    /// The fields, `status` first.
    pub fields: Map,
    /// A non-critical fault.
    pub notice: Option<Refusal>,
}

impl From<Map> for Answer {
    fn from(fields: Map) -> Self {
        Self { fields, notice: None }
    }
}

/// `/apih.php`.
#[derive(Debug, Clone, Copy)]
pub enum Apih {}

impl Surface for Apih {
    type Fault = Fault;
    type Call<'a> = Call<'a>;
    type Read = Map;
    type Written = Answer;
    type Refusal = Refusal;

    fn may_answer(command: Command, fault: Fault) -> bool {
        let of_writing = command.writes() && WRITING_FAULTS.contains(&fault);
        COMMON_FAULTS.contains(&fault) || of_writing || command.spec().faults.contains(&fault)
    }
}
