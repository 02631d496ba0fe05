//! What is sent.

use domain::language::Language;
use serde_json::{Map, Value, json};

use super::values::of_kind;
use crate::{
    model::{Command, Field, Need, Surface},
    texts,
};

/// A field that every command of a surface has: its name, the key of its text, whether it must be given, and its
/// schema.
type Common = (&'static str, &'static str, bool, fn() -> Value);

fn text() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

fn secret() -> Value {
    json!({ "type": "string", "minLength": 1, "format": "password" })
}

fn one() -> Value {
    json!({ "type": "string", "const": "1" })
}

const fn common(surface: Surface) -> &'static [Common] {
    match surface {
        Surface::Apih => &[
            ("login", "field_login", true, text),
            ("pass", "field_pass", false, secret),
            ("apikey", "field_apikey", false, secret),
            ("json", "field_json", false, one),
            ("strict", "field_strict", false, one),
        ],
        Surface::Json => &[
            ("nick", "field_nick", true, text),
            ("password", "field_password", true, secret),
            ("strict", "field_strict", false, one),
        ],
    }
}

/// Each field: its name, what it is, whether it must be given, its schema and an example.
fn all(command: &Command) -> Vec<(&'static str, String, bool, Value, Option<&'static str>)> {
    let common = common(command.surface).iter().map(|(name, key, required, schema)| {
        (*name, texts::ui(Language::En, key).to_owned(), *required, schema(), None)
    });
    let own = command.fields.iter().map(|field| {
        let required = matches!(field.need, Need::Required(_));
        (field.name, about(field), required, of_kind(field.kind), Some(field.example))
    });
    common.chain(own).collect()
}

fn about(field: &Field) -> String {
    let about = &field.about.en;
    let mut said = match &field.need {
        Need::Required(code) => format!("{about} Required; without it: {}.", code.label()),
        Need::Optional(taken) => format!("{about} Without it: {}.", taken.en),
        Need::When(when, code) => format!("{about} Required when {}; without it: {}.", when.en, code.label()),
    };
    if let Some(code) = field.malformed {
        said.push_str(&format!(" Wrong: {}.", code.label()));
    }
    said
}

/// The fields as one object, for a form.
pub(super) fn body(command: &Command) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, about, is_required, schema, example) in all(command) {
        let mut property = schema;
        if let Some(property) = property.as_object_mut() {
            property.insert("description".to_owned(), about.into());
            if let Some(example) = example {
                property.insert("examples".to_owned(), json!([read(property, example)]));
            }
        }
        if is_required {
            required.push(name);
        }
        properties.insert(name.to_owned(), property);
    }
    let mut schema = json!({ "type": "object", "properties": properties, "required": required });
    if let (Surface::Apih, Some(schema)) = (command.surface, schema.as_object_mut()) {
        schema.insert("oneOf".to_owned(), json!([{ "required": ["pass"] }, { "required": ["apikey"] }]));
    }
    schema
}

/// An example as its schema has it.
fn read(schema: &Map<String, Value>, example: &str) -> Value {
    let whole = schema.get("type").is_some_and(|kind| kind == "integer");
    match example.parse::<u32>() {
        Ok(number) if whole => number.into(),
        _ => example.into(),
    }
}

/// A form in either coding.
pub(super) fn request_body(command: &Command) -> Value {
    let schema = json!({ "schema": { "$ref": format!("#/components/schemas/{}.Request", command.name) } });
    let content = json!({ "application/x-www-form-urlencoded": schema, "multipart/form-data": schema });
    json!({ "required": true, "content": content })
}

/// The fields in the query.
pub(super) fn parameters(command: &Command) -> Value {
    let parameters = all(command).into_iter().map(|(name, about, required, schema, example)| {
        let example = example.map(|example| read(schema.as_object().unwrap_or(&Map::new()), example));
        let mut parameter =
            json!({ "name": name, "in": "query", "required": required, "description": about, "schema": schema });
        if let (Some(example), Some(parameter)) = (example, parameter.as_object_mut()) {
            parameter.insert("example".to_owned(), example);
        }
        parameter
    });
    parameters.collect()
}
