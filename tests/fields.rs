//! Fields that are given and can't be read, as bytes of a query: over both registries, so that a new command and a new
//! field are held to it, too. None of them may count as absent, and nothing may be done.

use actix_web::{http::Method, web::Bytes};

use gateway_http::{
    commands::COMMANDS,
    request::{Fields, decode},
};
use serde_json::Value;

use crate::{
    conformance,
    iv::{
        bed::{Bed, said},
        conformance as iv_conformance,
    },
    support::{App, HERE, as_customer, code, in_test_mode},
};

/// Fields that take a list, as PHP writes an array.
const LISTS: [&str; 1] = ["addons"];

async fn read(query: &str) -> Fields {
    decode(&Method::GET, query.as_bytes(), None, Bytes::new()).await
}

fn query(fields: &[(&str, String)]) -> String {
    let pair = |(name, value): &(&str, String)| {
        let escaped: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        format!("{name}={escaped}&")
    };
    fields.iter().map(pair).collect()
}

/// A field given so that nobody can read it: each of these stands after all others.
fn unreadable(name: &str, good: &str) -> Vec<String> {
    let long = "x".repeat(10_000);
    let mut ways = vec![
        format!("{name}={good}%FF"),
        format!("{name}=%EF%F0%E8"),
        format!("{name}=%00{good}"),
        format!("{name}={long}"),
        format!("{name}={good}&{name}=%FF"),
        format!("{name}[x]={good}"),
        format!("{name}[1]={good}"),
        format!("{name}[={good}"),
        format!("{name}={good}&{name}[]={good}"),
        format!("{name}[]={good}&{name}={good}"),
        format!("{name}[]=%FF"),
    ];
    if !LISTS.contains(&name) {
        ways.extend([format!("{name}[]={good}"), format!("{name}[0]={good}&{name}[1]={good}")]);
    }
    ways
}

/// All that calls leave behind.
async fn left_behind(app: &App) -> i64 {
    let sql = "select (select count(*) from live.orders) + (select count(*) from live.task) + (select count(*) from live.invoice) \
               + (select count(*) from live.journal) + (select count(*) from live.saved_answer)";
    app.db.value(sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_writing_command_of_the_gateway_is_done_without_a_field_that_can_not_be_read() {
    let app = App::new().await;
    app.test_mode("ann").await;
    for command in COMMANDS.iter().filter(|command| command.writes()) {
        let spec = command.spec();
        let order = conformance::order_for(&app, *command).await;
        let good = conformance::good_fields(*command, &order);
        let before = left_behind(&app).await;
        for field in spec.fields {
            let others: Vec<_> =
                good.iter().copied().filter(|(name, _)| *name != field.name).chain([("json", "1")]).collect();
            let as_caller = if command.tries() { in_test_mode } else { as_customer };
            let others = query(&as_caller("ann", spec.name, &others));
            let own = good.iter().find(|(name, _)| *name == field.name).map_or(field.example, |(_, value)| value);
            for way in unreadable(field.name, own) {
                let answered = app.gateway.answer(&read(&format!("{others}{way}")).await, HERE).await;
                let answer: Value = serde_json::from_slice(&answered.body).unwrap();
                let (_, fault) =
                    field.malformed.unwrap_or_else(|| panic!("{}: {} takes anything", spec.name, field.name));
                assert_eq!(code(&answer), Some(fault.code()), "{}: {way:.80}: {answer}", spec.name);
            }
        }
        assert_eq!(left_behind(&app).await, before, "{} was done", spec.name);
    }
    app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_writing_command_of_the_account_api_is_done_without_a_field_that_can_not_be_read() {
    let bed = Bed::new().await.with_target().await;
    for command in iv_json::commands::COMMANDS.iter().filter(|command| command.writes()) {
        let spec = command.spec();
        let server = bed.service_for(*command).await;
        let good = iv_conformance::good_fields(*command, &server);
        let before = left_behind(&bed.app).await;
        for field in spec.fields {
            let mut others = vec![
                ("command", spec.name.to_owned()),
                ("nick", "ann-api".into()),
                ("password", "ann-api-password".into()),
            ];
            others.extend(
                good.iter().filter(|(name, _)| *name != field.name).map(|(name, value)| (*name, (*value).to_owned())),
            );
            let others = query(&others);
            let own = good.iter().find(|(name, _)| *name == field.name).map_or(field.example, |(_, value)| value);
            for way in unreadable(field.name, own) {
                let answered = bed.api.answer(&read(&format!("{others}{way}")).await, HERE).await;
                let (_, fault) =
                    field.malformed.unwrap_or_else(|| panic!("{}: {} takes anything", spec.name, field.name));
                assert_eq!(said(&answered), iv_conformance::refusal(fault), "{}: {way:.80}", spec.name);
            }
        }
        assert_eq!(left_behind(&bed.app).await, before, "{} was done", spec.name);
    }
    bed.app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_ordered_as_php_writes_it() {
    let app = App::new().await;
    let place = "command=createOrder&login=ann&apikey=ann-key&json=1&vid=vds&tarifid=10&period=1";
    for (way, addons) in [
        ("addons=20,22", "20,22"),
        ("addons[]=20&addons[]=22", "20,22"),
        ("addons%5B0%5D=20&addons%5B1%5D=22:2", "20,22:2"),
        ("addons=&addons[]=20", "20"),
    ] {
        let answered = app.gateway.answer(&read(&format!("{place}&{way}")).await, HERE).await;
        let answer: Value = serde_json::from_slice(&answered.body).unwrap();
        assert_eq!((&answer["status"], &answer["addons"]), (&"SUCCESS".into(), &addons.into()), "{way}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_field_is_named_and_refused_where_that_is_wanted() {
    let bed = Bed::new().await;
    let (app, serving) = (&bed.app, bed.serve(&bed.api));
    let header = async |target: &str| {
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answered = crate::support::raw(serving.address, request.as_bytes()).await;
        let named = answered.header("x-vartai-unknown-fields").map(str::to_owned);
        (named, serde_json::from_slice::<Value>(&answered.body).unwrap())
    };
    let place = "/apih.php?command=createOrder&login=ann&apikey=ann-key&json=1&vid=vds&tarifid=10&period=1&addons=20";
    let (named, answer) = header(place).await;
    assert_eq!((named, &answer["status"]), (None, &"SUCCESS".into()));
    let (named, answer) = header(&format!("{place}&addon=22&utm=x")).await;
    assert_eq!((named.as_deref(), &answer["status"]), (Some("addon (addons?), utm"), &"SUCCESS".into()), "{answer}");
    let before = left_behind(app).await;
    let (named, answer) = header(&format!("{place}&addon=22&strict=1")).await;
    assert_eq!((named.as_deref(), code(&answer)), (Some("addon (addons?)"), Some(102)), "{answer}");
    assert!(answer["errorMsg"].as_str().unwrap().ends_with(": addon"), "{answer}");
    let (_, answer) = header(&format!("{place}&strict=maybe")).await;
    assert_eq!(code(&answer), Some(102));
    let (_, answer) = header("/apih.php?command=getBalance&login=ann&apikey=ann-key&json=1&strict=1&what=1").await;
    assert_eq!(code(&answer), Some(102));
    assert_eq!(left_behind(app).await, before);
    let (_, answer) = header("/apih.php?command=getBalance&login=ann&apikey=ann-key&json=1&strict=1").await;
    assert_eq!(answer["status"], "SUCCESS");

    let info = "/json.php?command=account_credits&nick=ann-api&password=ann-api-password&cuont=1";
    let (named, _) = header(info).await;
    assert_eq!(named.as_deref(), Some("cuont (count?)"));
    let (named, answer) = header(&format!("{info}&strict=1")).await;
    assert!(named.is_some() && answer["error"].as_str().unwrap().ends_with(": strict"), "{answer}");
    // Who is not let in is told nothing.
    assert_eq!(header("/apih.php?command=getBalance&login=ann&apikey=wrong&json=1&what=1").await.0, None);
    let metrics = crate::support::raw(serving.admin_address, b"GET /metrics HTTP/1.0\r\n\r\n").await;
    let metrics = String::from_utf8(metrics.body).unwrap();
    assert!(metrics.contains("vartai_unknown_fields_total{customer=\"1\",surface=\"apih\"} 3"), "{metrics}");
    serving.stop().await;
}
