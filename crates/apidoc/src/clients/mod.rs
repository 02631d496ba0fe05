//! Clients to download: one file each, with a method for each command and what follows from each code, out of the registries.

mod php;
mod python;

use std::collections::BTreeMap;

use domain::language::Language;
use gateway_http::command::REQUEST_ID;

use crate::{
    model::{Again, Charged, Code, CodeId, Command, Model, Need, Repeat, Surface},
    texts,
};

pub use php::file as php;
pub use python::file as python;

/// What a code's row says: whether it is critical, what was charged, whether to send again, and its English text.
type Row<'a> = (bool, &'static str, &'static str, &'a str);

fn row(code: &Code) -> Row<'_> {
    let charged = match code.charged {
        Charged::No => "no",
        Charged::Unknown => "unknown",
        Charged::Yes => "yes",
        Charged::Later => "later",
    };
    let again = match code.again {
        Again::Useless => "useless",
        Again::Later => "later",
        Again::WithRequestId => "requestid",
        Again::No => "no",
    };
    (code.critical, charged, again, &code.text.en)
}

/// The codes of `/apih.php`: their numbers and rows.
fn numbered(model: &Model) -> impl Iterator<Item = (u16, Row<'_>)> {
    model.codes.iter().filter_map(|code| match code.id {
        CodeId::Apih(fault) => Some((fault.code(), row(code))),
        CodeId::Json(_) => None,
    })
}

/// The refusals of `/json.php`: their names, statuses, texts in every language and rows.
fn named(model: &Model) -> impl Iterator<Item = (String, u16, Vec<&str>, Row<'_>)> {
    let of_json = |code: &&Code| matches!(code.id, CodeId::Json(_));
    model.codes.iter().filter(of_json).map(|code| {
        let texts = Language::ALL.map(|language| code.text.get(language));
        (code.id.key(), code.status, texts.to_vec(), row(code))
    })
}

/// Whether a call may be sent again, in the words of the clients.
const fn repeat(command: &Command) -> &'static str {
    match command.repeat {
        Repeat::Always => "always",
        Repeat::WithRequestId => "requestid",
        Repeat::SameTask => "task",
        Repeat::Never => "never",
    }
}

/// What there is to say of a command in a comment, line by line.
fn about(command: &Command) -> Vec<String> {
    let mut lines = vec![command.about.en.clone(), String::new()];
    for field in &command.fields {
        let need = match &field.need {
            Need::Required(code) => format!("Required; else {}.", code.label()),
            Need::Optional(_) if field.name == REQUEST_ID.name => "Without it: one is made.".to_owned(),
            Need::Optional(taken) => format!("Without it: {}.", taken.en),
            Need::When(when, code) => format!("Required when {}; else {}.", when.en, code.label()),
        };
        lines.push(format!("{}: {} {need}", field.name, field.about.en));
    }
    if !command.fields.is_empty() {
        lines.push(String::new());
    }
    let codes: Vec<String> = command.codes.iter().map(|id| id.label()).collect();
    if !codes.is_empty() {
        lines.push(format!("Codes of its own: {}.", codes.join(", ")));
    }
    let effects = [
        (command.reads(), "badge_reads"),
        (command.charges(), "badge_charges"),
        (command.destroys(), "badge_destroys"),
    ];
    let said = effects.into_iter().filter(|(is, _)| *is).map(|(_, key)| texts::ui(Language::En, key));
    let repeats = match command.repeat {
        Repeat::Always => "badge_repeat_always",
        Repeat::WithRequestId => "badge_repeat_requestid",
        Repeat::SameTask => "badge_repeat_task",
        Repeat::Never => "badge_repeat_never",
    };
    let said: Vec<&str> = said.chain([texts::ui(Language::En, repeats)]).collect();
    lines.push(format!("{}.", said.join(". ")));
    lines
}

/// Puts parts into a template, and what is configured into its comments, where it can't end them.
fn fill(template: &str, model: &Model, parts: &BTreeMap<&str, String>, quote: fn(&str) -> String) -> String {
    let plain = |text: &str| text.replace(|c: char| c.is_control() || "\"\\*?".contains(c), " ");
    let facts = &model.facts;
    let mut text = template
        .replace("{company}", &plain(&facts.company))
        .replace("{version}", env!("CARGO_PKG_VERSION"))
        .replace("{url}", &plain(&facts.public_url));
    for surface in [Surface::Apih, Surface::Json] {
        let name = if surface == Surface::Apih { "{apih}" } else { "{json}" };
        text = text.replace(name, &quote(&format!("{}{}", facts.public_url, surface.path())));
    }
    for (name, part) in parts {
        text = text.replace(&format!("{{{name}}}"), part);
    }
    text
}

#[cfg(test)]
mod tests;
