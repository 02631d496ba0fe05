//! The model for machines, in English: both surfaces as OpenAPI, clients, every code as JSON, a command as Markdown, and an
//! index of it all.

use std::{collections::BTreeMap, fmt::Write};

use domain::language::Language;
use serde_json::{Value, json};

use crate::{
    clients,
    model::{Again, Charged, Code, CodeId, Command, Model, Need, Surface, Text, Told},
    openapi,
    packed::Packed,
    snippets::{Tongue, program},
    texts,
};

/// Files by their paths, each with its media type.
pub type Files = BTreeMap<String, (&'static str, Packed)>;

/// Everything that machines read of a model.
#[must_use]
pub fn files(model: &Model) -> Files {
    let (plain, json) = ("text/plain; charset=utf-8", "application/json; charset=utf-8");
    let mut files = BTreeMap::from([
        ("/llms.txt".to_owned(), (plain, index(model))),
        ("/apidoc/errors.json".to_owned(), (json, errors(model))),
        ("/apidoc/openapi.json".to_owned(), (json, openapi::document(model))),
        ("/apidoc/vartai_client.php".to_owned(), (plain, clients::php(model))),
        ("/apidoc/vartai_client.py".to_owned(), (plain, clients::python(model))),
    ]);
    for command in &model.commands {
        files.insert(path(command), ("text/markdown; charset=utf-8", markdown(model, command)));
    }
    files.into_iter().map(|(path, (media_type, text))| (path, (media_type, Packed::of(text)))).collect()
}

fn path(command: &Command) -> String {
    format!("/apidoc/{}.md", command.name)
}

/// Every code of both surfaces.
fn errors(model: &Model) -> String {
    let codes: Vec<Value> = model.codes.iter().map(error).collect();
    serde_json::to_string_pretty(&codes).unwrap_or_default()
}

fn error(code: &Code) -> Value {
    let in_all = |text: &Text| {
        let each = Language::ALL.map(|language| (language.code().to_owned(), Value::from(text.get(language))));
        Value::Object(each.into_iter().collect())
    };
    let (surface, number) = match code.id {
        CodeId::Apih(fault) => (Surface::Apih, Value::from(fault.code())),
        CodeId::Json(_) => (Surface::Json, Value::Null),
    };
    let charged = match code.charged {
        Charged::No => "no",
        Charged::Unknown => "unknown",
        Charged::Yes => "yes",
        Charged::Later => "when the invoice is paid",
    };
    let again = match code.again {
        Again::Useless => "not unchanged",
        Again::Later => "after a pause",
        Again::WithRequestId => "with the same requestid",
        Again::No => "no, it is accepted",
    };
    json!({
        "surface": surface.path(), "id": code.id.anchor(), "code": number, "http": code.status,
        "critical": code.critical, "text": in_all(&code.text), "when": in_all(&code.when), "todo": in_all(&code.todo),
        "charged": charged, "repeat": again,
    })
}

/// What there is, and where.
fn index(model: &Model) -> String {
    let facts = &model.facts;
    let lead = texts::prose(Language::En, "lead").replace("{company}", &facts.company);
    let mut text = format!("# {}: {}\n\n> {}\n", facts.company, texts::ui(Language::En, "title"), lead.trim());
    for surface in [Surface::Apih, Surface::Json] {
        let _ = write!(text, "\n## {}{}\n\n", facts.public_url, surface.path());
        for command in model.of_surface(surface) {
            let purpose = command.purpose(Language::En);
            let _ = writeln!(text, "- [{}]({}{}): {purpose}", command.name, facts.public_url, path(command));
        }
    }
    let url = &facts.public_url;
    let _ = write!(
        text,
        "\n## Codes\n\n- [errors.json]({url}/apidoc/errors.json)\n\n## OpenAPI and clients\n\n\
         - [openapi.json]({url}/apidoc/openapi.json)\n- [vartai_client.php]({url}/apidoc/vartai_client.php)\n\
         - [vartai_client.py]({url}/apidoc/vartai_client.py)\n\n## For people\n\n- {url}/apidoc.php\n"
    );
    text
}

/// A command.
fn markdown(model: &Model, command: &Command) -> String {
    let mut text = format!("# {}\n\n{}\n\n", command.name, command.purpose(Language::En));
    let _ = writeln!(text, "`POST {}{}`\n\n## Fields\n", model.facts.public_url, command.surface.path());
    for field in &command.fields {
        let need = match &field.need {
            Need::Required(code) => format!("required, else {}", code.label()),
            Need::Optional(taken) => format!("optional; without it: {}", taken.en),
            Need::When(when, code) => format!("required when {}, else {}", when.en, code.label()),
        };
        let kind = format!("{} {}", texts::ui(Language::En, field.kind.key()), field.kind.limits());
        let _ = writeln!(text, "- `{}` ({}; {need}): {}", field.name, kind.trim(), field.about.en);
    }
    text.push_str("\n## Success\n\n");
    told(&mut text, &command.reply, "");
    if let Some((when, fields)) = &command.instead {
        let _ = writeln!(text, "\n{} {}:\n", texts::ui(Language::En, "instead"), when.en);
        told(&mut text, fields, "");
    }
    text.push_str("\n## Codes\n\n");
    for id in command.codes.iter().chain(&command.common_codes) {
        let code = model.codes.iter().find(|code| code.id.anchor() == id.anchor());
        let _ = writeln!(text, "- {}: {}", id.label(), code.map_or("", |code| &code.text.en));
    }
    if let Some(example) = &command.example {
        let call = program(Tongue::Curl, &model.facts.public_url, example);
        let _ = write!(text, "\n## Example\n\n```\n{call}\n```\n\n```json\n{}\n```\n", example.json);
    }
    text
}

fn told(text: &mut String, fields: &[Told], indent: &str) {
    for field in fields {
        let _ = writeln!(text, "{indent}- `{}`: {}", field.name, field.about.en);
        told(text, &field.items, &format!("{indent}  "));
    }
}
