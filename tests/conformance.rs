//! Every command against its own declaration: nothing here names a command.

use gateway_http::{
    command::{Command, FieldSpec, Need, ReplyField},
    commands::COMMANDS,
    reply::Format,
    request::Fields,
};
use serde_json::Value;

use crate::support::{App, HERE, as_customer, call, code, in_test_mode, names};

/// Values with which a command succeeds: its examples, with the ids of things that are there.
pub fn good_fields(command: Command, order: &str) -> Vec<(&'static str, &str)> {
    let value = |field: &FieldSpec| match field.name {
        "orderid" => Some(order),
        // These narrow a call down to what is not there.
        "expect_todate" | "after" | "requestid" => None,
        _ => Some(field.example),
    };
    command.spec().fields.iter().filter_map(|f| value(f).map(|v| (f.name, v))).collect()
}

/// An order that the command can be about.
pub async fn order_for(app: &App, command: Command) -> String {
    let order = app.running_order().await;
    if command.spec().name == "unSuspendOrder" {
        let suspend =
            format!("update live.orders set state = 'suspended', suspended_by = 'customer' where id = {order}");
        app.db.run_sql(&suspend).await;
    }
    order
}

/// The fields of a call by `ann`, with the key that the command is there for.
fn by_ann<'a>(command: Command, fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, String)> {
    let as_caller = if command.tries() { in_test_mode } else { as_customer };
    as_caller("ann", command.spec().name, fields)
}

async fn ann(app: &App, command: Command, fields: &[(&str, &str)]) -> Value {
    call(&app.gateway, &by_ann(command, fields)).await
}

/// With `ann` in test mode, too.
async fn app() -> App {
    let app = App::new().await;
    app.test_mode("ann").await;
    app
}

async fn bytes(app: &App, command: Command, fields: &[(&str, &str)], format: Format) -> Vec<u8> {
    let mut all = by_ann(command, fields);
    if format == Format::Json {
        all.push(("json", "1".into()));
    }
    app.gateway.answer(&all.into_iter().collect::<Fields>(), HERE).await.body
}

/// Returns how many items of lists it has seen.
fn assert_shape(answer: &Value, declared: &[ReplyField], skip: usize, of: &str) -> usize {
    let got: Vec<&str> = names(answer).into_iter().skip(skip).collect();
    let declared_names: Vec<&str> = declared.iter().map(|f| f.name).collect();
    assert_eq!(got, declared_names, "fields of {of}");
    let mut seen = 0;
    for field in declared {
        match (&answer[field.name], field.items.is_empty()) {
            (Value::String(_), true) => {}
            (Value::Array(items), false) => {
                let nested: usize = items.iter().map(|item| assert_shape(item, field.items, 0, field.name)).sum();
                seen += items.len() + nested;
            }
            (other, _) => panic!("{of}: {} is {other}", field.name),
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_has_exactly_the_declared_fields() {
    let app = app().await;
    for command in COMMANDS {
        let order = order_for(&app, *command).await;
        let answer = ann(&app, *command, &good_fields(*command, &order)).await;
        assert_eq!(answer["status"], "SUCCESS", "{}: {answer}", command.spec().name);
        let seen = assert_shape(&answer, command.spec().reply, 1, command.spec().name);
        let lists = command.spec().reply.iter().any(|field| !field.items.is_empty());
        assert_eq!(seen > 0, lists, "{}: a list without items shows nothing", command.spec().name);
    }
    app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_or_malformed_field_is_answered_as_declared() {
    let app = app().await;
    for command in COMMANDS {
        let name = command.spec().name;
        let order = order_for(&app, *command).await;
        let good = good_fields(*command, &order);
        for field in command.spec().fields {
            let others: Vec<_> = good.iter().copied().filter(|(n, _)| *n != field.name).collect();
            let with = async |value: &str| {
                let fields: Vec<_> = others.iter().copied().chain([(field.name, value)]).collect();
                ann(&app, *command, &fields).await
            };
            if let Need::Required(fault) = field.need {
                for absent in ["", " ", "\u{a0}\t"] {
                    assert_eq!(code(&with(absent).await), Some(fault.code()), "{name}: {}", field.name);
                }
                assert_eq!(
                    code(&ann(&app, *command, &others).await),
                    Some(fault.code()),
                    "{name} without {}",
                    field.name
                );
            }
            if let Some((malformed, fault)) = field.malformed {
                for value in [malformed, "\u{0}", "\u{1}x"] {
                    let answer = with(value).await;
                    assert_eq!(code(&answer), Some(fault.code()), "{name}: {} = {value:?}: {answer}", field.name);
                }
            }
        }
    }
    let placed: i64 = app.db.value("select count(*) from live.orders").await;
    assert_eq!(usize::try_from(placed).unwrap(), COMMANDS.len(), "refused requests left orders behind");
    app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_gets_the_first_answer_byte_for_byte_in_both_formats() {
    let app = app().await;
    for command in COMMANDS.iter().filter(|c| c.writes()) {
        let name = command.spec().name;
        let order = order_for(&app, *command).await;
        let mut fields = good_fields(*command, &order);
        fields.push(("requestid", name));
        let first = bytes(&app, *command, &fields, Format::Json).await;
        let tasks = app.db.value::<i64>("select count(*) from live.task").await;
        let journals = app.db.value::<i64>("select count(*) from live.journal").await;
        assert_eq!(bytes(&app, *command, &fields, Format::Json).await, first, "{name}");
        let php = bytes(&app, *command, &fields, Format::Php).await;
        assert_eq!(bytes(&app, *command, &fields, Format::Php).await, php, "{name}");
        assert_eq!(code(&serde_json::from_slice(&first).unwrap()), None, "{name}");
        assert_eq!(app.db.value::<i64>("select count(*) from live.task").await, tasks, "{name}");
        assert_eq!(app.db.value::<i64>("select count(*) from live.journal").await, journals, "{name}");
        fields.push(("colour", "green"));
        assert_eq!(code(&ann(&app, *command, &fields).await), Some(101), "{name}: other parameters");
    }
    // Another customer's requestid is another's.
    let theirs = app.by("ben", "suspendOrder", &[("orderid", "1"), ("requestid", "suspendOrder")]).await;
    assert_eq!(code(&theirs), Some(19));
    // After a day it is free again.
    app.db.run_sql("update live.saved_answer set created_at = now() - interval '25 hours'").await;
    let answer = app.ann("suspendOrder", &[("orderid", "999"), ("requestid", "suspendOrder")]).await;
    assert_eq!(code(&answer), Some(19));
    app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_customers_order_is_not_there() {
    let app = App::new().await;
    for command in COMMANDS {
        let fields = command.spec().fields;
        if !fields.iter().any(|f| f.name == "orderid") {
            continue;
        }
        let order = order_for(&app, *command).await;
        for login in ["ben", "test"] {
            let theirs = app.by(login, command.spec().name, &good_fields(*command, &order)).await;
            let none = app.by(login, command.spec().name, &good_fields(*command, "999999")).await;
            assert_eq!(code(&theirs), Some(19), "{} by {login}", command.spec().name);
            assert_eq!(theirs, none, "the answer tells that the order exists");
        }
    }
}

#[test]
fn declarations_are_sound() {
    let mut sections: Vec<&str> = COMMANDS.iter().map(|c| c.spec().section).collect();
    sections.dedup();
    assert_eq!(sections, ["4.1", "4.2", "4.3", "4.4", "4.5", "4.6", "4.7", "4.8", "4.9", "4.10"]);
    for command in COMMANDS {
        let spec = command.spec();
        assert!(!spec.about.is_empty() && !spec.effects.is_empty() && !spec.reply.is_empty(), "{}", spec.name);
        assert_eq!(command.writes(), spec.fields.iter().any(|f| f.name == "requestid"), "{}", spec.name);
        for field in spec.fields {
            assert!(!field.about.is_empty() && !field.example.is_empty(), "{}: {}", spec.name, field.name);
            let answers = [
                field.malformed.map(|(_, fault)| fault),
                match field.need {
                    Need::Required(fault) | Need::When(_, fault) => Some(fault),
                    Need::Optional(_) => None,
                },
            ];
            for fault in answers.into_iter().flatten() {
                assert!(command.may_answer(fault), "{} does not declare {fault:?}", spec.name);
            }
        }
    }
}
