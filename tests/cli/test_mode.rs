//! Staff switch a customer's test mode on and off.

use super::{bed::Bed, client::Client};
use crate::support::{code, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_test_key_is_printed_once_and_opens_a_realm_whose_clock_its_owner_and_staff_move() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&["--with-worker"]).await;
    let none = bed.run(&["customer", "test-mode", "show", "demo"]).await;
    assert!(none.error(1).contains("demo is not in test mode"), "{none:?}");
    let on = bed.json(&["customer", "test-mode", "on", "demo", "--days", "2"]).await;
    let key = on["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("test_") && key.len() > 40, "{on}");
    let shown = bed.run(&["customer", "test-mode", "show", "demo", "--json"]).await;
    assert!(!shown.stdout.contains(&key) && shown.stdout.contains(on["hint"].as_str().unwrap()), "{shown:?}");

    let demo = Client::demo(serving.gateway);
    let trying = Client::new(serving.gateway, "demo", &format!("apikey={key}"));
    let order = trying.order("").await;
    trying.processed(&order).await;
    assert_eq!(code(&demo.call("getOrders", "").await), Some(26));
    assert_eq!(code(&demo.call("advanceClock", "advance=5d").await), Some(8));
    let before = trying.call("advanceClock", "").await;
    assert_eq!(code(&trying.call("advanceClock", "advance=5d").await), None);
    let moved = bed.json(&["clock", "advance", "--own", "demo", "5d"]).await;
    assert_eq!(moved["realm"], on["realm"]);
    let after = trying.call("advanceClock", "").await;
    assert!(after["today"].as_str() > before["today"].as_str(), "{before} {after}");
    until("the billing run has come up with it", async || {
        let told = trying.call("advanceClock", "").await;
        told["billed"] == told["today"]
    })
    .await;
    assert_eq!(bed.json(&["billing", "status", "--own", "demo"]).await["last_day"], after["today"]);

    bed.json(&["customer", "test-mode", "off", "demo"]).await;
    assert_eq!(trying.code().await, Some(7));
    assert_eq!(demo.code().await, None);
    let logged = serving.logged();
    assert!(!logged.contains(&key[..20]), "{logged}");
    assert_eq!(serving.stop().await.code, Some(0));
}
