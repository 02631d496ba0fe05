//! What is answered: successes, and only the codes that a command declares.

use std::collections::{BTreeMap, BTreeSet};

use domain::language::Language;
use gateway_http::command::STRICT;
use iv_json::{
    command::{Form, Shape},
    fault::Fault,
};
use serde_json::{Map, Value, json};

use super::values;
use crate::model::{Code, CodeId, Command, Exchange, Model, Surface, Told};

/// What PHP writes is a text of a type of its own; the wire calls it plain text (CONTRACT 1.2).
const SERIALIZED: &str = "application/vnd.php.serialized";

fn named(command: &Command, part: &str) -> String {
    format!("{}.{part}", command.name)
}

fn schema(command: &Command, part: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{}", named(command, part)) })
}

/// The codes of a command, as the model tells of them.
fn codes<'a>(model: &'a Model, command: &'a Command) -> impl Iterator<Item = (CodeId, &'a Code)> {
    command.codes.iter().chain(&command.common_codes).filter_map(|id| {
        let code = model.codes.iter().find(|code| code.id.anchor() == id.anchor())?;
        Some((*id, code))
    })
}

/// The schemas of a command's answers.
pub(super) fn schemas(model: &Model, command: &Command) -> Map<String, Value> {
    match command.surface {
        Surface::Apih => of_apih(model, command),
        Surface::Json => of_json(command),
    }
}

fn of_apih(model: &Model, command: &Command) -> Map<String, Value> {
    let success = |mut more: Vec<(String, Value)>| {
        let mut properties = vec![("status".to_owned(), json!({ "const": "SUCCESS" }))];
        properties.extend(command.reply.iter().map(|told| (told.name.to_owned(), field(command.surface, told))));
        properties.append(&mut more);
        whole(properties, &BTreeSet::new())
    };
    let coded = |is: &dyn Fn(&Code) -> bool| {
        let known: Vec<&Code> = codes(model, command).map(|(_, code)| code).filter(|code| is(code)).collect();
        let numbers: Vec<String> = known.iter().map(|code| code.id.label()).collect();
        let about = known.iter().map(|code| format!("- {}: {}", code.id.label(), code.text.en));
        let number = json!({ "type": "string", "enum": numbers, "description": about.collect::<Vec<_>>().join("\n") });
        let text = json!({ "type": "string", "description": "The code's text in the customer's language, perhaps with a detail after it." });
        (!known.is_empty()).then(|| vec![("errorCode".to_owned(), number), ("errorMsg".to_owned(), text)])
    };
    let refused = |codes: Option<Vec<(String, Value)>>| {
        let status = ("status".to_owned(), json!({ "const": "ERROR" }));
        whole([status].into_iter().chain(codes.unwrap_or_default()).collect(), &BTreeSet::new())
    };
    let accepted = coded(&|code| !code.critical);
    let mut kinds = vec![schema(command, "Success"), schema(command, "Refused")];
    let mut all = Map::new();
    all.insert(named(command, "Success"), success(Vec::new()));
    if let Some(codes) = accepted {
        all.insert(named(command, "Accepted"), success(codes));
        kinds.insert(1, schema(command, "Accepted"));
    }
    all.insert(named(command, "Refused"), refused(coded(&|code| code.critical && code.status == 200)));
    all.insert(named(command, "TooMany"), refused(coded(&|code| code.status == 429)));
    all.insert(named(command, "Answer"), json!({ "oneOf": kinds }));
    all
}

fn of_json(command: &Command) -> Map<String, Value> {
    let one = object(command.surface, &command.reply);
    let success = match command.shape {
        Shape::One => one,
        Shape::List => json!({ "type": "array", "items": one }),
        Shape::ByName => json!({ "type": "object", "additionalProperties": one }),
        Shape::Texts => {
            let text = command.reply.first().map(|told| values::of_answer(command.surface, told.name));
            json!({ "type": "object", "additionalProperties": text })
        }
    };
    let success = match &command.instead {
        Some((when, fields)) => {
            let mut other = object(command.surface, fields);
            if let Some(other) = other.as_object_mut() {
                other.insert("description".to_owned(), format!("When {}.", when.en).into());
            }
            json!({ "oneOf": [success, other] })
        }
        None => success,
    };
    Map::from_iter([(named(command, "Success"), success)])
}

/// An object with these fields, in this order, and no others.
fn whole(properties: Vec<(String, Value)>, absent: &BTreeSet<&str>) -> Value {
    let required: Vec<&str> =
        properties.iter().map(|(name, _)| name.as_str()).filter(|n| !absent.contains(n)).collect();
    let required = json!(required);
    let properties: Map<String, Value> = properties.into_iter().collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn object(surface: Surface, fields: &[Told]) -> Value {
    let absent = fields.iter().filter(|told| told.form == Form::TextOrAbsent).map(|told| told.name).collect();
    whole(fields.iter().map(|told| (told.name.to_owned(), field(surface, told))).collect(), &absent)
}

fn field(surface: Surface, told: &Told) -> Value {
    let mut schema = match told.form {
        Form::Text | Form::TextOrAbsent => values::of_answer(surface, told.name),
        Form::TextOrNull => {
            let mut text = values::of_answer(surface, told.name);
            if let Some(text) = text.as_object_mut() {
                text.insert("type".to_owned(), json!(["string", "null"]));
            }
            text
        }
        Form::Texts => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Form::List => json!({ "type": "array", "items": object(surface, &told.items) }),
        Form::One => object(surface, &told.items),
    };
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), told.about.en.as_str().into());
    }
    schema
}

/// The responses of a command by their statuses, as components: both methods have them.
pub(super) fn responses(model: &Model, command: &Command) -> Map<String, Value> {
    let mut responses = Map::new();
    let mut put = |status: u16, response: Value| responses.insert(named(command, &status.to_string()), response);
    match command.surface {
        Surface::Apih => {
            put(
                200,
                said(
                    command,
                    "Done, accepted or refused: `status` and `errorCode` tell.",
                    "Answer",
                    command.example.as_ref(),
                ),
            );
            put(429, waiting(said(command, "Too many wrong passwords.", "TooMany", None)));
        }
        Surface::Json => {
            let content = json!({ "application/json": body(schema(command, "Success"), command.example.as_ref().map(Exchange::answer)) });
            put(200, json!({ "description": "Done.", "content": content }));
            for (status, texts) in refusals(model, command) {
                let response = refusal(&texts);
                put(status, if status == 429 { waiting(response) } else { response });
            }
        }
    }
    responses
}

/// An answer of `/apih.php` in both formats.
fn said(command: &Command, about: &str, part: &str, example: Option<&Exchange>) -> Value {
    let json = body(schema(command, part), example.map(Exchange::answer));
    let text = json!({
        "type": "string",
        "description": "The same tree as JSON's, as PHP's serialize() writes it.",
        "pattern": r"^a:[0-9]+:\{",
        "contentMediaType": SERIALIZED,
        "contentSchema": schema(command, part),
    });
    let php = body(text, example.and_then(|example| example.php.clone()).map(Value::from));
    json!({ "description": about, "content": { "application/json": json, "text/plain": php } })
}

fn body(schema: Value, example: Option<Value>) -> Value {
    match example {
        Some(example) => json!({ "schema": schema, "example": example }),
        None => json!({ "schema": schema }),
    }
}

fn waiting(mut response: Value) -> Value {
    if let Some(response) = response.as_object_mut() {
        let seconds =
            json!({ "description": "So many seconds to wait.", "required": true, "schema": { "type": "integer" } });
        response.insert("headers".to_owned(), json!({ "Retry-After": seconds }));
    }
    response
}

const LANGUAGES: [Language; 3] = [Language::En, Language::Lt, Language::Ru];

/// The refusals of a command of `/json.php`: by status, every text that it can have, in every language.
fn refusals(model: &Model, command: &Command) -> BTreeMap<u16, Vec<String>> {
    let mut by_status: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for (id, code) in codes(model, command) {
        let CodeId::Json(fault) = id else { continue };
        let texts = by_status.entry(code.status).or_default();
        texts.extend(LANGUAGES.map(|language| fault.text(language)));
    }
    // Each command refuses fields that it doesn't know, where it is asked to.
    let strict = Fault::Parameter(STRICT);
    by_status.entry(strict.status()).or_default().extend(LANGUAGES.map(|language| strict.text(language)));
    by_status
}

fn refusal(texts: &[String]) -> Value {
    let exactly = json!({ "properties": { "error": { "enum": texts } } });
    let schema = json!({ "allOf": [{ "$ref": "#/components/schemas/Refusal" }, exactly] });
    let about = texts.iter().step_by(Language::ALL.len()).map(String::as_str).collect::<Vec<_>>().join("; ");
    json!({ "description": about, "content": { "application/json": { "schema": schema } } })
}

/// The responses of a command, by reference; a body can also be too long or too slow.
pub(super) fn of(command: &Command, has_body: bool) -> Value {
    let mut responses = Map::new();
    let statuses = match command.surface {
        Surface::Apih => BTreeSet::from([200, 429]),
        Surface::Json => command.codes.iter().chain(&command.common_codes).filter_map(status).chain([200]).collect(),
    };
    for status in statuses {
        let component = format!("#/components/responses/{}", named(command, &status.to_string()));
        responses.insert(status.to_string(), json!({ "$ref": component }));
    }
    if has_body {
        responses.insert("408".to_owned(), json!({ "description": "The body came too slowly." }));
        responses.insert("413".to_owned(), json!({ "description": "The body is longer than 64 KiB." }));
    }
    responses.into()
}

fn status(id: &CodeId) -> Option<u16> {
    match id {
        CodeId::Apih(_) => None,
        CodeId::Json(fault) => Some(fault.status()),
    }
}
