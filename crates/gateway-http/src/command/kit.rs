//! What a command is, on whichever surface.

use futures_util::future::LocalBoxFuture;
use store::{Conn, Realm, Tx};

use super::{Apih, Effect, Failure, Instead, Shape, Spec};

/// An API with commands: what they are called with, and what they answer.
pub trait Surface: Copy + 'static {
    /// A row of its error table.
    type Fault: Copy + 'static;
    /// A request that has been authenticated, on its way to its command.
    type Call<'a>;
    /// What a command that only reads answers.
    type Read;
    /// What a command that writes answers.
    type Written;
    /// What a request is refused with.
    type Refusal;

    /// Whether a command can answer a fault: one of its own, or one of every request.
    fn may_answer(command: Command<Self>, fault: Self::Fault) -> bool;
}

/// A command that only reads.
pub trait Reading<S: Surface = Apih>: Sync {
    /// Its declaration.
    fn spec(&self) -> &'static Spec<S::Fault>;

    /// How its success is put together.
    fn shape(&self) -> Shape {
        Shape::One
    }

    /// Answers a call.
    fn answer<'a>(
        &'a self,
        call: &'a S::Call<'a>,
        realm: &'a Realm,
        connection: &'a mut Conn,
    ) -> LocalBoxFuture<'a, Result<S::Read, Failure<S::Refusal>>>;
}

/// A command that writes: it runs in a transaction, perhaps more than once, and must have no effect but there. Its
/// success is one object.
pub trait Writing<S: Surface = Apih>: Sync {
    /// Its declaration.
    fn spec(&self) -> &'static Spec<S::Fault>;

    /// What it answers instead where it is asked for something else.
    fn instead(&self) -> Option<Instead> {
        None
    }

    /// Answers a call.
    fn answer<'a>(
        &'a self,
        call: &'a S::Call<'a>,
        tx: &'a mut Tx,
    ) -> LocalBoxFuture<'a, Result<S::Written, Failure<S::Refusal>>>;
}

/// A command in the registry of its surface.
#[derive(Clone, Copy)]
pub enum Command<S: Surface = Apih> {
    /// It only reads.
    Reads(&'static dyn Reading<S>),
    /// It writes.
    Writes(&'static dyn Writing<S>),
}

impl<S: Surface> Command<S> {
    /// Its declaration.
    #[must_use]
    pub fn spec(self) -> &'static Spec<S::Fault> {
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

    /// Whether it writes.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(self, Self::Writes(_))
    }

    /// Whether it is there for test keys alone (CONTRACT 1.6): to anybody else it is unknown.
    #[must_use]
    pub fn tries(self) -> bool {
        self.spec().effects.contains(&Effect::MovesClock)
    }

    /// Whether it can answer a fault: one of its own, or one of every request.
    #[must_use]
    pub fn may_answer(self, fault: S::Fault) -> bool {
        S::may_answer(self, fault)
    }

    /// Says aloud that it answers a fault that its declaration, and so the reference page, doesn't know; a debug build
    /// stops there.
    pub fn expect_declared(self, fault: S::Fault)
    where
        S::Fault: std::fmt::Debug,
    {
        if !self.may_answer(fault) {
            let name = self.spec().name;
            tracing::error!(command = name, ?fault, "a command answers a fault that it does not declare");
            debug_assert!(false, "{name} answers {fault:?}, which it does not declare");
        }
    }
}
