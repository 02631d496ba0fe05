//! Addresses, packet filters and hosting: what is asked for is brought about on the simulated machines.

use serde_json::{Value, json};

use super::bed::Bed;
use crate::support::names;

const VDS: [(&str, &str); 4] = [("vid", "vds"), ("tarifid", "10"), ("period", "1"), ("addons", "20")];
const DEDICATED: [(&str, &str); 3] = [("vid", "dedicated"), ("tarifid", "30"), ("period", "1")];

async fn ips(bed: &Bed, id: &str) -> String {
    bed.done("server_info", &[("id", id)]).await["se_info"]["in_ips"].as_str().unwrap().to_owned()
}

/// What the simulated machine of a server says of itself.
async fn machine(bed: &Bed, id: &str) -> Value {
    let seen = "select jsonb_build_object('addresses', (select coalesce(jsonb_agg(host(a) order by a), '[]') \
         from unnest(addresses) a), 'ptr', ptr, 'firewall', firewall, 'boots', boots)::text \
         from live.simulated_server where order_id = ";
    serde_json::from_str(&bed.app.db.value::<String>(&format!("{seen}{id}")).await).unwrap()
}

async fn give(bed: &Bed, id: &str) -> String {
    let order = domain::orders::OrderId(id.parse().unwrap());
    let giving = async |tx: &mut store::Tx| store::addresses::give(tx, order, None).await;
    bed.app.db.database.live.transaction("give", giving).await.unwrap().0.to_string()
}

async fn work(bed: &Bed) {
    let worker = bed.app.worker();
    bed.until_idle().await;
    worker.stop().await.unwrap();
    let failed = "select count(*) from live.task where state <> 'succeeded'";
    assert_eq!(bed.app.db.value::<i64>(failed).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_made_with_its_address_and_shows_it_at_once() {
    let bed = Bed::new().await;
    for order in [&VDS[..], &DEDICATED[..]] {
        let id = bed.app.order_by("ann", order).await;
        let ip = ips(&bed, &id).await;
        assert!(ip.starts_with("198.18."), "{ip}");
        work(&bed).await;
        assert_eq!(machine(&bed, &id).await["addresses"], json!([ip]));
    }
    let tried = bed.app.by("test", "createOrder", &VDS).await;
    let info = bed.by("test", "server_info", &[("id", tried["orderid"].as_str().unwrap())]).await.1;
    assert_eq!(info["se_info"]["in_ips"], "198.18.0.2", "the test realm counts for itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_filters_and_moves_are_brought_about_and_restart_nothing() {
    let bed = Bed::new().await;
    for order in [&VDS[..], &DEDICATED[..]] {
        let (one, other) = (bed.made(order).await, bed.made(order).await);
        let (first, second) = (ips(&bed, &one).await, give(&bed, &one).await);
        work(&bed).await;
        bed.queued("server_ptr", &[("id", &one), ("ip", &second), ("domain", "ąžuolas.example")]).await;
        bed.queued("server_flush_iptables", &[("id", &one)]).await;
        let limits = bed.done("server_firewall", &[("id", &one), ("pps", "2000"), ("pps_syn", "5")]).await;
        assert_eq!(json!([limits["pps"], limits["pps_syn"], limits["connlimit"]]), json!(["2000", "5", "0"]));
        let moving = [("id", one.as_str()), ("ip", second.as_str()), ("target_id", other.as_str())];
        bed.queued("server_move_ip", &moving).await;
        assert_eq!(ips(&bed, &one).await, first);
        assert!(ips(&bed, &other).await.split(',').any(|ip| ip == second));
        work(&bed).await;
        let (one_seen, other_seen) = (machine(&bed, &one).await, machine(&bed, &other).await);
        assert_eq!(one_seen["addresses"], json!([first]));
        assert!(other_seen["addresses"].as_array().unwrap().contains(&json!(second)), "{other_seen}");
        assert_eq!(other_seen["ptr"][&second], "xn--uolas-2wa16f.example", "the name goes with it");
        assert_eq!(
            one_seen["firewall"],
            json!({ "pps": 2000, "pps_icmp": 0, "pps_udp": 0, "pps_syn": 5, "connlimit": 0 })
        );
        assert_eq!((&one_seen["boots"], &other_seen["boots"]), (&json!(1), &json!(1)));
        let log = bed.done("server_tasks", &[("id", &other), ("task", "server_move_ip")]).await;
        assert_eq!(log[0]["ta_params"], json!({ "ip": second, "source_id": one }));
        // Its last address stays, however it is asked.
        let last = [("id", one.as_str()), ("ip", first.as_str()), ("target_id", other.as_str())];
        assert_eq!(bed.ann("server_move_ip", &last).await.0, 409);
        // A new system has the limits, too.
        bed.queued("server_recreate", &[("id", &one), ("os", "debian-12-x86_64")]).await;
        work(&bed).await;
        assert_eq!(machine(&bed, &one).await["firewall"], one_seen["firewall"]);
        assert_eq!(machine(&bed, &one).await["addresses"], json!([first]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_firewall_is_told_without_parameters_and_set_once() {
    let bed = Bed::new().await;
    let server = bed.app.running_order().await;
    let id = ("id", server.as_str());
    let none =
        json!({ "pps": "0", "pps_icmp": "0", "pps_udp": "0", "pps_syn": "0", "connlimit": "0", "task_id": null });
    let told = bed.done("server_firewall", &[id]).await;
    assert_eq!(told, none);
    assert_eq!(names(&told), ["pps", "pps_icmp", "pps_udp", "pps_syn", "connlimit", "task_id"]);
    let switched_off = [id, ("pps_icmp", "0"), ("connlimit", "0")];
    assert_eq!(bed.done("server_firewall", &switched_off).await, none, "they are off already");
    let set = bed.done("server_firewall", &[id, ("pps", "1000"), ("connlimit", "16")]).await;
    let task = set["task_id"].as_str().unwrap();
    assert_eq!(bed.done("server_firewall", &[id, ("pps", "1000")]).await, set, "an equal task waits");
    assert_eq!(bed.done("server_firewall", &[id]).await["task_id"], Value::Null, "nothing was asked for");
    let more = bed.done("server_firewall", &[id, ("connlimit", "0")]).await;
    assert_ne!(more["task_id"], task);
    assert_eq!((&more["pps"], &more["connlimit"]), (&json!("1000"), &json!("0")));
    let params = bed.done("server_tasks", &[id, ("task_id", task)]).await[0]["ta_params"].clone();
    let expected = json!({ "pps": "1000", "pps_icmp": "0", "pps_udp": "0", "pps_syn": "0", "connlimit": "16" });
    assert_eq!(params, expected);
    // The first that is wrong is named, and nothing is done.
    let (status, body) =
        bed.ann("server_firewall", &[id, ("connlimit", "15"), ("pps_udp", "x"), ("pps", "3000")]).await;
    assert_eq!((status, body["error"].as_str().unwrap().ends_with(": pps_udp")), (400, true), "{body}");
    assert_eq!(bed.done("server_firewall", &[id]).await["pps"], "1000");
    // What is suspended can be looked at.
    let suspend = format!("update live.orders set state = 'suspended', suspended_by = 'customer' where id = {server}");
    bed.app.db.run_sql(&suspend).await;
    assert_eq!(bed.ann("server_firewall", &[id]).await.0, 200);
    assert_eq!(bed.ann("server_firewall", &[id, ("pps", "2000")]).await.0, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_without_an_address_left_is_paid_and_waits_for_staff() {
    let bed = Bed::new().await;
    let mut catalogue = testkit::TestDb::demo_catalogue();
    catalogue.pools[0].ranges = vec!["198.18.0.9".parse().unwrap()];
    bed.app.db.apply_catalogue(&catalogue).await;
    let first = bed.made(&VDS).await;
    let waiting = bed.app.ann("createOrder", &VDS).await;
    assert_eq!((&waiting["status"], &waiting["errorCode"]), (&json!("SUCCESS"), &json!("30")), "{waiting}");
    assert_eq!((&waiting["serverlogin"], &waiting["serverpassword"]), (&json!(""), &json!("")));
    assert_eq!(waiting["balance"], "975.20", "two orders of 14.90 are paid");
    let id = waiting["orderid"].as_str().unwrap();
    assert_eq!(ips(&bed, id).await, "");
    let log = bed.done("server_tasks", &[("id", id)]).await;
    assert_eq!(log[0]["ta_results"], "there is no address left for this server: it waits for staff\n");
    // What is asked of it meanwhile waits as well, and nothing is lost.
    assert_eq!(bed.app.ann("restartOrder", &[("orderid", id)]).await["errorCode"], "30");
    catalogue.pools[0].ranges = vec!["198.18.0.9-198.18.0.20".parse().unwrap()];
    bed.app.db.apply_catalogue(&catalogue).await;
    for task in log.as_array().unwrap() {
        let task = domain::tasks::TaskId(task["ta_id"].as_str().unwrap().parse().unwrap());
        let live = &bed.app.db.database.live;
        live.transaction("retry", async |tx| store::tasks::retry(tx, task).await).await.unwrap();
    }
    let worker = bed.app.worker();
    let made = format!("select count(*) from live.orders where id = {id} and state = 'active'");
    crate::support::until("it is made", async || bed.app.db.value::<i64>(&made).await == 1).await;
    worker.stop().await.unwrap();
    assert_eq!((ips(&bed, &first).await, ips(&bed, id).await), ("198.18.0.9".to_owned(), "198.18.0.10".to_owned()));
    let log = bed.done("server_tasks", &[("id", id), ("task", "server_create")]).await;
    assert!(log[0]["ta_results"].as_str().unwrap().contains("\npassword: "), "{log}");
    bed.app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosting_tells_what_it_is_and_no_password() {
    let bed = Bed::new().await;
    let order = [("tarifid", "1"), ("period", "3"), ("domain", "ąžuolas.example"), ("addons", "2,1:2")];
    let id = bed.made(&order).await;
    let info = bed.done("hosting_info", &[("id", &id)]).await;
    assert_eq!(
        json!([info["se_id"], info["se_quantity"], info["se_domain"], info["se_login"], info["se_status"]]),
        json!([id, "3", "ąžuolas.example", format!("u{id}"), "1"])
    );
    assert_eq!(
        info["se_addons"],
        json!([
            { "ad_id": "2", "ad_name": "Backup", "ad_quantity": "1" },
            { "ad_id": "1", "ad_name": "Dedicated IP", "ad_quantity": "2" },
        ])
    );
    assert_eq!((&info["se_info"]["in_qt_usage"], &info["se_info"]["in_ips"]), (&Value::Null, &json!("")));
    assert!(!info.to_string().contains("password"));
}
