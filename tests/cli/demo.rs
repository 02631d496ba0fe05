//! The life of a demo, from its loading to its next start.

use serde_json::{Value, json};

use super::{
    bed::Bed,
    client::{Client, get},
};
use crate::support::code;

/// The numbers of a list of objects.
fn ids(list: &Value) -> Vec<i64> {
    list.as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_loaded_once_served_stopped_and_there_the_next_time() {
    let bed = Bed::new();
    let loaded = bed.json(&["demo", "load"]).await;
    assert_eq!((&loaded["loaded"], loaded["customers"].as_array().unwrap().len()), (&json!(true), 6));
    assert_eq!(bed.postmaster(), None, "the only one out did not stop PostgreSQL");
    let again = bed.run(&["demo", "load"]).await;
    assert!(again.error(1).contains("empty database"), "{again:?}");
    assert_eq!(bed.json(&["demo", "load", "--if-empty"]).await, json!({ "loaded": false }));

    let serving = bed.serve(&["--with-worker"]).await;
    let greeting = serving.said();
    for told in [
        format!("http://{}/apih.php\n", serving.gateway),
        format!("http://{}/readyz", serving.admin),
        "login=test pass=test".to_owned(),
        format!("curl 'http://{}/apih.php' -d command=createOrder -d login=demo -d apikey=demo-key", serving.gateway),
    ] {
        assert!(greeting.contains(&told), "{told}: {greeting}");
    }
    assert_eq!(get(serving.admin, "/readyz").await.status, 200);
    let demo = Client::demo(serving.gateway);
    let order = demo.order("").await;
    demo.processed(&order).await;
    let server = bed.postmaster();
    the_books(&bed, &demo, &order).await;
    prices(&bed, &demo).await;
    let doctor = bed.json(&["doctor"]).await;
    assert!(
        doctor["ok"] == true && doctor.to_string().contains("in the live realm the key file opens what is sealed"),
        "{doctor}"
    );
    assert_eq!(bed.postmaster(), server, "a subcommand did not join the cluster that ran");

    let ended = serving.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(bed.postmaster(), None, "PostgreSQL runs on");
    let serving = bed.serve(&[]).await;
    assert_eq!(Client::demo(serving.gateway).status(&order).await, "1");
    assert_eq!(serving.stop().await.code, Some(0));
    assert_eq!(ids(&bed.json(&["order", "list", "demo"]).await), [order.parse::<i64>().unwrap()]);
}

/// Invoices, wallets and the ledger, as staff and as the customer see them.
async fn the_books(bed: &Bed, demo: &Client, order: &str) {
    let invoices = bed.json(&["invoice", "list", "demo"]).await;
    let invoice =
        json!([invoices[0]["order_id"], invoices[0]["status"], invoices[0]["total"], invoices[0]["currency"]]);
    assert_eq!(invoice, json!([order.parse::<i64>().unwrap(), "paid", "14.90", "EUR"]));
    let shown = bed.json(&["invoice", "show", &invoices[0]["id"].to_string()]).await;
    let gross: Vec<&Value> = shown["lines"].as_array().unwrap().iter().map(|line| &line["gross"]).collect();
    assert_eq!(gross, ["5.00", "9.90", "0.00"], "setup, month, image");

    // The order took 14.90 of the bonus's 25.00.
    let after = |moved: Value| json!([moved["credit"], moved["bonus"], moved["balance"]]);
    let deposited = bed.json(&["balance", "deposit", "demo", "10.05", "--note", "cash"]).await;
    assert_eq!(after(deposited), json!(["100010.05", "10.10", "100020.15"]));
    let withdrawn = bed.json(&["balance", "withdraw", "demo", "0.05"]).await;
    assert_eq!(after(withdrawn), json!(["100010.00", "10.10", "100020.10"]));
    let given = bed.json(&["balance", "bonus", "demo", "1.00"]).await;
    assert_eq!(after(given), json!(["100010.00", "11.10", "100021.10"]));
    assert_eq!(demo.call("getBalance", "").await["balance"], "100021.10");
    let refused = bed.run(&["balance", "withdraw", "demo", "200000"]).await;
    assert!(refused.error(1).contains("less than 200000.00"), "{refused:?}");
    let statement = bed.json(&["balance", "statement", "demo", "--limit", "3"]).await;
    let lines: Vec<Value> = statement["lines"].as_array().unwrap().iter().map(|line| line["amount"].clone()).collect();
    assert_eq!(lines, ["1.00", "-0.05", "10.05"], "{statement}");
    assert_eq!(statement["lines"][2]["note"], "cash");
    assert_eq!(bed.json(&["ledger", "verify"]).await, json!({ "ok": true, "findings": [] }));
}

/// A new price is planned, brought into force and told at once.
async fn prices(bed: &Bed, demo: &Client) {
    let file = bed.json(&["catalogue", "show"]).await["file"].as_str().unwrap().to_owned();
    let dearer = file.replace("9.90", "10.90");
    assert_ne!(file, dearer);
    std::fs::write(bed.dir.join("dearer.toml"), &dearer).unwrap();
    let planned = bed.json(&["catalogue", "plan", "dearer.toml"]).await;
    assert_eq!((planned["changes"].as_array().unwrap().len(), &planned["applied"]), (1, &json!(false)), "{planned}");
    let monthly = async || demo.call("getTarifs", "vid=vds").await["tarifs"][0]["costMonthly"].clone();
    assert_eq!(monthly().await, "9.90");
    let applied = bed.json(&["catalogue", "apply", "dearer.toml", "--note", "dearer"]).await;
    assert_eq!(applied["applied"], true);
    assert_eq!(monthly().await, "10.90");
    assert_eq!(bed.json(&["catalogue", "apply", "dearer.toml"]).await["changes"], json!([]));

    std::fs::write(bed.dir.join("wrong.toml"), dearer.replace("10.90", "10.905")).unwrap();
    let mistaken = bed.run(&["catalogue", "apply", "wrong.toml"]).await;
    assert_eq!(mistaken.code, Some(1));
    assert!(mistaken.one_line().contains("nothing is changed") && mistaken.stdout.contains("wrong.toml"));
    assert_eq!(monthly().await, "10.90");
    assert_eq!(code(&demo.call("createOrder", "vid=vds&tarifid=10&period=1").await), Some(29));
}
