//! What can be answered in place of a success, on both surfaces.

use domain::language::Language;
use gateway_http::faults::{Dialect, Fault, Kind as FaultKind};
use iv_json::fault::Fault as IvFault;

use super::{Exchange, Text, command::iv_key};
use crate::texts;

/// A code of a surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CodeId {
    /// A row of the error table of `/apih.php`.
    Apih(Fault),
    /// A status and text of `/json.php`.
    Json(IvFault),
}

impl CodeId {
    /// The element id of its entry.
    #[must_use]
    pub fn anchor(self) -> String {
        match self {
            Self::Apih(fault) => format!("code-{}", fault.code()),
            Self::Json(fault) => format!("json-{}", iv_key(fault)),
        }
    }

    /// How it is called in a list: its number, or its status with the parameter's name.
    #[must_use]
    pub fn label(self) -> String {
        match self {
            Self::Apih(fault) => fault.code().to_string(),
            Self::Json(IvFault::Parameter(name)) => format!("400 {name}"),
            Self::Json(fault) => format!("{} {}", fault.status(), iv_key(fault)),
        }
    }

    /// The key of its texts.
    #[must_use]
    pub fn key(self) -> String {
        match self {
            Self::Apih(fault) => fault.code().to_string(),
            Self::Json(fault) => iv_key(fault).to_owned(),
        }
    }
}

/// Whether money was taken when a code is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charged {
    /// No.
    No,
    /// Not known: ask, or send it again with its requestid.
    Unknown,
    /// As for a success.
    Yes,
    /// Not yet: an invoice waits to be paid.
    Later,
}

/// Whether the same request may be sent again after a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// It will be answered so again: something must be changed first.
    Useless,
    /// After a pause.
    Later,
    /// After a pause, and for a writing command with its requestid.
    WithRequestId,
    /// Not at all: it is accepted, and would be done twice.
    No,
}

/// How a code can be seen in the sandbox.
#[derive(Debug, Clone)]
pub enum Provoked {
    /// By these calls of test access, in turn: the last one answers it. They were made.
    By(Vec<Exchange>),
    /// It can't be. Why, as the key of a text; and the answer all the same, where it was made elsewhere.
    Not(&'static str, Option<Exchange>),
}

/// What is meant by a code in the other dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elsewhere {
    /// The same.
    Same,
    /// The other original doesn't have it; it is answered all the same.
    Missing,
    /// Neither original has it.
    Extension,
    /// Something else: whether it is critical there, and its text.
    Other(bool, Text),
}

/// A code with all there is to say of it.
#[derive(Debug, Clone)]
pub struct Code {
    /// Which.
    pub id: CodeId,
    /// The HTTP status that it comes with.
    pub status: u16,
    /// Whether nothing happened, in the dialect in force.
    pub critical: bool,
    /// Its text in the dialect in force, as it stands in the answer.
    pub text: Text,
    /// When it is answered.
    pub when: Text,
    /// What to do.
    pub todo: Text,
    /// Whether money was taken.
    pub charged: Charged,
    /// Whether the same request may be sent again.
    pub again: Again,
    /// Its meaning in the other dialect.
    pub elsewhere: Elsewhere,
    /// How it can be seen.
    pub provoked: Provoked,
}

/// Every code of `/apih.php`, in a dialect.
#[must_use]
pub fn of_apih(dialect: Dialect) -> Vec<Code> {
    Fault::ALL.iter().map(|fault| apih(*fault, dialect)).collect()
}

fn apih(fault: Fault, dialect: Dialect) -> Code {
    let critical = |dialect| fault.kind(dialect) == FaultKind::Critical;
    let other = match dialect {
        Dialect::Friendhosting => Dialect::Rootpanel,
        Dialect::Rootpanel => Dialect::Friendhosting,
    };
    let text = |dialect| Text::of(|language| fault.text(dialect, language).to_owned());
    let elsewhere = if fault.is_extension() {
        Elsewhere::Extension
    } else if fault.dialects().len() == 1 {
        Elsewhere::Missing
    } else if critical(dialect) == critical(other) {
        Elsewhere::Same
    } else {
        Elsewhere::Other(critical(other), text(other))
    };
    let id = CodeId::Apih(fault);
    // Code 31 means two things; its texts do, too.
    let key = match (fault, critical(dialect)) {
        (Fault::AwaitingPayment, true) => "31_critical".to_owned(),
        _ => id.key(),
    };
    Code {
        id,
        status: if fault == Fault::TooManyRequests { 429 } else { 200 },
        critical: critical(dialect),
        text: text(dialect),
        when: texts::when(&key),
        todo: texts::todo(&key),
        charged: charged(fault, critical(dialect)),
        again: again(fault, critical(dialect)),
        elsewhere,
        provoked: Provoked::Not("why_not_run", None),
    }
}

const fn charged(fault: Fault, critical: bool) -> Charged {
    match (fault, critical) {
        // The commit may have come through before the answer was lost.
        (Fault::NotSaved, _) => Charged::Unknown,
        (Fault::AwaitingPayment, false) => Charged::Later,
        (_, false) => Charged::Yes,
        (_, true) => Charged::No,
    }
}

const fn again(fault: Fault, critical: bool) -> Again {
    match fault {
        Fault::NoDatabase | Fault::TooManyRequests => Again::Later,
        Fault::NotSaved => Again::WithRequestId,
        _ if critical => Again::Useless,
        _ => Again::No,
    }
}

/// What any command of `/json.php` can answer (CONTRACT 2.1).
#[must_use]
pub fn iv_common(about_a_service: bool) -> Vec<IvFault> {
    let mut common = vec![IvFault::Network, IvFault::Credentials, IvFault::TooMany, IvFault::Command];
    if about_a_service {
        common.extend([IvFault::Id, IvFault::Service]);
    }
    common.push(IvFault::Database);
    common
}

/// Every code of `/json.php`, out of what the commands declare, parameters as one.
#[must_use]
pub fn of_json() -> Vec<Code> {
    let declared = iv_json::commands::COMMANDS.iter().flat_map(|command| command.spec().faults.iter().copied());
    let mut codes: Vec<Code> = Vec::new();
    for fault in iv_common(true).into_iter().chain(declared) {
        if !codes.iter().any(|code| code.id.key() == iv_key(fault)) {
            codes.push(json(fault));
        }
    }
    codes.sort_by_key(|code| code.status);
    codes
}

/// A text as all faults of a kind have it: a parameter's goes on with its name.
fn text(fault: IvFault, language: Language) -> String {
    let whole = fault.text(language);
    match fault {
        IvFault::Parameter(name) => whole.strip_suffix(&format!(": {name}")).map(str::to_owned).unwrap_or(whole),
        _ => whole,
    }
}

fn json(fault: IvFault) -> Code {
    let id = CodeId::Json(fault);
    let again = match fault {
        IvFault::TooMany | IvFault::Database => Again::Later,
        _ => Again::Useless,
    };
    Code {
        id,
        status: fault.status(),
        critical: true,
        text: Text::of(|language| text(fault, language)),
        when: texts::when(&id.key()),
        todo: texts::todo(&id.key()),
        charged: if fault == IvFault::Database { Charged::Unknown } else { Charged::No },
        again,
        elsewhere: Elsewhere::Same,
        provoked: Provoked::Not("why_not_run", None),
    }
}
