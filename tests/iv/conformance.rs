//! Every command against its own declaration: nothing here names one but for the form of its answer.

use iv_json::{
    command::{Command, Need, ReplyField},
    commands::COMMANDS,
    fault::Fault,
};
use serde_json::Value;

use super::bed::{Bed, Said};
use crate::support::names;

/// Values with which a command succeeds: its examples, with the ids of things that are there.
pub fn good_fields(command: Command, server: &str) -> Vec<(&'static str, &str)> {
    let fields = command.spec().fields.iter();
    let values = fields.filter_map(|field| match field.name {
        "id" => Some((field.name, server)),
        // These ask for something else: another's task, a price.
        "task_id" | "task" | "dry_run" => None,
        _ => Some((field.name, field.example)),
    });
    values.collect()
}

/// The commands that are about a server.
pub fn about_servers() -> impl Iterator<Item = Command> {
    COMMANDS.iter().copied().filter(|command| command.is_about_a_server())
}

fn assert_scalars(value: &Value, at: &str) {
    match value {
        Value::String(_) | Value::Null => {}
        Value::Array(items) => items.iter().for_each(|item| assert_scalars(item, at)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| assert_scalars(value, &format!("{at}.{name}"))),
        Value::Bool(_) | Value::Number(_) => panic!("{at} is {value}"),
    }
}

fn assert_fields(answer: &Value, declared: &[ReplyField], of: &str) {
    let declared_names: Vec<&str> = declared.iter().map(|field| field.name).collect();
    assert_eq!(names(answer), declared_names, "fields of {of}");
    for field in declared.iter().filter(|field| !field.items.is_empty()) {
        match &answer[field.name] {
            Value::Array(items) => items.iter().for_each(|item| assert_fields(item, field.items, field.name)),
            one => assert_fields(one, field.items, field.name),
        }
    }
}

/// The 24 graphs, in the contract's words.
fn graph_names() -> Vec<String> {
    let of = |graph: &str| ["daily", "weekly", "monthly", "yearly"].map(|span| format!("{graph}_{span}"));
    ["traffic", "memory", "storage", "load", "io", "cpu"].iter().flat_map(|graph| of(graph)).collect()
}

fn assert_images(answer: &Value, declared: &[ReplyField]) {
    let declared: Vec<&str> = declared.iter().map(|field| field.name).collect();
    let always = ["title", "arch", "url"];
    let mut seen: Vec<&str> = Vec::new();
    for image in answer.as_object().unwrap().values() {
        let fields = names(image);
        let in_order: Vec<&str> = declared.iter().copied().filter(|name| fields.contains(name)).collect();
        assert_eq!(fields, in_order, "{image}");
        assert!(always.iter().all(|name| fields.contains(name)), "{image}");
        seen.extend(fields);
    }
    assert!(seen.contains(&"min_ram") && seen.contains(&"panel"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_has_exactly_the_declared_fields_and_every_scalar_is_a_string_or_null() {
    let bed = Bed::new().await;
    for command in COMMANDS {
        let spec = command.spec();
        let server = bed.app.running_order().await;
        let answer = bed.done(spec.name, &good_fields(*command, &server)).await;
        assert_scalars(&answer, spec.name);
        match (&answer, spec.name) {
            (_, "server_graphs") => assert_eq!(names(&answer), graph_names()),
            (_, "server_os") => assert_images(&answer, spec.reply),
            (Value::Array(items), _) => {
                assert!(!items.is_empty(), "{}: a list without items shows nothing", spec.name);
                items.iter().for_each(|item| assert_fields(item, spec.reply, spec.name));
            }
            (one, _) => assert_fields(one, spec.reply, spec.name),
        }
    }
    let server = bed.app.running_order().await;
    let price = bed.done("server_change", &[("id", &server), ("cpu", "4"), ("dry_run", "1")]).await;
    assert_eq!(names(&price), ["cost", "currency"]);
    assert_scalars(&price, "server_change");
    bed.app.db.verify_books().await;
}

fn refusal(fault: Fault) -> Said {
    let text = fault.text(domain::language::Language::En);
    (fault.status(), serde_json::json!({ "error": text }))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_or_malformed_field_is_answered_as_declared() {
    let bed = Bed::new().await;
    for command in COMMANDS {
        let name = command.spec().name;
        let server = bed.app.running_order().await;
        let good = good_fields(*command, &server);
        for field in command.spec().fields {
            let others: Vec<_> = good.iter().copied().filter(|(n, _)| *n != field.name).collect();
            let with = async |value: &str| {
                let fields: Vec<_> = others.iter().copied().chain([(field.name, value)]).collect();
                bed.ann(name, &fields).await
            };
            if let Need::Required(fault) = field.need {
                for absent in ["", " ", "\u{a0}\t"] {
                    assert_eq!(with(absent).await, refusal(fault), "{name}: {} = {absent:?}", field.name);
                }
                assert_eq!(bed.ann(name, &others).await, refusal(fault), "{name} without {}", field.name);
            }
            let (malformed, fault) = field.malformed.unwrap_or_else(|| panic!("{name}: {} takes all", field.name));
            for value in [malformed, "\u{0}", "\u{1}x"] {
                assert_eq!(with(value).await, refusal(fault), "{name}: {} = {value:?}", field.name);
            }
        }
    }
    let tasks = "select count(*) from live.task where operation <> 'server_create'";
    assert_eq!(bed.app.db.value::<i64>(tasks).await, 0, "a refused request left a task behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_this_customers_server_is_not_there() {
    let bed = Bed::new().await;
    let theirs = bed.app.order_by("ben", &[("vid", "vds"), ("tarifid", "10"), ("period", "1"), ("addons", "20")]).await;
    let hosting = bed.app.order_by("ann", &[("tarifid", "1"), ("period", "1"), ("domain", "one.example")]).await;
    let ended = bed.app.running_order().await;
    let end = format!("update live.orders set state = 'terminated', terminated_at = now() where id = {ended}");
    bed.app.db.run_sql(&end).await;
    let refused = refusal(Fault::Service);
    let huge = "9".repeat(5000);
    let absent = ["0", "999999", "9223372036854775807", "9223372036854775808", "18446744073709551616", &huge];
    for command in about_servers() {
        let name = command.spec().name;
        for id in [theirs.as_str(), &hosting, &ended].into_iter().chain(absent) {
            assert_eq!(bed.ann(name, &good_fields(command, id)).await, refused, "{name} of {id}");
        }
        for id in ["-1", "+1", "1.0", "1e3", "0x1", "1 2", "１", "٣", "1;", "null"] {
            assert_eq!(bed.ann(name, &good_fields(command, id)).await, refusal(Fault::Id), "{name} of {id}");
        }
        assert_eq!(bed.by("test", name, &good_fields(command, &theirs)).await.0, 403, "{name}: from the test realm");
    }
    let padded = format!(" 00{} ", bed.app.running_order().await);
    assert_eq!(bed.ann("server_info", &[("id", &padded)]).await.0, 200);
}

#[test]
fn declarations_are_sound() {
    let mut known: Vec<&str> = COMMANDS.iter().map(|command| command.spec().name).collect();
    known.sort_unstable();
    known.dedup();
    assert_eq!(known.len(), COMMANDS.len());
    for command in COMMANDS {
        let spec = command.spec();
        assert!(!spec.about.is_empty() && !spec.effects.is_empty() && !spec.reply.is_empty(), "{}", spec.name);
        for field in spec.fields.iter().filter(|field| field.name != "id") {
            assert!(!field.about.is_empty() && !field.example.is_empty(), "{}: {}", spec.name, field.name);
            let absent = match field.need {
                Need::Required(fault) | Need::When(_, fault) => Some(fault),
                Need::Optional(_) => None,
            };
            for fault in absent.into_iter().chain(field.malformed.map(|(_, fault)| fault)) {
                assert!(spec.faults.contains(&fault), "{} does not declare {fault:?}", spec.name);
            }
        }
    }
}
