//! The client in Python.

use std::collections::BTreeMap;

use super::{Row, about, fill, named, numbered, repeat};
use crate::{
    model::{Command, Model, Need, Surface},
    snippets::quote::double,
};

const TEMPLATE: &str = include_str!("../../templates/client.py");

/// The file.
#[must_use]
pub fn file(model: &Model) -> String {
    let methods = |surface| model.of_surface(surface).map(method).collect::<String>();
    let commands = model.commands.iter().map(|c| format!("    {}: {},\n", double(c.name), double(repeat(c))));
    let codes = numbered(model).map(|(number, of)| format!("    {}: {},\n", double(&number.to_string()), row(of)));
    let refusals = named(model).map(|(name, status, texts, of)| {
        let texts: Vec<String> = texts.into_iter().map(double).collect();
        format!("    {}: ({status}, ({}), {}),\n", double(&name), texts.join(", "), row(of))
    });
    let parts = BTreeMap::from([
        ("gateway", methods(Surface::Apih)),
        ("servers", methods(Surface::Json)),
        ("commands", commands.collect()),
        ("codes", codes.collect()),
        ("refusals", refusals.collect()),
    ]);
    fill(TEMPLATE, model, &parts, double)
}

fn row((critical, charged, again, text): Row<'_>) -> String {
    let critical = if critical { "True" } else { "False" };
    format!("({critical}, {}, {}, {})", double(charged), double(again), double(text))
}

fn method(command: &Command) -> String {
    let lines = about(command);
    let mut lines = lines.iter();
    let first = lines.next().map_or("", String::as_str);
    let rest: String = lines.map(|line| format!("        {line}").trim_end().to_owned() + "\n").collect();
    let told: Vec<&str> = command.reply.iter().map(|told| told.name).collect();
    let (required, optional): (Vec<_>, Vec<_>) =
        command.fields.iter().partition(|field| matches!(field.need, Need::Required(_)));
    let fields: Vec<String> = required
        .into_iter()
        .map(|field| field.name.to_owned())
        .chain(optional.into_iter().map(|field| format!("{}=None", field.name)))
        .collect();
    let given: Vec<String> =
        command.fields.iter().map(|field| format!("{}: {}", double(field.name), field.name)).collect();
    let star = if fields.is_empty() { "" } else { ", *, " };
    format!(
        "\n    def {name}(self{star}{}):\n        \"\"\"{first}\n{rest}        Returns {}.\n        \"\"\"\n        return \
         self._call(\"{name}\", {{{}}})\n",
        fields.join(", "),
        told.join(", "),
        given.join(", "),
        name = command.name,
    )
}
