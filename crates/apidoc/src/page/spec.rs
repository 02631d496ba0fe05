//! What the console knows: commands with their fields, and its words. Data for the page's script.

use gateway_http::command::Effect;
use serde_json::{Value, json};

use super::words::Words;
use crate::model::{Command, Field, Model, Need, Surface};

/// The words of the script.
const WORDS: [&str; 12] = [
    "copied",
    "send",
    "sending",
    "took",
    "confirm_charges",
    "confirm_destroys",
    "key_missing",
    "no_network",
    "nothing_found",
    "found",
    "not_php",
    "required",
];

/// The data as JSON that can stand in a `script` element.
pub(super) fn of(w: Words<'_>, model: &Model) -> String {
    let commands: Vec<Value> = model.commands.iter().map(of_command).collect();
    let words: serde_json::Map<String, Value> = WORDS.iter().map(|key| ((*key).to_owned(), w.ui(key).into())).collect();
    let spec = json!({ "commands": commands, "words": words });
    // `</script>` and `<!--` would end the element.
    spec.to_string().replace('<', "\\u003c")
}

fn of_command(command: &Command) -> Value {
    let example = |field: &Field| command.example.as_ref().and_then(|example| example.field(field.name));
    let fields = command.fields.iter().map(|field| {
        let required = matches!(field.need, Need::Required(_));
        json!({ "name": field.name, "value": example(field).unwrap_or_default(), "hint": field.example, "required": required })
    });
    json!({
        "name": command.name,
        "json": command.surface == Surface::Json,
        "charges": command.effects.contains(&Effect::Charges),
        "destroys": command.effects.contains(&Effect::Destroys),
        "writes": !command.reads(),
        // There with a test key of one's own alone.
        "own": command.effects.contains(&Effect::MovesClock),
        "fields": fields.collect::<Vec<_>>(),
    })
}
