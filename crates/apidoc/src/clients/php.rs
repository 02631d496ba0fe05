//! The client in PHP.

use std::collections::BTreeMap;

use super::{Row, about, fill, named, numbered, repeat};
use crate::{
    model::{Command, Model, Need, Surface},
    snippets::quote::single,
};

const TEMPLATE: &str = include_str!("../../templates/client.php");

/// The file.
#[must_use]
pub fn file(model: &Model) -> String {
    let methods = |surface| model.of_surface(surface).map(method).collect::<String>();
    let commands = model.commands.iter().map(|command| {
        let fields: Vec<String> = command.fields.iter().map(|field| single(field.name)).collect();
        format!(
            "        {} => ['repeat' => {}, 'fields' => [{}]],\n",
            single(command.name),
            single(repeat(command)),
            fields.join(", ")
        )
    });
    let codes = numbered(model).map(|(number, of)| format!("        {number} => {},\n", row(of)));
    let refusals = named(model).map(|(name, status, texts, of)| {
        let texts: Vec<String> = texts.into_iter().map(single).collect();
        format!("        {} => [{status}, [{}], {}],\n", single(&name), texts.join(", "), row(of))
    });
    let parts = BTreeMap::from([
        ("gateway", methods(Surface::Apih)),
        ("servers", methods(Surface::Json)),
        ("commands", commands.collect()),
        ("codes", codes.collect()),
        ("refusals", refusals.collect()),
    ]);
    fill(TEMPLATE, model, &parts, single)
}

fn row((critical, charged, again, text): Row<'_>) -> String {
    format!("[{critical}, {}, {}, {}]", single(charged), single(again), single(text))
}

fn method(command: &Command) -> String {
    let comment: String =
        about(command).iter().map(|line| format!("     * {line}").trim_end().to_owned() + "\n").collect();
    let fields: Vec<String> = command
        .fields
        .iter()
        .map(|field| {
            let mark = if matches!(field.need, Need::Required(_)) { "" } else { "?" };
            format!("{}{mark}: string|int", field.name)
        })
        .collect();
    let told: Vec<&str> = command.reply.iter().map(|told| told.name).collect();
    let default = if command.fields.iter().any(|f| matches!(f.need, Need::Required(_))) { "" } else { " = []" };
    format!(
        "\n    /**\n{comment}     *\n     * @param array{{{}}} $fields\n     * @return array of {}\n     */\n    public function \
         {name}(array $fields{default}): array\n    {{\n        return $this->call('{name}', $fields);\n    }}\n",
        fields.join(", "),
        told.join(", "),
        name = command.name,
    )
}
