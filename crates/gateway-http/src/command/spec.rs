//! What a command declares of itself. `F` is what a surface answers when something is wrong: a row of the error table
//! on `/apih.php`.

use crate::faults::Fault;

/// The declaration of a command.
#[derive(Debug)]
pub struct Spec<F: 'static = Fault> {
    /// The value of `command`.
    pub name: &'static str,
    /// Its section on the reference page, as in the originals (`4.1`).
    pub section: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// What it does to money and machines.
    pub effects: &'static [Effect],
    /// Its own fields.
    pub fields: &'static [FieldSpec<F>],
    /// The fields of a success, in order, after `status`.
    pub reply: &'static [ReplyField],
    /// The faults it can answer beside those of every request ([`COMMON_FAULTS`], and [`WRITING_FAULTS`] when it
    /// writes).
    pub faults: &'static [F],
}

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It changes nothing.
    Reads,
    /// It takes money from the balance, or writes an invoice.
    Charges,
    /// It destroys what is on a server.
    Destroys,
    /// It queues a task for the provisioner.
    Queues,
    /// It moves the clock of a customer's own test realm, and is there for test keys alone (CONTRACT 1.6).
    MovesClock,
}

/// When a field must be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need<F = Fault> {
    /// Always; the fault that answers when it isn't.
    Required(F),
    /// Never; what it is taken for when absent.
    Optional(&'static str),
    /// Sometimes; when, and the fault that answers when it isn't then.
    When(&'static str, F),
}

/// A field of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldSpec<F = Fault> {
    /// Its name, case-sensitive.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// When it must be given.
    pub need: Need<F>,
    /// A value that can be right.
    pub example: &'static str,
    /// A value that can't be read as one, if there is any, with the fault that answers it.
    pub malformed: Option<(&'static str, F)>,
    /// Whether the originals don't have it.
    pub extension: bool,
}

/// What stands in a field of a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A text.
    Text,
    /// A text, or null where there is none; on `/json.php` alone.
    TextOrNull,
    /// A text; where there is none, the field is not there either.
    TextOrAbsent,
    /// Texts by names that are told nowhere else.
    Texts,
    /// A list of items.
    List,
    /// One item.
    One,
}

/// How the fields of a success are put together. On `/apih.php` there is but one way.
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

/// A field of a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyField {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// What stands in it.
    pub form: Form,
    /// The fields of each item, where it has items.
    pub items: &'static [ReplyField],
}

impl ReplyField {
    const fn of(form: Form, name: &'static str, about: &'static str, items: &'static [ReplyField]) -> Self {
        Self { name, about, form, items }
    }

    /// A text.
    #[must_use]
    pub const fn text(name: &'static str, about: &'static str) -> Self {
        Self::of(Form::Text, name, about, &[])
    }

    /// A text, or null where there is none.
    #[must_use]
    pub const fn or_null(name: &'static str, about: &'static str) -> Self {
        Self::of(Form::TextOrNull, name, about, &[])
    }

    /// A text that isn't there where there is none.
    #[must_use]
    pub const fn or_absent(name: &'static str, about: &'static str) -> Self {
        Self::of(Form::TextOrAbsent, name, about, &[])
    }

    /// Texts by names of their own.
    #[must_use]
    pub const fn texts(name: &'static str, about: &'static str) -> Self {
        Self::of(Form::Texts, name, about, &[])
    }

    /// A list of items.
    #[must_use]
    pub const fn list(name: &'static str, about: &'static str, items: &'static [ReplyField]) -> Self {
        Self::of(Form::List, name, about, items)
    }

    /// One item.
    #[must_use]
    pub const fn one(name: &'static str, about: &'static str, items: &'static [ReplyField]) -> Self {
        Self::of(Form::One, name, about, items)
    }
}

/// The fields of `first`, then those of `second`: as many as both have together.
///
/// # Panics
/// When `N` is another number; in a constant, that is when it is compiled.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "the length is checked first")]
pub const fn joined<const N: usize>(first: &[ReplyField], second: &[ReplyField]) -> [ReplyField; N] {
    assert!(first.len() + second.len() == N, "as many fields as both have together");
    let mut all = [ReplyField::text("", ""); N];
    let mut at = 0;
    while at < N {
        all[at] = if at < first.len() { first[at] } else { second[at - first.len()] };
        at += 1;
    }
    all
}

/// What any command can answer (CONTRACT 1.1, 1.4).
pub const COMMON_FAULTS: &[Fault] = &[
    Fault::NoDatabase,
    Fault::NoLogin,
    Fault::UnknownLogin,
    Fault::ApiOff,
    Fault::NoSecret,
    Fault::WrongSecret,
    Fault::UnknownCommand,
    Fault::TwoSecrets,
    Fault::AddressRefused,
    Fault::TooManyRequests,
    Fault::BadField,
];

/// What any command that writes can answer beside.
pub const WRITING_FAULTS: &[Fault] = &[Fault::NotSaved, Fault::RequestIdReused];
