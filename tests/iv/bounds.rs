//! Every parameter at its bounds, just past them, and far from anything it could be.

use iv_json::commands::COMMANDS;

use super::{
    bed::{Bed, TARGET},
    conformance::good_fields,
};
use crate::support::addresses;

/// What each parameter takes, and what it refuses.
fn bounds() -> Vec<(&'static str, &'static str, Vec<String>, Vec<String>)> {
    let own = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    // Numbers: bounds are in, what is past them and what is no number is out.
    let number = |low: u32, high: u32| {
        let taken = vec![low.to_string(), high.to_string(), format!(" 0{low} ")];
        let past = [low - 1, high + 1].map(|n| n.to_string());
        let no_numbers = own(&["-1", "+5", "5.0", "5e1", "0x5", "５", "five", "5 5", "\u{0}", "4294967301"]);
        (taken, past.into_iter().chain(no_numbers).chain(["9".repeat(40)]).collect::<Vec<_>>())
    };
    let ranged = |command, field, low, high| {
        let (taken, refused) = number(low, high);
        (command, field, taken, refused)
    };
    let passwords = |command| {
        let taken = vec!["8".repeat(8), "x".repeat(64), "ž".repeat(8), "😀".repeat(64), "with a space".to_owned()];
        let refused = vec!["x".repeat(7), "x".repeat(65), "ž".repeat(7), "tab\tinside".to_owned(), "x".repeat(9000)];
        (command, "new_password", taken, refused)
    };
    let domains = own(&["a.lt", "vps.example.lt", "ąžuolas.lt", "A.B-C.example", "dot.example."]);
    let no_domains = own(&["x", "-a.lt", "a..lt", "a b.lt", "a_b.lt", "<b>.lt", "http://a.lt", "pаypal.com"]);
    let ips = own(&["198.51.100.7", "::1", "2001:db8::7", "::ffff:198.51.100.7"]);
    let no_ips = own(&["1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4/24", "1.2.3.4:80", "[::1]", "fe80::1%eth0", "a.lt"]);
    let images = own(&["debian-12-x86_64", "centos-6-x86_64"]);
    let no_images = own(&["Debian-12-x86_64", "debian-12", "20", "debian-12-x86_64-ispconfig", "' or 1=1 --"]);
    let tasks = own(&["server_create", "server_reboot", "server_destroy"]);
    let no_tasks = own(&["Server_Reboot", "restartOrder", "reboot", "%"]);
    let not_held = [no_ips.clone(), own(&["198.18.0.1", "192.0.2.1", "::1", "::ffff:{v4}"])].concat();
    // 0 is no limit, but for packets.
    let limited = |field, low, high| {
        let (mut taken, mut refused) = number(low, high);
        if field == "pps" {
            refused.push("0".to_owned())
        } else {
            taken.insert(0, "0".to_owned())
        }
        ("server_firewall", field, taken, refused)
    };
    vec![
        ranged("account_credits", "count", 1, 1000),
        ranged("account_bonuses", "count", 1, 1000),
        ranged("server_tasks", "count", 1, 1000),
        ("server_tasks", "task_id", own(&["1", "999999"]), own(&["-1", "1.5", "x", "1,2"])),
        ("server_tasks", "task", tasks, no_tasks),
        ranged("server_graphs", "width", 1, 1000),
        ("server_graphs", "ip", ips, no_ips),
        ("server_recreate", "os", images, no_images),
        passwords("server_recreate"),
        passwords("server_reset_password"),
        ranged("server_change", "cpu", 2, 16),
        ranged("server_change", "ram", 2048, 16384),
        ranged("server_change", "quota", 20, 800),
        ranged("server_change", "bandwidth", 20, 400),
        ("server_change", "dry_run", own(&["0", "1"]), own(&["true", "yes", "2", "-1"])),
        ("server_domain", "domain", domains.clone(), no_domains.clone()),
        ("server_ptr", "ip", own(&["{v4}", " {v4} ", "{v6}"]), not_held.clone()),
        ("server_ptr", "domain", domains, no_domains),
        limited("pps", 1000, 5000),
        limited("pps_icmp", 10, 500),
        limited("pps_udp", 10, 500),
        limited("pps_syn", 2, 20),
        limited("connlimit", 16, 512),
        // Asked again, it is the same task.
        ("server_move_ip", "ip", own(&["{v4}", " {v4} "]), not_held),
        ("server_move_ip", "target_id", own(&[TARGET, " 01 "]), own(&["{id}", "x", "-1", "1.0", "１"])),
    ]
}

/// A value with what it says of a server and its addresses.
fn of_server(value: &str, id: &str) -> String {
    let [v4, v6] = addresses(id);
    value.replace("{v4}", &v4).replace("{v6}", &v6).replace("{id}", id)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_parameter_is_taken_within_its_bounds_and_refused_past_them() {
    let bed = Bed::new().await.with_target().await;
    for (command, field, taken, refused) in bounds() {
        let known = COMMANDS.iter().find(|c| c.spec().name == command).unwrap();
        let server = bed.service_for(*known).await;
        let others: Vec<_> = good_fields(*known, &server).into_iter().filter(|(n, _)| *n != field).collect();
        let others: Vec<_> = match command {
            // Only the price, of this size alone: one server is changed to all of these.
            "server_change" if field == "dry_run" => vec![("id", server.as_str()), ("cpu", "3")],
            "server_change" => vec![("id", server.as_str()), ("dry_run", "1")],
            _ => others,
        };
        for (values, status) in [(&taken, 200), (&refused, 400)] {
            for value in values {
                let value = of_server(value, &server);
                let fields: Vec<_> = others.iter().copied().chain([(field, value.as_str())]).collect();
                let (got, body) = bed.ann(command, &fields).await;
                assert_eq!(got, status, "{command}: {field} = {value:?}: {body}");
                if status == 400 {
                    let text = body["error"].as_str().unwrap();
                    assert!(text.ends_with(&format!(": {field}")), "{command}: {field} = {value:?}: {text}");
                }
            }
        }
    }
    let all = bounds();
    for command in COMMANDS {
        for field in command.spec().fields.iter().filter(|field| field.name != "id") {
            let tried = all.iter().any(|(name, of, ..)| (*name, *of) == (command.spec().name, field.name));
            assert!(tried, "{}: {} is not tried", command.spec().name, field.name);
        }
    }
    bed.app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_parameter_can_hold_breaks_the_server() {
    let bed = Bed::new().await.with_target().await;
    let long = "x".repeat(60_000);
    let digits = "1".repeat(60_000);
    let nasty = [
        "",
        " ",
        "\u{0}",
        "\u{feff}1",
        "'",
        "\"",
        "\\",
        "%00",
        "{}",
        "[]",
        "null",
        "NaN",
        "1e999",
        "-9223372036854775808",
        "9223372036854775807",
        "9223372036854775808",
        "2147483648",
        "4294967296",
        "\u{202e}1",
        "😀",
        "١",
        &long,
        &digits,
    ];
    for command in COMMANDS {
        let name = command.spec().name;
        let server = bed.service_for(*command).await;
        let good = good_fields(*command, &server);
        let fields = command.spec().fields.iter().map(|field| field.name);
        for field in fields.chain(["command", "nick", "colour"]) {
            for value in nasty {
                let others = good.iter().copied().filter(|(n, _)| *n != field);
                let all: Vec<_> = others.chain([(field, value)]).collect();
                let (status, body) = bed.ann(name, &all).await;
                assert!(status < 500, "{name}: {field} = {:.40?}: {status} {body}", value);
            }
        }
    }
    bed.app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn count_counts_and_defaults_to_100() {
    let bed = Bed::new().await;
    let server = bed.app.running_order().await;
    let tasks = format!(
        "insert into live.task (order_id, operation, state, completed_at) \
         select {server}, 'server_reboot', 'succeeded', now() from generate_series(1, 1100)"
    );
    bed.app.db.run_sql(&tasks).await;
    let many = async |fields: &[(&str, &str)]| {
        let all: Vec<_> = fields.iter().copied().chain([("id", server.as_str())]).collect();
        bed.done("server_tasks", &all).await.as_array().unwrap().len()
    };
    assert_eq!(many(&[]).await, 100);
    assert_eq!(many(&[("count", "1")]).await, 1);
    assert_eq!(many(&[("count", "1000")]).await, 1000);
    assert_eq!(many(&[("count", "7"), ("task", "server_reboot")]).await, 7);
    assert_eq!(many(&[("task", "server_create")]).await, 1);
    let newest = bed.done("server_tasks", &[("id", &server), ("count", "2")]).await;
    let id = |at: usize| newest[at]["ta_id"].as_str().unwrap().parse::<i64>().unwrap();
    assert!(id(0) > id(1), "newest first: {newest}");
    let one = id(1).to_string();
    assert_eq!(bed.done("server_tasks", &[("id", &server), ("task_id", &one)]).await[0], newest[1]);
    assert_eq!(many(&[("task_id", &one), ("task", "server_create")]).await, 0);
    let other = bed.app.running_order().await;
    let theirs = bed.done("server_tasks", &[("id", &other), ("task_id", &one)]).await;
    assert_eq!(theirs, serde_json::json!([]), "a task of another server");
}
