//! Notices and statements, with the program itself.

use std::fs;

use serde_json::{Value, json};

use super::{bed::Bed, client::Client};
use crate::support::{code, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_told_in_files_and_staff_see_what_was_told() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    bed.json(&["customer", "profile", "demo", "--name", "Žąsė\tŽaibė", "--email", "demo@example.com"]).await;
    let serving = bed.serve(&["--with-worker"]).await;
    let demo = Client::demo(serving.gateway);
    let placed = demo.call("createOrder", "domain=zasis.lt&tarifid=1&period=1").await;
    assert_eq!(code(&placed), None, "{placed}");
    let sent = async || {
        let sent = bed.json(&["notice", "list", "--state", "sent", "--customer", "demo"]).await;
        sent.as_array().unwrap().iter().map(|notice| notice["event"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    until("the order's notices are sent", async || sent().await.len() == 2).await;
    let told = sent().await;
    assert_eq!(told, ["order.ready", "invoice.paid"]);
    let of = bed.json(&["notice", "list", "--limit", "1"]).await[0].clone();
    let shown = bed.json(&["notice", "show", &of["id"].to_string()]).await;
    assert!(shown["text"].as_str().unwrap().contains("Žąsė Žaibė") && shown["subject"] != "", "{shown}");
    let file = bed.data_dir().join("mail").join(format!("{}.eml", of["uid"].as_str().unwrap()));
    let mail = fs::read_to_string(&file).unwrap();
    assert!(mail.contains("\r\nSubject: ") && mail.contains("Auto-Submitted: auto-generated\r\n"), "{mail}");
    assert!(file.ends_with(shown["detail"].as_str().unwrap()), "{shown}");
    assert_eq!(bed.run(&["notice", "retry", &of["id"].to_string()]).await.code, Some(1), "it was sent");
    assert_eq!(serving.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_the_doctor_s_business_until_it_is_sent() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let well = async || {
        let report = bed.run(&["doctor", "--json"]).await.json();
        let findings = report["findings"].as_array().unwrap().clone();
        let about = |finding: &Value| {
            finding["what"].as_str().unwrap().contains("in the live realm")
                && finding["what"].as_str().unwrap().contains("notices")
        };
        findings.into_iter().find(about).unwrap()
    };
    assert_eq!(well().await["ok"], true);
    let keep = bed.start(&["worker"]);
    until("the cluster runs", async || bed.postmaster().is_some()).await;
    bed.json(&["notice", "list"]).await;
    let insert = "insert into live.notice (event, key, channel, customer_id, facts, at, state, ended_at, detail) \
        select 'order.ready', 'x', 'staff', id, '{\"order\": 1, \"tariff\": 1, \"domain\": null, \"until\": null}', now(), 'failed', now(), '550 no' \
        from live.customer limit 1";
    bed.owner().await.batch_execute(insert).await.unwrap();
    let finding = well().await;
    assert_eq!(finding["ok"], false);
    assert!(finding["advice"].as_str().unwrap().contains("vartai notice retry --all"), "{finding}");
    assert_eq!(bed.json(&["notice", "list", "--failed"]).await[0]["detail"], "550 no");
    assert_eq!(bed.json(&["notice", "retry", "--all"]).await["retried"], 1);
    let skipped = async || {
        let notices = bed.json(&["notice", "list", "--state", "skipped"]).await;
        let staffs = notices.as_array().unwrap().iter().find(|notice| notice["channel"] == "staff");
        staffs.map(|notice| notice["detail"].as_str().unwrap().to_owned())
    };
    until("a worker has looked at it", async || skipped().await.is_some()).await;
    assert!(skipped().await.unwrap().contains("mail.staff"));
    assert_eq!(well().await["ok"], true);
    assert_eq!(keep.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_set_by_staff_and_lead_outside_only() {
    let mut bed = Bed::new();
    bed.json(&["migrate"]).await;
    bed.json(&["customer", "add", "ann"]).await;
    let webhook = |verb: &'static str| ["customer", "webhook", verb, "ann", "https://10.1.2.3/told"];
    for url in [
        "http://127.0.0.1/x",
        "https://10.1.2.3/told",
        "ftp://example.com/",
        "https://ann:secret@example.com/",
        "nonsense",
    ] {
        let refused = bed.run(&["customer", "webhook", "set", "ann", url]).await;
        assert_eq!(refused.code, Some(1), "{url}");
        assert!(!refused.stderr.contains("secret"), "{refused:?}");
    }
    bed.set("NOTICES__WEBHOOK_NETWORKS", "10.0.0.0/8");
    let set = bed.json(&webhook("set")).await;
    assert!(set["secret"].as_str().unwrap().starts_with("whsec_"), "{set}");
    assert_eq!(bed.json(&webhook("set")).await["secret"], json!(null), "it is told once");
    let rotated = bed.json(&webhook("rotate")).await;
    assert!(rotated["secret"].as_str().unwrap().starts_with("whsec_") && rotated["secret"] != set["secret"]);
    let listed = bed.run(&["customer", "webhook", "list", "ann"]).await;
    assert!(listed.stdout.contains("https://10.1.2.3/told") && !listed.stdout.contains("whsec_"), "{listed:?}");
    bed.json(&webhook("remove")).await;
    assert_eq!(bed.json(&["customer", "webhook", "list", "ann"]).await, json!([]));
    assert_eq!(bed.run(&webhook("remove")).await.code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_verifies_a_statement_with_nothing_but_the_program_and_the_keys() {
    let (bed, theirs) = (Bed::new(), Bed::new());
    bed.json(&["migrate"]).await;
    bed.json(&["customer", "add", "ann", "--currency", "EUR"]).await;
    for amount in ["10.00", "5.50", "2.25"] {
        bed.json(&["balance", "deposit", "ann", amount]).await;
    }
    let exported = bed.run(&["statement", "export", "ann"]).await;
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let keys = bed.run(&["statement", "key"]).await;
    let (file, keys_file) = (theirs.dir.join("statement"), theirs.dir.join("keys"));
    fs::write(&keys_file, &keys.stdout).unwrap();
    let verify = async |text: &str| {
        fs::write(&file, text).unwrap();
        theirs.run(&["statement", "verify", "statement", "--keys", "keys", "--json"]).await
    };
    let right = verify(&exported.stdout).await;
    assert_eq!((right.code, &right.json()["entries"], &right.json()["ok"]), (Some(0), &json!(3), &json!(true)));
    let alone = theirs.run(&["statement", "verify", "statement"]).await;
    assert!(alone.code == Some(0) && alone.stdout.contains(keys.stdout.trim()), "its own keys are told: {alone:?}");
    assert!(!theirs.data_dir().exists(), "verifying needs no installation");

    let forged = verify(&exported.stdout.replace("\"amount\":550", "\"amount\":950")).await;
    assert_eq!(forged.code, Some(1));
    assert_eq!(forged.json()["findings"][0]["entry"], json!({ "wallet": "credit", "number": 2 }), "{forged:?}");
    let cut: String =
        exported.stdout.split_inclusive('\n').enumerate().filter(|(at, _)| *at != 2).map(|(_, line)| line).collect();
    assert!(verify(&cut).await.json()["findings"][0]["what"].as_str().unwrap().contains("2 is missing"));

    bed.run(&["statement", "key", "--rotate"]).await;
    bed.json(&["balance", "deposit", "ann", "1.00"]).await;
    let later = bed.run(&["statement", "export", "ann"]).await;
    assert_eq!(verify(&later.stdout).await.code, Some(1), "its reader doesn't know the new key yet");
    fs::write(&keys_file, bed.run(&["statement", "key"]).await.stdout).unwrap();
    assert_eq!(verify(&later.stdout).await.code, Some(0));
}
