//! Commands of both surfaces, as their registries declare them.

use domain::language::Language;
use gateway_http::{
    command::{self as kit, COMMON_FAULTS, Effect, WRITING_FAULTS},
    commands,
    faults::Fault,
};
use iv_json::{
    command::{self as iv, Form, Shape},
    fault::Fault as IvFault,
};

use super::{
    Exchange, Text,
    codes::{CodeId, iv_common},
    kinds::{Kind, kind_of},
};
use crate::texts::says;

/// Which of the two surfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Surface {
    /// `/apih.php`.
    Apih,
    /// `/json.php`.
    Json,
}

impl Surface {
    /// Where it is, below the public URL.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Apih => "/apih.php",
            Self::Json => "/json.php",
        }
    }
}

/// Whether a call may be sent again when its answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Nothing changes however often it is sent.
    Always,
    /// With the same `requestid` it is done once.
    WithRequestId,
    /// A second one that arrives while the first waits is the same task; later it is done again, to the same effect.
    SameTask,
    /// It is done again.
    Never,
}

/// When a field must be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Always; the code that answers when it isn't.
    Required(CodeId),
    /// Never; what it is taken for when absent.
    Optional(Text),
    /// Sometimes: when, and the code that answers when it isn't then.
    When(Text, CodeId),
}

/// A field of a request.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name, case-sensitive.
    pub name: &'static str,
    /// What it is.
    pub about: Text,
    /// When it must be given.
    pub need: Need,
    /// What values it takes.
    pub kind: Kind,
    /// A value that can be right.
    pub example: &'static str,
    /// The code that answers a value that can't be read.
    pub malformed: Option<CodeId>,
    /// Whether the originals don't have it.
    pub extension: bool,
    /// Whether of the originals friendhosting's alone has it (CONTRACT 1.3).
    pub friendhosting_only: bool,
}

/// A field of a success.
#[derive(Debug, Clone)]
pub struct Told {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: Text,
    /// Whether the originals don't have it.
    pub extension: bool,
    /// What stands in it.
    pub form: Form,
    /// The fields of each item, where it has items.
    pub items: Vec<Told>,
}

/// A command.
#[derive(Debug, Clone)]
pub struct Command {
    /// Its surface.
    pub surface: Surface,
    /// The value of `command`.
    pub name: &'static str,
    /// The element id of its section: `4.1`, or its name.
    pub section: &'static str,
    /// What it is for.
    pub about: Text,
    /// What it does to money and machines.
    pub effects: &'static [Effect],
    /// Whether it may be sent again.
    pub repeat: Repeat,
    /// Its own fields.
    pub fields: Vec<Field>,
    /// The fields of a success, after `status`.
    pub reply: Vec<Told>,
    /// How they are put together.
    pub shape: Shape,
    /// What is answered instead, and when.
    pub instead: Option<(Text, Vec<Told>)>,
    /// The codes that are its own.
    pub codes: Vec<CodeId>,
    /// The codes that any command can answer, and this one too.
    pub common_codes: Vec<CodeId>,
    /// Whether of the originals friendhosting's alone has it (CONTRACT 1.3).
    pub friendhosting_only: bool,
    /// A call that was made, with what was answered; none where the catalogue in force has nothing to call it with.
    pub example: Option<Exchange>,
}

impl Command {
    /// Whether it changes nothing.
    #[must_use]
    pub fn reads(&self) -> bool {
        self.effects == [Effect::Reads]
    }

    /// Whether money may be taken.
    #[must_use]
    pub fn charges(&self) -> bool {
        self.effects.contains(&Effect::Charges)
    }

    /// Whether data are lost.
    #[must_use]
    pub fn destroys(&self) -> bool {
        self.effects.contains(&Effect::Destroys)
    }

    /// Whether it answers with a task of `server_tasks`.
    #[must_use]
    pub fn answers_a_task(&self) -> bool {
        self.reply.iter().any(|told| told.name == "task_id")
    }

    /// The text of what it is for.
    #[must_use]
    pub fn purpose(&self, language: Language) -> &str {
        self.about.get(language)
    }
}

/// Every command of both registries, without examples.
#[must_use]
pub fn all() -> Vec<Command> {
    commands::COMMANDS
        .iter()
        .map(|c| of_apih(*c))
        .chain(iv_json::commands::COMMANDS.iter().map(|c| of_json(*c)))
        .collect()
}

fn of_apih(command: kit::Command) -> Command {
    let spec = command.spec();
    let common = COMMON_FAULTS.iter().chain(if command.writes() { WRITING_FAULTS } else { &[] });
    let own = |fault: &&Fault| !spec.faults.contains(fault);
    Command {
        surface: Surface::Apih,
        name: spec.name,
        section: spec.section,
        about: says(spec.about),
        effects: spec.effects,
        repeat: if command.writes() { Repeat::WithRequestId } else { Repeat::Always },
        fields: spec.fields.iter().map(|f| field(Surface::Apih, spec.name, f, CodeId::Apih)).collect(),
        reply: spec.reply.iter().map(told).collect(),
        shape: command.shape(),
        instead: command.instead().map(|(when, fields)| (says(when), fields.iter().map(told).collect())),
        codes: spec.faults.iter().copied().map(CodeId::Apih).collect(),
        common_codes: common.filter(own).copied().map(CodeId::Apih).collect(),
        friendhosting_only: FRIENDHOSTING_ONLY.contains(&(spec.name, "")),
        example: None,
    }
}

fn of_json(command: iv::Command) -> Command {
    let spec = command.spec();
    let repeat = match (command, spec.effects) {
        (iv::Command::Reads(_), _) => Repeat::Always,
        (iv::Command::Writes(_), effects) if effects.contains(&Effect::Charges) => Repeat::Never,
        (iv::Command::Writes(_), _) => Repeat::SameTask,
    };
    Command {
        surface: Surface::Json,
        name: spec.name,
        section: spec.section,
        about: says(spec.about),
        effects: spec.effects,
        repeat,
        fields: spec.fields.iter().map(|f| field(Surface::Json, spec.name, f, CodeId::Json)).collect(),
        reply: spec.reply.iter().map(told).collect(),
        shape: command.shape(),
        instead: command.instead().map(|(when, fields)| (says(when), fields.iter().map(told).collect())),
        codes: spec.faults.iter().copied().map(CodeId::Json).collect(),
        common_codes: iv_common(iv::About::of(command).is_some()).into_iter().map(CodeId::Json).collect(),
        friendhosting_only: false,
        example: None,
    }
}

fn field<F: Copy>(surface: Surface, command: &'static str, spec: &kit::FieldSpec<F>, code: fn(F) -> CodeId) -> Field {
    let need = match spec.need {
        kit::Need::Required(fault) => Need::Required(code(fault)),
        kit::Need::Optional(taken_for) => Need::Optional(says(taken_for)),
        kit::Need::When(when, fault) => Need::When(says(when), code(fault)),
    };
    Field {
        name: spec.name,
        about: says(spec.about),
        need,
        kind: kind_of(surface, spec.name).unwrap_or(Kind::Text),
        example: spec.example,
        malformed: spec.malformed.map(|(_, fault)| code(fault)),
        extension: spec.extension,
        friendhosting_only: surface == Surface::Apih && FRIENDHOSTING_ONLY.contains(&(command, spec.name)),
    }
}

/// Commands, and fields of commands, that rootpanel's original doesn't have (CONTRACT 1.3).
const FRIENDHOSTING_ONLY: &[(&str, &str)] = &[("getBalance", ""), ("getOrders", "orderid")];

/// How a registry marks a field of a success that the originals don't have.
const EXTENSION: &str = " (Extension)";

fn told(spec: &kit::ReplyField) -> Told {
    let plain = spec.about.strip_suffix(EXTENSION);
    Told {
        name: spec.name,
        about: says(plain.unwrap_or(spec.about)),
        extension: plain.is_some(),
        form: spec.form,
        items: spec.items.iter().map(told).collect(),
    }
}

/// What is wrong with a request on `/json.php`, by a name of its own.
pub(super) fn iv_key(fault: IvFault) -> &'static str {
    match fault {
        IvFault::Network => "network",
        IvFault::Credentials => "credentials",
        IvFault::Command => "command",
        IvFault::Id => "id",
        IvFault::Service => "service",
        IvFault::Parameter(_) => "parameter",
        IvFault::Suspended => "suspended",
        IvFault::Overdue => "overdue",
        IvFault::Unpaid => "unpaid",
        IvFault::Balance => "balance",
        IvFault::Unchangeable => "unchangeable",
        IvFault::Immovable => "immovable",
        IvFault::Undoable => "undoable",
        IvFault::TooMuch => "too_much",
        IvFault::TooMany => "too_many",
        IvFault::Database => "database",
    }
}
