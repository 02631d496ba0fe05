//! What staff ask of prices and money: rates by day, bonuses that end, other tariffs, and how figures came about.

use serde_json::{Value, json};

use super::{bed::Bed, client::Client};

/// The text of each step whose amount is the given one.
fn steps_of(document: &Value, amount: &str) -> Vec<String> {
    let steps = document["steps"].as_array().unwrap().iter();
    steps.filter(|step| step["amount"] == amount).map(|step| step["text"].as_str().unwrap().to_owned()).collect()
}

fn last(document: &Value) -> &Value {
    document["steps"].as_array().unwrap().last().unwrap()
}

/// What payers, customers and staff wrote is shown and does nothing to whoever reads it, in text or JSON.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_others_wrote_acts_on_a_terminal() {
    const HOSTILE: &str = "x\u{1b}]0;y\u{7}\r\n\u{9b}2J\u{202e}z";
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    bed.json(&["balance", "deposit", "demo", "1.00", "--note", HOSTILE]).await;
    bed.json(&["balance", "bonus", "demo", "1.00", "--note", HOSTILE]).await;
    bed.json(&["customer", "profile", "demo", "--company", HOSTILE, "--city", HOSTILE]).await;
    bed.json(&["customer", "add", "x\u{202e}y", "--currency", "EUR"]).await;
    let is_harmless =
        |text: &str| !text.contains(|c: char| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)));
    for words in [
        &["balance", "statement", "demo"][..],
        &["balance", "bonuses", "demo"],
        &["customer", "profile", "demo"],
        &["customer", "list"],
        &["statement", "export", "demo"],
        &["customer", "show", HOSTILE],
        &["balance", HOSTILE],
    ] {
        let told = bed.run(words).await;
        assert!(is_harmless(&told.stdout) && is_harmless(&told.stderr), "{words:?}: {told:?}");
        assert!(
            told.stdout.contains("\\u001b]0;y") || words.contains(&HOSTILE) || words[1] == "list",
            "{words:?}: {told:?}"
        );
        let as_json = bed.run(&[words, &["--json"]].concat()).await;
        assert!(is_harmless(&as_json.stdout) && is_harmless(&as_json.stderr), "{words:?}: {as_json:?}");
        assert!(as_json.stdout.contains("\\u202e") || words.contains(&HOSTILE), "{words:?}: {as_json:?}");
    }
    let statement = bed.run(&["balance", "statement", "demo"]).await;
    assert_eq!(statement.stdout.lines().filter(|line| line.contains("]0;y")).count(), 2, "{}", statement.stdout);
    let exported = bed.run(&["statement", "export", "demo"]).await;
    std::fs::write(bed.dir.join("statement"), &exported.stdout).unwrap();
    assert_eq!(bed.run(&["statement", "verify", "statement"]).await.code, Some(0), "{exported:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_holds_from_its_day_on() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&[]).await;
    let yen = Client::new(serving.gateway, "yen", "apikey=yen-key");
    let price = async || yen.call("getTarifs", "vid=hosting").await["tarifs"][0]["costMonthly"].clone();
    let quote = ["order", "quote", "--login", "yen", "--tariff", "1", "--months", "1"];
    assert_eq!(bed.json(&quote).await["cost"], "480", "the catalogue's 160 until there is one of a day");
    assert_eq!(price().await, "480");

    let set = bed.json(&["rate", "set", "EUR", "JPY", "150", "--note", "the bank"]).await;
    bed.json(&["rate", "set", "EUR", "JPY", "200", "--day", "2099-01-01"]).await;
    bed.json(&["rate", "set", "EUR", "JPY", "100", "--day", "2020-01-01"]).await;
    assert_eq!(json!([set["rate"], set["note"]]), json!(["150", "the bank"]));
    let quoted = bed.json(&quote).await;
    assert_eq!(json!([quoted["cost"], quoted["currency"]]), json!(["450", "JPY"]));
    let day = set["day"].as_str().unwrap();
    assert_eq!(quoted["steps"][0]["text"], format!("rate of {day}: 1 EUR = 150 JPY"));
    assert_eq!(price().await, "450", "what runs already has it at once");
    let rates = bed.json(&["rate", "list", "JPY"]).await;
    let days: Vec<&str> = rates.as_array().unwrap().iter().map(|of| of["day"].as_str().unwrap()).collect();
    assert_eq!(days, ["2099-01-01", day, "2020-01-01"]);

    for (words, why) in [
        (["rate", "set", "EUR", "JPY", "0"], "rate"),
        (["rate", "set", "EUR", "XXX1", "2"], "currency"),
        (["rate", "set", "EUR", "EUR", "2"], "EUR"),
    ] {
        let refused = bed.run(&words).await;
        assert!(refused.code != Some(0) && refused.stderr.contains(why), "{words:?}: {refused:?}");
    }
    assert_eq!(serving.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_tariff_and_its_bonuses_explain_themselves() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&["--with-worker"]).await;
    let demo = Client::demo(serving.gateway);
    let order = demo.order("").await;
    demo.processed(&order).await;
    // The demo's bonus of 25.00 paid for it.
    bed.json(&["balance", "bonus", "demo", "2", "--note", "an apology", "--expires", "2099-12-31"]).await;
    let given = bed.json(&["balance", "bonuses", "demo"]).await;
    assert_eq!(
        json!([given[0]["remaining"], given[0]["expires"], given[0]["reason"], given[1]["remaining"]]),
        json!(["2.00", "2099-12-31", "an apology", "10.10"])
    );

    let change = ["order", "change-tariff", &order, "10", "--addons", "20,22:2"];
    let told = bed.json(&[change.as_slice(), &["--dry-run"]].concat()).await;
    let figures = json!([told["charged"], told["consumed"], told["refund"], told["cost"], told["bonus"], told["done"]]);
    assert_eq!(figures, json!(["9.90", "0.00", "9.90", "12.90", "12.90", false]));
    assert_eq!(bed.json(&["balance", "bonuses", "demo"]).await, given, "nothing was done");
    let done = bed.json(&change).await;
    assert_eq!((&done["refund"], &done["cost"], &done["steps"]), (&told["refund"], &told["cost"], &told["steps"]));
    demo.processed(&order).await;

    let invoice = done["invoice"].to_string();
    let explained = bed.json(&["invoice", "explain", &invoice]).await;
    assert_eq!(last(&explained), &json!({ "text": "paid; the ledger charged", "amount": "12.90" }));
    assert!(steps_of(&explained, "2.00").contains(&"    of the bonus \"an apology\"".to_owned()), "{explained}");
    let explained = bed.json(&["ledger", "explain", &order]).await;
    assert_eq!(last(&explained)["amount"], "17.90", "14.90 − 9.90 + 12.90: {explained}");

    for (words, why) in [
        (vec!["order", "change-tariff", &order, "1"], "another kind"),
        (vec!["order", "change-tariff", "999", "10"], "there is no order 999"),
        (vec!["order", "quote", "--months", "1"], "--login"),
        (vec!["balance", "bonus", "demo", "1", "--expires", "2020-01-01"], "is past"),
        (vec!["balance", "bonus", "demo", "1", "--expires", "soon"], "YYYY-MM-DD"),
        (vec!["invoice", "explain", "999"], "999"),
    ] {
        let refused = bed.run(&words).await;
        assert!(refused.code != Some(0) && refused.stderr.contains(why), "{words:?}: {refused:?}");
    }
    assert_eq!(bed.run(&["ledger", "verify"]).await.code, Some(0));
    assert_eq!(serving.stop().await.code, Some(0));
}
