//! Every command against its own declaration: nothing here names one but for the form of its answer.

use iv_json::{
    command::{About, Command, Form, Need, ReplyField, Shape},
    commands::COMMANDS,
    fault::Fault,
};
use serde_json::Value;

use super::bed::{Bed, Said, TARGET};
use crate::support::{addresses, names};

/// Values with which a command succeeds: its examples, with the ids of things that are there.
pub fn good_fields(command: Command, server: &str) -> Vec<(&'static str, &str)> {
    let fields = command.spec().fields.iter();
    let values = fields.filter_map(|field| match field.name {
        "id" => Some((field.name, server)),
        // These ask for something else: another's task, a price.
        "task_id" | "task" | "dry_run" => None,
        "target_id" => Some((field.name, TARGET)),
        // Of the commands that take an address of the server.
        "ip" if field.need == Need::Required(Fault::Parameter("ip")) && command.spec().name != "server_graphs" => {
            Some((field.name, own_address(server)))
        }
        _ => Some((field.name, field.example)),
    });
    values.collect()
}

/// An address that [`App::with_addresses`] gives a server; of what has no such number, one that nobody has.
///
/// [`App::with_addresses`]: crate::support::App::with_addresses
fn own_address(server: &str) -> &'static str {
    let number = server.parse::<u16>().map_or("999", |_| server);
    let [v4, _] = addresses(number);
    v4.leak()
}

/// The commands that are about a server.
pub fn about_servers() -> impl Iterator<Item = Command> {
    COMMANDS.iter().copied().filter(|command| About::of(*command) == Some(About::Server))
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
    let there = |field: &&ReplyField| field.form != Form::TextOrAbsent || answer.get(field.name).is_some();
    let declared_names: Vec<&str> = declared.iter().filter(there).map(|field| field.name).collect();
    assert_eq!(names(answer), declared_names, "fields of {of}");
    for field in declared.iter().filter(there) {
        match (field.form, &answer[field.name]) {
            (Form::Text | Form::TextOrNull | Form::TextOrAbsent, Value::String(_)) => {}
            (Form::TextOrNull, Value::Null) => {}
            (Form::Texts, Value::Object(texts)) => assert!(texts.values().all(Value::is_string), "{of}: {texts:?}"),
            (Form::List, Value::Array(items)) => {
                items.iter().for_each(|item| assert_fields(item, field.items, field.name))
            }
            (Form::One, one) => assert_fields(one, field.items, field.name),
            (form, other) => panic!("{of}: {} is declared as {form:?} and is {other}", field.name),
        }
    }
}

/// The 24 graphs, in the contract's words.
fn graph_names() -> Vec<String> {
    let of = |graph: &str| ["daily", "weekly", "monthly", "yearly"].map(|span| format!("{graph}_{span}"));
    ["traffic", "memory", "storage", "load", "io", "cpu"].iter().flat_map(|graph| of(graph)).collect()
}

pub fn assert_shape(answer: &Value, command: Command) {
    let spec = command.spec();
    match (command.shape(), answer) {
        (Shape::List, Value::Array(items)) => {
            assert!(!items.is_empty(), "{}: a list without items shows nothing", spec.name);
            items.iter().for_each(|item| assert_fields(item, spec.reply, spec.name));
        }
        (Shape::ByName, Value::Object(items)) => {
            assert!(!items.is_empty(), "{}: no items show nothing", spec.name);
            items.values().for_each(|item| assert_fields(item, spec.reply, spec.name));
        }
        (Shape::Texts, Value::Object(texts)) => {
            assert!(texts.contains_key(spec.reply[0].name) && texts.values().all(Value::is_string), "{answer}");
        }
        (Shape::One, one) => assert_fields(one, spec.reply, spec.name),
        (shape, other) => panic!("{} is declared as {shape:?} and is {other}", spec.name),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_has_exactly_the_declared_fields_and_every_scalar_is_a_string_or_null() {
    let bed = Bed::new().await.with_target().await;
    for command in COMMANDS {
        let spec = command.spec();
        let server = bed.service_for(*command).await;
        let answer = bed.done(spec.name, &good_fields(*command, &server)).await;
        assert_scalars(&answer, spec.name);
        assert_shape(&answer, *command);
        match spec.name {
            "server_graphs" => assert_eq!(names(&answer), graph_names()),
            // Of the demo's images one needs more memory, and one brings a panel.
            "server_os" => {
                let seen = |name: &str| answer.as_object().unwrap().values().any(|image| image.get(name).is_some());
                assert!(seen("min_ram") && seen("panel"), "{answer}");
            }
            _ => {}
        }
    }
    let server = bed.app.running_order().await;
    let price = bed.done("server_change", &[("id", &server), ("cpu", "4"), ("dry_run", "1")]).await;
    let change = COMMANDS.iter().find(|command| command.spec().name == "server_change").unwrap();
    assert_fields(&price, change.instead().unwrap().1, "server_change");
    assert_scalars(&price, "server_change");
    bed.app.db.verify_books().await;
}

pub fn refusal(fault: Fault) -> Said {
    let text = fault.text(domain::language::Language::En);
    (fault.status(), serde_json::json!({ "error": text }))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_or_malformed_field_is_answered_as_declared() {
    let bed = Bed::new().await.with_target().await;
    for command in COMMANDS {
        let name = command.spec().name;
        let server = bed.service_for(*command).await;
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

const VDS: [(&str, &str); 4] = [("vid", "vds"), ("tarifid", "10"), ("period", "1"), ("addons", "20")];

/// Ids of services of a kind that are not ann's to use: another customer's, ended ones, and none.
async fn not_anns(bed: &Bed) -> Vec<String> {
    let theirs = bed.app.order_by("ben", &VDS).await;
    let host = |domain| [("tarifid", "1"), ("period", "1"), ("domain", domain)];
    let their_hosting = bed.app.order_by("ben", &host("theirs.example")).await;
    let (ended, ended_hosting) = (bed.app.running_order().await, bed.app.order_by("ann", &host("ended.example")).await);
    let end = "update live.orders set state = 'terminated', terminated_at = now() where id in";
    bed.app.db.run_sql(&format!("{end} ({ended}, {ended_hosting})")).await;
    let absent = ["0", "999999", "9223372036854775807", "9223372036854775808", "18446744073709551616"];
    let mut all = vec![theirs, their_hosting, ended, ended_hosting, "9".repeat(5000)];
    all.extend(absent.map(str::to_owned));
    all
}

/// What is not a number, or none that an id could be.
const NO_IDS: [&str; 10] = ["-1", "+1", "1.0", "1e3", "0x1", "1 2", "１", "٣", "1;", "null"];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_this_customers_service_of_that_kind_is_not_there() {
    let bed = Bed::new().await.with_target().await;
    let not_anns = not_anns(&bed).await;
    let refused = refusal(Fault::Service);
    let hosting = bed.app.order_by("ann", &[("tarifid", "1"), ("period", "1"), ("domain", "one.example")]).await;
    for (command, about) in COMMANDS.iter().filter_map(|command| Some((*command, About::of(*command)?))) {
        let name = command.spec().name;
        let of_other_kind = match about {
            About::Server => hosting.as_str(),
            About::Hosting => TARGET,
        };
        for id in not_anns.iter().map(String::as_str).chain([of_other_kind]) {
            assert_eq!(bed.ann(name, &good_fields(command, id)).await, refused, "{name} of {id}");
        }
        for id in NO_IDS {
            assert_eq!(bed.ann(name, &good_fields(command, id)).await, refusal(Fault::Id), "{name} of {id}");
        }
        let theirs = &not_anns[0];
        assert_eq!(bed.by("test", name, &good_fields(command, theirs)).await.0, 403, "{name}: from the test realm");
    }
    let padded = format!(" 00{} ", bed.app.running_order().await);
    assert_eq!(bed.ann("server_info", &[("id", &padded)]).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_goes_to_nobody_elses_server_and_nobody_elses_is_told_of() {
    let bed = Bed::new().await.with_target().await;
    let server = bed.service_for(*COMMANDS.iter().find(|c| c.spec().name == "server_move_ip").unwrap()).await;
    let not_anns = not_anns(&bed).await;
    let hosting = bed.app.order_by("ann", &[("tarifid", "1"), ("period", "1"), ("domain", "one.example")]).await;
    let [own, _] = addresses(&server);
    for target in not_anns.iter().chain([&hosting]) {
        let fields = [("id", server.as_str()), ("ip", own.as_str()), ("target_id", target.as_str())];
        assert_eq!(bed.ann("server_move_ip", &fields).await, refusal(Fault::Service), "to {target}");
    }
    for target in NO_IDS {
        let fields = [("id", server.as_str()), ("ip", own.as_str()), ("target_id", target)];
        let refused = refusal(Fault::Parameter("target_id"));
        assert_eq!(bed.ann("server_move_ip", &fields).await, refused, "to {target}");
    }
    // Another customer's, another server's of her own, the gateway, one that nobody has, one of no pool.
    let theirs: String =
        bed.app.db.value(&format!("select host(ip) from live.address where order_id = {}", not_anns[0])).await;
    let elsewhere: String =
        bed.app.db.value(&format!("select host(ip) from live.address where order_id = {TARGET}")).await;
    for ip in [theirs.as_str(), &elsewhere, "198.18.0.1", "198.18.77.77", "192.0.2.1", "::1"] {
        let moving = [("id", server.as_str()), ("ip", ip), ("target_id", TARGET)];
        assert_eq!(bed.ann("server_move_ip", &moving).await, refusal(Fault::Parameter("ip")), "{ip}");
        let naming = [("id", server.as_str()), ("ip", ip), ("domain", "vps.example")];
        assert_eq!(bed.ann("server_ptr", &naming).await, refusal(Fault::Parameter("ip")), "{ip}");
    }
    let left = "select count(*) from live.task where operation in ('server_move_ip', 'server_ptr')";
    assert_eq!(bed.app.db.value::<i64>(left).await, 0);
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
