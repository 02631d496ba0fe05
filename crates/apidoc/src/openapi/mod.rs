//! Both surfaces as one OpenAPI 3.1 document.
//!
//! OpenAPI tells operations apart by path and method; these surfaces tell them apart by the field `command`. A path of the
//! document is therefore the surface's path with `?command=NAME`, which is where the gateway reads it also of a POST: so
//! each command has its own fields, its own answers and only the codes that it can give.

mod answers;
mod fields;
mod values;

use domain::language::Language;
use serde_json::{Map, Value, json};

use crate::{
    model::{Command, Model, Repeat, Surface},
    texts,
};

/// The document, as JSON.
#[must_use]
pub fn document(model: &Model) -> String {
    serde_json::to_string_pretty(&whole(model)).unwrap_or_default()
}

fn whole(model: &Model) -> Value {
    let url = &model.facts.public_url;
    let mut paths = Map::new();
    let (mut schemas, mut responses) = (values::components(model), Map::new());
    for command in &model.commands {
        let path = format!("{}?command={}", command.surface.path(), command.name);
        schemas.extend(answers::schemas(model, command));
        responses.extend(answers::responses(model, command));
        schemas.insert(format!("{}.Request", command.name), fields::body(command));
        paths.insert(path, operations(model, command));
    }
    let mut info = json!({
        "title": format!("{}: {}", model.facts.company, texts::ui(Language::En, "title")),
        "version": env!("CARGO_PKG_VERSION"),
        "description": about(model),
    });
    if let (Some(email), Some(info)) = (&model.facts.email, info.as_object_mut()) {
        info.insert("contact".to_owned(), json!({ "email": email }));
    }
    json!({
        "openapi": "3.1.0",
        "info": info,
        "externalDocs": { "url": format!("{url}/apidoc.php") },
        "servers": [{ "url": url }],
        "tags": [
            { "name": Surface::Apih.path(), "description": texts::ui(Language::En, "gateway") },
            { "name": Surface::Json.path(), "description": texts::ui(Language::En, "account_api") },
        ],
        "paths": paths,
        "components": { "schemas": schemas, "responses": responses },
    })
}

fn about(model: &Model) -> String {
    let facts = &model.facts;
    let lead = texts::prose(Language::En, "openapi");
    lead.trim().replace("{company}", &facts.company).replace("{zone}", &facts.zone)
}

/// A command by POST and by GET.
fn operations(model: &Model, command: &Command) -> Value {
    let by = |method: &str, id: String| {
        let mut operation = Map::new();
        operation.insert("operationId".to_owned(), id.into());
        operation.insert("tags".to_owned(), json!([command.surface.path()]));
        operation.insert("summary".to_owned(), command.about.en.as_str().into());
        operation.insert("description".to_owned(), description(command).into());
        let page = format!("{}/apidoc.php?lang=en#{}", model.facts.public_url, command.section);
        operation.insert("externalDocs".to_owned(), json!({ "url": page }));
        if method == "get" {
            operation.insert("parameters".to_owned(), fields::parameters(command));
        } else {
            operation.insert("requestBody".to_owned(), fields::request_body(command));
        }
        operation.insert("responses".to_owned(), answers::of(command, method == "post"));
        operation
    };
    json!({
        "post": by("post", command.name.to_owned()),
        "get": by("get", format!("{}.get", command.name)),
    })
}

/// What it does to money and machines, and whether it may be sent again.
fn description(command: &Command) -> String {
    let effects = [
        (command.reads(), "badge_reads"),
        (command.charges(), "badge_charges"),
        (command.destroys(), "badge_destroys"),
        (command.answers_a_task(), "badge_task"),
    ];
    let repeat = match command.repeat {
        Repeat::Always => "badge_repeat_always",
        Repeat::WithRequestId => "badge_repeat_requestid",
        Repeat::SameTask => "badge_repeat_task",
        Repeat::Never => "badge_repeat_never",
    };
    let keys = effects.into_iter().filter(|(is, _)| *is).map(|(_, key)| key).chain([repeat]);
    let said: Vec<String> = keys.map(|key| format!("{}.", texts::ui(Language::En, key))).collect();
    said.join(" ")
}

#[cfg(test)]
mod tests;
