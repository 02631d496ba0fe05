//! The document against the model. That it validates and that the gateway keeps to it, `tests/reference` of the binary shows.

use gateway_http::faults::Dialect;
use serde_json::Value;
use testkit::TestDb;

use super::*;
use crate::{examples::Captured, model::CodeId, page::tests::facts};

fn document_of(dialect: Dialect) -> (Model, Value) {
    let model = Model::of(facts(dialect), &TestDb::demo_catalogue(), &Captured::default());
    let document = serde_json::from_str(&document(&model)).unwrap();
    (model, document)
}

fn at<'a>(document: &'a Value, of: &'a Value) -> &'a Value {
    match of.get("$ref").and_then(Value::as_str) {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => of,
    }
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

#[test]
fn every_command_is_there_by_both_methods_with_all_its_fields() {
    for dialect in Dialect::ALL {
        let (model, document) = document_of(dialect);
        assert_eq!(document["paths"].as_object().unwrap().len(), model.commands.len());
        for command in &model.commands {
            let path = &document["paths"][format!("{}?command={}", command.surface.path(), command.name)];
            let form = &path["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"];
            let form = at(&document, form)["properties"].as_object().unwrap();
            let query = path["get"]["parameters"].as_array().unwrap();
            let query = query.iter().map(|parameter| parameter["name"].as_str().unwrap());
            assert_eq!(sorted(query), sorted(form.keys().map(String::as_str)), "{}", command.name);
            for field in &command.fields {
                assert!(form.contains_key(field.name), "{}: {}", command.name, field.name);
            }
        }
    }
}

#[test]
fn a_command_has_only_the_codes_that_it_declares() {
    for dialect in Dialect::ALL {
        let (model, document) = document_of(dialect);
        let schemas = &document["components"]["schemas"];
        for command in model.of_surface(Surface::Apih) {
            let of = |part: &str| {
                let codes = &schemas[format!("{}.{part}", command.name)]["properties"]["errorCode"]["enum"];
                codes.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>()
            };
            let listed = ["Refused", "Accepted", "TooMany"].into_iter().flat_map(of);
            let labels: Vec<String> = command.codes.iter().chain(&command.common_codes).map(|id| id.label()).collect();
            assert_eq!(sorted(listed), sorted(labels.iter().map(String::as_str)), "{}", command.name);
        }
        for command in model.of_surface(Surface::Json) {
            let responses =
                document["paths"][format!("/json.php?command={}", command.name)]["get"]["responses"].clone();
            let statuses = responses.as_object().unwrap().keys().map(String::as_str).filter(|status| *status != "200");
            let mut declared: Vec<String> = Vec::new();
            for id in command.codes.iter().chain(&command.common_codes) {
                if let CodeId::Json(fault) = id {
                    declared.push(fault.status().to_string());
                }
            }
            declared.sort_unstable();
            declared.dedup();
            assert_eq!(sorted(statuses), declared, "{}", command.name);
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(document: &Value, value: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let target = document.pointer(reference.trim_start_matches('#'));
                    assert!(target.is_some(), "{reference}");
                }
                fields.values().for_each(|value| walk(document, value));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(document, value)),
            _ => {}
        }
    }
    let (_, document) = document_of(Dialect::Friendhosting);
    walk(&document, &document);
}
