//! A command's section.

use askama::Template;

use super::{
    diagram,
    markup::{escape, text},
    words::Words,
};
use serde_json::Value;

use crate::{
    model::{CodeId, Command, Exchange, Field, Model, Need, Repeat, Surface, Told},
    snippets::{Tongue, program},
};

#[derive(Template)]
#[template(path = "command.html")]
struct CommandView<'a> {
    w: Words<'a>,
    c: &'a Command,
    /// Tells its choice of a language from others' on the page.
    at: usize,
    life: String,
    programs: Vec<(Tongue, String)>,
    answers: String,
    fields: String,
    reply: String,
    instead: String,
    codes: String,
    common: String,
}

/// The section of a command.
pub(super) fn section(w: Words<'_>, model: &Model, at: usize, command: &Command) -> String {
    let url = &w.facts.public_url;
    let programs =
        command.example.iter().flat_map(|e| Tongue::ALL.map(|tongue| (tongue, text(&program(tongue, url, e)))));
    let fields: String = command.fields.iter().map(|field| one_field(w, command, field)).collect();
    let view = CommandView {
        w,
        c: command,
        at,
        life: diagram::of_command(w, command.name, command.answers_a_task()),
        programs: programs.collect(),
        answers: command.example.as_ref().map(|e| answers(w, e)).unwrap_or_default(),
        fields,
        reply: told(w, &command.reply),
        instead: instead(w, command),
        codes: command.codes.iter().map(|id| code_line(w, model, *id)).collect(),
        common: command.common_codes.iter().map(|id| format!("{} ", code_link(*id))).collect(),
    };
    view.render().unwrap_or_default()
}

/// A code in a list, with its text.
fn code_line(w: Words<'_>, model: &Model, id: CodeId) -> String {
    let code = model.codes.iter().find(|code| code.id.anchor() == id.anchor());
    let said = code.map_or("", |code| code.text.get(w.language));
    format!("<li>{} {}</li>", code_link(id), text(said))
}

fn code_link(id: CodeId) -> String {
    format!("<a href=\"#{}\">{}</a>", id.anchor(), escape(&id.label()))
}

fn one_field(w: Words<'_>, command: &Command, field: &Field) -> String {
    let need = match &field.need {
        Need::Required(code) => {
            let absent = escape(w.ui("if_absent"));
            format!("<b class=\"req\">{}</b> · {absent} {}", escape(w.ui("required")), code_link(*code))
        }
        Need::Optional(taken) => {
            format!("<span class=\"opt\">{}</span> {}", escape(w.ui("optional_without")), w.line(taken))
        }
        Need::When(when, code) => {
            let (required, absent) = (escape(w.ui("required_when")), escape(w.ui("if_absent")));
            format!("<b class=\"req\">{required}</b> {} · {absent} {}", w.line(when), code_link(*code))
        }
    };
    let limits = field.kind.limits();
    let limits = if limits.is_empty() { String::new() } else { format!(" <code>{}</code>", escape(&limits)) };
    let malformed = field.malformed.map(|code| format!(" · {} {}", escape(w.ui("else_code")), code_link(code)));
    let mark = mark(w, field.extension, field.friendhosting_only && w.rootpanel());
    format!(
        "<li><p><code class=\"name\" id=\"{command}.{name}\">{name}</code> <span class=\"kind\">{kind}{limits}\
         </span>{mark}</p><p>{about}</p><p class=\"how\">{need}{malformed} · {example} <code>{value}</code></p></li>",
        command = command.name,
        name = field.name,
        kind = escape(w.ui(field.kind.key())),
        about = w.line(&field.about),
        malformed = malformed.unwrap_or_default(),
        example = escape(w.ui("example")),
        value = escape(field.example),
    )
}

fn mark(w: Words<'_>, extension: bool, other_s: bool) -> String {
    match extension || other_s {
        true => format!(" <span class=\"ext\">{}</span>", escape(w.ui("extension"))),
        false => String::new(),
    }
}

fn told(w: Words<'_>, list: &[Told]) -> String {
    let one = |told: &Told| {
        let items = match told.items.is_empty() {
            true => String::new(),
            false => format!("<ul class=\"params in\">{}</ul>", self::told(w, &told.items)),
        };
        format!(
            "<li><code class=\"name\">{}</code>{} {}{items}</li>",
            told.name,
            mark(w, told.extension, false),
            w.line(&told.about)
        )
    };
    list.iter().map(one).collect()
}

/// What is answered instead, and when.
fn instead(w: Words<'_>, command: &Command) -> String {
    let Some((when, fields)) = &command.instead else { return String::new() };
    format!("<p>{} {}:</p><ul class=\"params\">{}</ul>", escape(w.ui("instead")), w.line(when), told(w, fields))
}

/// The answers of a call: both formats side by side where there are two.
pub(super) fn answers(w: Words<'_>, exchange: &Exchange) -> String {
    let pretty = serde_json::to_string_pretty(&shortened(exchange.answer())).unwrap_or_default();
    let json = panel("JSON", &format!("HTTP {}", exchange.status), &pretty);
    match &exchange.php {
        Some(php) => format!("{}{json}", panel("PHP serialize", w.ui("raw"), php)),
        None => json,
    }
}

/// The answer with links cut that nobody reads to their end.
fn shortened(answer: Value) -> Value {
    match answer {
        Value::String(long) if long.chars().count() > LONG => {
            Value::String(format!("{}…", long.chars().take(LONG).collect::<String>()))
        }
        Value::Array(items) => items.into_iter().map(shortened).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, shortened(value))).collect(),
        short => short,
    }
}

/// Sealed links are longer; nothing else is.
const LONG: usize = 96;

fn panel(title: &str, note: &str, shown: &str) -> String {
    format!(
        "<figure class=\"answer\"><figcaption>{} <small>{}</small></figcaption><pre><code>{}</code></pre></figure>",
        escape(title),
        escape(note),
        text(shown)
    )
}

impl CommandView<'_> {
    fn badges(&self) -> Vec<(&'static str, &'static str)> {
        let mut badges = Vec::new();
        if self.c.reads() {
            badges.push(("reads", self.w.ui("badge_reads")));
        }
        if self.c.charges() {
            badges.push(("charges", self.w.ui("badge_charges")));
        }
        if self.c.destroys() {
            badges.push(("destroys", self.w.ui("badge_destroys")));
        }
        if self.c.answers_a_task() {
            badges.push(("task", self.w.ui("badge_task")));
        }
        badges.push(match self.c.repeat {
            Repeat::Always => ("safe", self.w.ui("badge_repeat_always")),
            Repeat::WithRequestId => ("safe", self.w.ui("badge_repeat_requestid")),
            Repeat::SameTask => ("safe", self.w.ui("badge_repeat_task")),
            Repeat::Never => ("charges", self.w.ui("badge_repeat_never")),
        });
        badges
    }

    /// Its heading in the originals; commands of the second surface are called by their names.
    fn title(&self) -> &'static str {
        match self.c.surface {
            Surface::Apih => self.w.of("cmd_", self.c.name),
            Surface::Json => "",
        }
    }

    /// Whether its call was made by an account that nobody else has.
    fn by_another(&self) -> bool {
        let nick = self.c.example.as_ref().and_then(|example| example.field("nick"));
        nick.is_some_and(|nick| nick != "test")
    }

    fn numbered(&self) -> bool {
        self.c.surface == Surface::Apih
    }
}
