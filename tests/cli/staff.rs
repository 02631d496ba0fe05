//! What staff do takes effect at once on the gateway that runs.

use serde_json::json;

use super::{bed::Bed, client::Client};
use crate::support::{code, until};

#[tokio::test(flavor = "multi_thread")]
async fn customers_keys_and_networks_count_at_once() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&[]).await;
    let added = bed.json(&["customer", "add", "new", "--currency", "EUR", "--language", "en", "--vat", "21"]).await;
    assert_eq!(json!([added["language"], added["vat"], added["api"]]), json!(["en", "21", true]));
    let by_password = Client::new(serving.gateway, "new", &format!("pass={}", added["password"].as_str().unwrap()));
    let issued = bed.json(&["key", "issue", "new"]).await;
    let by_key = Client::new(serving.gateway, "new", &format!("apikey={}", issued["key"].as_str().unwrap()));
    // Each is verified, and so remembered, before it changes.
    let both = async || [by_password.code().await, by_key.code().await];
    assert_eq!(both().await, [None, None]);
    assert_eq!(
        by_key.call("getBalance", "").await,
        json!({ "status": "SUCCESS", "balance": "0.00", "currency": "EUR" })
    );

    bed.json(&["customer", "set", "new", "--api", "off"]).await;
    assert_eq!(both().await, [Some(5), Some(5)]);
    bed.json(&["customer", "set", "new", "--api", "on"]).await;
    bed.json(&["customer", "disable", "new"]).await;
    assert_eq!(both().await, [Some(5), Some(5)]);
    bed.json(&["customer", "enable", "new"]).await;
    bed.json(&["allow", "add", "new", "203.0.113.0/24"]).await;
    assert_eq!(both().await, [Some(54), Some(54)]);
    let shown = bed.json(&["customer", "show", "new"]).await;
    assert_eq!(json!([shown["networks"], shown["keys"], shown["disabled"]]), json!([["203.0.113.0/24"], 1, false]));
    bed.json(&["allow", "add", "new", "127.0.0.0/8"]).await;
    assert_eq!(both().await, [None, None]);
    bed.json(&["allow", "remove", "new", "127.0.0.0/8"]).await;
    bed.json(&["allow", "remove", "new", "203.0.113.0/24"]).await;
    assert_eq!(both().await, [None, None]);

    bed.json(&["key", "revoke", "new", &issued["id"].to_string()]).await;
    assert_eq!(both().await, [None, Some(7)]);
    let set = bed.run_with_stdin(&["customer", "password", "new", "--password-stdin", "--json"], "n e w\n").await;
    assert_eq!((set.code, &set.json()["password"]), (Some(0), &json!(null)), "{set:?}");
    assert_eq!(both().await, [Some(7), Some(7)]);
    assert_eq!(Client::new(serving.gateway, "new", "pass=n%20e%20w").code().await, None);
    assert_eq!(serving.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_staff_is_done_by_staff() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&["--with-worker"]).await;
    let demo = Client::demo(serving.gateway);
    let placed = demo.call("createOrder", "vid=vds&tarifid=11&period=1").await;
    assert_eq!((code(&placed), &placed["status"]), (Some(30), &json!("SUCCESS")), "{placed}");
    let order = placed["orderid"].as_str().unwrap();
    let waiting = bed.json(&["order", "list", "--manual"]).await;
    assert_eq!(json!([waiting[0]["id"].to_string(), waiting[0]["state"]]), json!([order, "manual"]));
    let process =
        ["order", "process", order, "--server-login", "root", "--server-password-stdin", "--remark", "at 203.0.113.9"];
    let processed = bed.run_with_stdin(&[&process[..], &["--json"]].concat(), "cAnAry-of-staff\n").await;
    assert_eq!(processed.code, Some(0), "{processed:?}");
    assert_eq!(json!([processed.json()["status"], processed.json()["server_login"]]), json!(["1", "root"]));
    assert!(!processed.stdout.contains("cAnAry"));
    assert_eq!(demo.status(order).await, "1");
    assert_eq!(bed.json(&["order", "list", "--manual"]).await, json!([]));

    // An order that waits for money goes on by itself once it is paid, and can end.
    let poor = Client::new(serving.gateway, "poor", "apikey=poor-key");
    let unpaid = poor.call("createOrder", "vid=vds&tarifid=10&period=1&addons=21").await;
    assert_eq!(code(&unpaid), Some(31), "{unpaid}");
    let invoice = bed.json(&["invoice", "list", "poor"]).await[0].clone();
    assert_eq!(invoice["status"], "unpaid");
    let paid = bed.json(&["invoice", "pay", &invoice["id"].to_string(), "--note", "bank"]).await;
    assert_eq!(paid["status"], "paid");
    let order = unpaid["orderid"].as_str().unwrap();
    poor.processed(order).await;
    bed.json(&["order", "terminate", order]).await;
    assert_eq!(code(&poor.call("getOrders", &format!("orderid={order}")).await), Some(19));
    assert_eq!(bed.json(&["ledger", "verify"]).await["ok"], true);
    assert_eq!(serving.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_is_credited_as_often_as_there_are_reasons() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&["--with-worker"]).await;
    let poor = Client::new(serving.gateway, "poor", "apikey=poor-key");
    assert_eq!(code(&poor.call("createOrder", "vid=vds&tarifid=10&period=1&addons=21").await), Some(31));
    let id = bed.json(&["invoice", "list", "poor"]).await[0]["id"].to_string();
    let credit = ["invoice", "credit", &id, "--note", "two days off", "--amount", "1.00"];
    let refused = bed.run(&credit).await;
    assert_eq!(refused.code, Some(1), "an unpaid one: {refused:?}");
    assert!(refused.stderr.contains("only a paid one is credited"), "{refused:?}");
    bed.json(&["invoice", "pay", &id]).await;

    // Twice at once, and once more later.
    let (first, second) = tokio::join!(bed.json(&credit), bed.json(&credit));
    let again = bed.run(&credit).await;
    assert!(again.stdout.contains("credited for this before"), "{again:?}");
    for shown in [first, second, bed.json(&["invoice", "show", &id]).await] {
        assert_eq!(json!([shown["credited"], shown["status"], shown["total"]]), json!(["1.00", "paid", "14.90"]));
        assert_eq!(shown["credit_notes"].as_array().unwrap().len(), 1, "{shown}");
        assert_eq!(shown["credit_notes"][0]["note"], "two days off");
    }
    let balance = async || bed.json(&["balance", "statement", "poor"]).await["credit"].clone();
    assert_eq!(balance().await, "2.00");
    for (wrong, why) in [
        (["--note", "more", "--amount", "13.91"], "13.90"),
        (["--note", "two days off", "--amount", "2.00"], "give another reason"),
        (["--note", " ", "--amount", "1.00"], "--note"),
        (["--note", "more", "--amount", "1.001"], "1.001"),
    ] {
        let refused = bed.run(&[&["invoice", "credit", &id], &wrong[..]].concat()).await;
        assert!(refused.code == Some(1) && refused.stderr.contains(why), "{wrong:?}: {refused:?}");
    }
    // The rest was paid back by bank.
    bed.json(&["invoice", "credit", &id, "--note", "the rest", "--no-refund"]).await;
    assert_eq!(balance().await, "2.00");
    let listed = bed.json(&["invoice", "list", "poor"]).await[0].clone();
    assert_eq!(json!([listed["credited"], listed["total"]]), json!(["14.90", "14.90"]));
    until("the credit notes have their numbers", async || {
        let shown = bed.json(&["invoice", "show", &id]).await;
        let numbers: Vec<_> = shown["credit_notes"].as_array().unwrap().iter().map(|n| n["number"].clone()).collect();
        json!([shown["series"], numbers]) == json!(["VRT", [1, 2]])
    })
    .await;
    assert_eq!(bed.json(&["ledger", "verify"]).await["ok"], true);
    assert_eq!(serving.stop().await.code, Some(0));
}
