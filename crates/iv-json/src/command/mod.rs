//! Commands of this surface, declared with the gateway's kit: one declaration each, from which come the dispatcher, the
//! reference page and the conformance tests.

mod dispatch;
mod failure;

use domain::orders::OrderId;
use futures_util::future::LocalBoxFuture;
use gateway_http::{command, reply::Reply, request::Fields};
use store::{Conn, Realm, Tx, servers::Service};

pub use dispatch::answer;
pub use failure::Failure;

use crate::{ApiSettings, caller::Caller, fault::Fault};

/// The declaration of a command.
pub type Spec = command::Spec<Fault>;
/// A field of a request.
pub type FieldSpec = command::FieldSpec<Fault>;
/// When a field must be given.
pub type Need = command::Need<Fault>;
pub use gateway_http::command::{Effect, Form, ReplyField};

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

/// How the fields of a success are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Once.
    One,
    /// A list of them.
    List,
    /// Each by a name that the answer gives it.
    ByName,
    /// Texts by names, of which one is declared as all are.
    Texts,
}

/// What is answered in place of the declared success: when, and its fields.
pub type Instead = (&'static str, &'static [ReplyField]);

/// A command that only reads.
pub trait Reading: Sync {
    /// Its declaration.
    fn spec(&self) -> &'static Spec;

    /// How its success is put together.
    fn shape(&self) -> Shape {
        Shape::One
    }

    /// Answers a call.
    fn answer<'a>(
        &'a self,
        call: &'a Call<'a>,
        realm: &'a Realm,
        connection: &'a mut Conn,
    ) -> LocalBoxFuture<'a, Result<Reply, Failure>>;
}

/// A command that writes: it runs in a transaction, perhaps more than once, and must have no effect but there. Its success
/// is one object.
pub trait Writing: Sync {
    /// Its declaration.
    fn spec(&self) -> &'static Spec;

    /// What it answers instead where it is asked for something else.
    fn instead(&self) -> Option<Instead> {
        None
    }

    /// Answers a call.
    fn answer<'a>(&'a self, call: &'a Call<'a>, tx: &'a mut Tx) -> LocalBoxFuture<'a, Result<Reply, Failure>>;
}

/// A command in the registry.
#[derive(Clone, Copy)]
pub enum Command {
    /// It only reads.
    Reads(&'static dyn Reading),
    /// It writes.
    Writes(&'static dyn Writing),
}

impl Command {
    /// Its declaration.
    #[must_use]
    pub fn spec(self) -> &'static Spec {
        match self {
            Self::Reads(command) => command.spec(),
            Self::Writes(command) => command.spec(),
        }
    }

    /// How its success is put together.
    #[must_use]
    pub fn shape(self) -> Shape {
        match self {
            Self::Reads(command) => command.shape(),
            Self::Writes(_) => Shape::One,
        }
    }

    /// What it answers instead where it is asked for something else.
    #[must_use]
    pub fn instead(self) -> Option<Instead> {
        match self {
            Self::Reads(_) => None,
            Self::Writes(command) => command.instead(),
        }
    }

    /// Whether it is about one server, named by `id`.
    #[must_use]
    pub fn is_about_a_server(self) -> bool {
        self.spec().fields.contains(&SERVER_ID)
    }

    /// Whether it is about one web hosting, named by `id`.
    #[must_use]
    pub fn is_about_hosting(self) -> bool {
        self.spec().fields.contains(&HOSTING_ID)
    }

    /// Whether it can answer a fault: one of its own, or one of every request.
    #[must_use]
    pub fn may_answer(self, fault: Fault) -> bool {
        let of_id = self.is_about_a_server() || self.is_about_hosting();
        match fault {
            Fault::Network | Fault::Credentials | Fault::Command | Fault::TooMany | Fault::Database => true,
            Fault::Id | Fault::Service if of_id => true,
            _ => self.spec().faults.contains(&fault),
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
