//! The order of checks: of several flaws the first answers.

use std::net::IpAddr;

use super::{
    bed::{Bed, as_nick, said},
    conformance::{about_servers, good_fields},
};
use crate::support::HERE;

/// A request with every flaw, and its flaws put right one after the other.
const STEPS: [(&str, &str, u16); 6] = [
    ("address", "127.0.0.1", 401),
    ("password", "ann-api-password", 400),
    ("command", "server_change", 400),
    ("id", "", 403),
    ("service", "", 400),
    ("cpu", "4", 409),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_first_flaw_answers() {
    let bed = Bed::new().await;
    let server = bed.app.running_order().await;
    let suspend = format!("update live.orders set state = 'suspended', suspended_by = 'customer' where id = {server}");
    bed.app.db.run_sql(&suspend).await;
    let mut from: IpAddr = "192.0.2.1".parse().unwrap();
    let mut fields = vec![("nick", "ann-api"), ("password", "wrong"), ("command", "x"), ("id", "x"), ("cpu", "1")];
    let mut texts = Vec::new();
    let (status, body) = said(&bed.api.answer(&fields.iter().copied().collect(), from).await);
    assert_eq!(status, 403);
    texts.push(body);
    for (put_right, value, then) in STEPS {
        match put_right {
            "address" => from = value.parse().unwrap(),
            "id" => fields.push(("id", "999999")),
            "service" => fields.push(("id", &server)),
            name => fields.push((name, value)),
        }
        let (status, body) = said(&bed.api.answer(&fields.iter().copied().collect(), from).await);
        assert_eq!(status, then, "{put_right}: {body}");
        texts.push(body);
    }
    let distinct: std::collections::BTreeSet<String> = texts.iter().map(ToString::to_string).collect();
    assert_eq!(distinct.len(), texts.len(), "two flaws can't be told apart: {texts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_come_before_the_servers_state() {
    let bed = Bed::new().await.with_target().await;
    let states = [
        ("update live.orders set state = 'suspended', suspended_by = 'customer' where id = ", "suspended"),
        ("update live.orders set paid_until = current_date - 3, start_day = current_date - 40 where id = ", "overdue"),
    ];
    for (state, name) in states {
        for command in about_servers().filter(|c| matches!(c, iv_json::command::Command::Writes(_))) {
            let server = bed.service_for(command).await;
            bed.app.db.run_sql(&format!("{state}{server}")).await;
            let good = good_fields(command, &server);
            assert_eq!(bed.ann(command.spec().name, &good).await.0, 409, "{} when {name}", command.spec().name);
            for field in command.spec().fields.iter().filter(|field| field.name != "id") {
                let Some((malformed, _)) = field.malformed else { continue };
                let others = good.iter().copied().filter(|(n, _)| *n != field.name);
                let fields: Vec<_> = others.chain([(field.name, malformed)]).collect();
                let (status, body) = bed.ann(command.spec().name, &fields).await;
                assert_eq!(status, 400, "{}: {} when {name}: {body}", command.spec().name, field.name);
            }
        }
    }
    let vds = [("vid", "vds"), ("tarifid", "10"), ("period", "1"), ("addons", "20")];
    let (unpaid, target) = (bed.app.order_by("poor", &vds).await, bed.app.order_by("poor", &vds).await);
    bed.app.with_addresses(&unpaid).await;
    for command in about_servers().filter(|c| matches!(c, iv_json::command::Command::Writes(_))) {
        let fields = good_fields(command, &unpaid).into_iter();
        let fields: Vec<_> =
            fields.map(|(n, v)| if n == "target_id" { (n, target.as_str()) } else { (n, v) }).collect();
        let (status, body) = bed.by("poor-api", command.spec().name, &fields).await;
        assert_eq!(status, 409, "{} when unpaid: {body}", command.spec().name);
    }
    assert_eq!(bed.app.db.value::<i64>("select count(*) from live.task where operation <> 'server_create'").await, 0);
    bed.app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_has_no_plan_can_not_be_changed_but_parameters_come_first() {
    let bed = Bed::new().await;
    let machine = bed.app.order_by("ann", &[("vid", "dedicated"), ("tarifid", "30"), ("period", "1")]).await;
    bed.app.db.run_sql(&format!("update live.orders set state = 'active' where id = {machine}")).await;
    assert_eq!(bed.ann("server_change", &[("id", &machine)]).await.0, 400, "nothing asked for");
    for malformed in ["x", "-1", "4.5"] {
        assert_eq!(bed.ann("server_change", &[("id", &machine), ("ram", malformed)]).await.0, 400, "{malformed}");
    }
    for dry_run in ["0", "1"] {
        let fields = [("id", machine.as_str()), ("cpu", "4"), ("dry_run", dry_run)];
        assert_eq!(bed.ann("server_change", &fields).await.0, 409, "dry_run={dry_run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_of_networks_lets_nobody_in() {
    let bed = Bed::new().await;
    let closed = bed.with(iv_json::ApiSettings { allowed_networks: Vec::new(), ..super::bed::settings() });
    let (status, body) = said(&closed.answer(&as_nick("ann-api", "version", &[]), HERE).await);
    assert_eq!((status, body["error"].as_str().unwrap().starts_with("Prisijungti")), (403, true));
    let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
    assert_eq!(said(&bed.api.answer(&as_nick("ann-api", "version", &[]), mapped).await).0, 200);
    let other: IpAddr = "::1".parse().unwrap();
    assert_eq!(said(&bed.api.answer(&as_nick("ann-api", "version", &[]), other).await).0, 403);
}
