//! Schemas of values, sent and answered.

use serde_json::{Map, Value, json};

use crate::model::{Code, CodeId, Kind, Model, Surface, values};

/// The schema of what a field takes.
pub(super) fn of_kind(kind: Kind) -> Value {
    match kind {
        Kind::Id | Kind::Size | Kind::Months => pattern("^[0-9]+$"),
        Kind::Number { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Limit { min, max } => json!({
            "type": "integer",
            "anyOf": [{ "const": 0 }, { "minimum": min, "maximum": max }],
        }),
        Kind::OneOf(values) => json!({ "type": "string", "enum": values }),
        Kind::Day => json!({ "type": "string", "format": "date" }),
        Kind::Span => pattern("^[0-9]*[1-9][0-9]*[dh]$"),
        Kind::Domain => json!({ "type": "string", "format": "idn-hostname", "maxLength": 253 }),
        Kind::Addons => pattern("^[0-9]+(:[0-9]+)?(,[0-9]+(:[0-9]+)?)*$"),
        Kind::Token { max } => pattern(&format!("^[A-Za-z0-9_-]{{1,{max}}}$")),
        Kind::Secret { min, max } => {
            json!({ "type": "string", "format": "password", "minLength": min, "maxLength": max })
        }
        Kind::Address => json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] }),
        Kind::TaskCommand => pattern("^server_[a-z_]+$"),
        Kind::Image | Kind::Text => json!({ "type": "string" }),
    }
}

fn pattern(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern })
}

/// The schema of a text in an answer.
pub(super) fn of_answer(surface: Surface, name: &str) -> Value {
    let value = values::Value::of(surface, name);
    match (value, value.pattern()) {
        (values::Value::OneOf(values), _) => json!({ "type": "string", "enum": values }),
        (_, Some(expression)) => pattern(expression),
        (_, None) => json!({ "type": "string" }),
    }
}

/// The schemas that several operations share: a refusal on `/json.php`, with every text that it can have.
pub(super) fn components(model: &Model) -> Map<String, Value> {
    let of_json = |code: &&Code| matches!(code.id, CodeId::Json(_));
    let described = model.codes.iter().filter(of_json).map(|code| format!("- {}: {}", code.status, code.text.en));
    let about =
        format!("In place of a success, in the customer's language.\n\n{}", described.collect::<Vec<_>>().join("\n"));
    let refusal = json!({
        "type": "object",
        "description": about,
        "properties": { "error": { "type": "string" } },
        "required": ["error"],
        "additionalProperties": false,
    });
    Map::from_iter([("Refusal".to_owned(), refusal)])
}
