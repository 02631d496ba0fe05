//! Commands of this surface, declared with the gateway's kit: one declaration each, from which come the dispatcher, the
//! reference page and the conformance tests.

mod dispatch;

use domain::orders::OrderId;
use gateway_http::{
    command::{self, STRICT, Surface},
    reply::Reply,
    request::Fields,
};
use store::servers::Service;

pub use dispatch::answer;

use crate::{ApiSettings, caller::Caller, fault::Fault};

/// The declaration of a command.
pub type Spec = command::Spec<Fault>;
/// A field of a request.
pub type FieldSpec = command::FieldSpec<Fault>;
/// When a field must be given.
pub type Need = command::Need<Fault>;
/// A command in the registry.
pub type Command = command::Command<Iv>;
/// Why a command has no answer.
pub type Failure = command::Failure<Fault>;
pub use gateway_http::command::{Effect, Form, Instead, Reading, ReplyField, Shape, Writing, joined};

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault)
    }
}

/// A request that has been authenticated, on its way to its command.
pub struct Call<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// With which fields.
    pub fields: &'a Fields,
    /// What of the surface is configured.
    pub settings: &'a ApiSettings,
    /// The service that it is about, for the commands that are about one.
    pub service: Option<Service>,
}

impl Call<'_> {
    /// The text of a field.
    #[must_use]
    pub fn text(&self, field: &FieldSpec) -> Option<&str> {
        self.fields.text(field.name)
    }

    /// The service that the command is about.
    ///
    /// # Errors
    /// [`Fault::Service`]: the dispatcher has seen to it that there is one where the command needs one.
    pub fn service(&self) -> Result<&Service, Fault> {
        self.service.as_ref().ok_or(Fault::Service)
    }

    /// Its id.
    ///
    /// # Errors
    /// As [`Call::service`].
    pub fn order(&self) -> Result<OrderId, Fault> {
        self.service().map(|service| service.order.id)
    }
}

/// `/json.php`.
#[derive(Debug, Clone, Copy)]
pub enum Iv {}

impl Surface for Iv {
    type Fault = Fault;
    type Call<'a> = Call<'a>;
    type Read = Reply;
    type Written = Reply;
    type Refusal = Fault;

    fn may_answer(command: Command, fault: Fault) -> bool {
        match fault {
            Fault::Parameter(STRICT) => true,
            Fault::Network | Fault::Credentials | Fault::Command | Fault::TooMany | Fault::Database => true,
            Fault::Id | Fault::Service if About::of(command).is_some() => true,
            _ => command.spec().faults.contains(&fault),
        }
    }
}

/// What a command is about, where it names it by `id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// One server.
    Server,
    /// One web hosting.
    Hosting,
}

impl About {
    /// What a command is about; nothing where it takes no `id`.
    #[must_use]
    pub fn of(command: Command) -> Option<Self> {
        let takes = |field| command.spec().fields.contains(&field);
        match (takes(SERVER_ID), takes(HOSTING_ID)) {
            (true, _) => Some(Self::Server),
            (_, true) => Some(Self::Hosting),
            (false, false) => None,
        }
    }
}

/// The web hosting that a command is about.
pub const HOSTING_ID: FieldSpec = FieldSpec { about: "The hosting, by the id of its service.", ..SERVER_ID };

/// The server that a command is about.
pub const SERVER_ID: FieldSpec = FieldSpec {
    name: "id",
    about: "The server, by the id of its service.",
    need: Need::Required(Fault::Id),
    example: "1042",
    malformed: Some(("abc", Fault::Id)),
    extension: false,
};
