//! Every subcommand that ends answers `--json` with one JSON document.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{bed::Bed, client::Client};

/// All subcommands of a subcommand that have none of their own, as the help lists them.
async fn leaves(bed: &Bed, of: Vec<String>) -> Vec<String> {
    let words: Vec<&str> = of.iter().map(String::as_str).chain(["--help"]).collect();
    let help = bed.run(&words).await.stdout;
    let Some((_, listed)) = help.split_once("\nCommands:\n") else { return vec![of.join(" ")] };
    let listed = listed.split("\n\n").next().unwrap().lines();
    // A name stands two spaces in; what goes on below it stands further in.
    let names = listed.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    let mut found = Vec::new();
    for name in names.map(|line| line.split(' ').next().unwrap()).filter(|name| *name != "help") {
        let below = [of.clone(), vec![name.to_owned()]].concat();
        found.extend(Box::pin(leaves(bed, below)).await);
    }
    found
}

/// The one document that a command line answers. The switch is everyone's: it may come before the words or after them.
async fn document_of(bed: &Bed, words: &[&str], before: bool) -> Value {
    let outcome = bed.run(&if before { [&["--json"], words].concat() } else { [words, &["--json"]].concat() }).await;
    let mut documents = serde_json::Deserializer::from_str(&outcome.stdout).into_iter::<Value>();
    let document = documents.next().unwrap_or_else(|| panic!("{words:?}: {outcome:?}")).unwrap();
    assert!(documents.next().is_none() && (document.is_object() || document.is_array()), "{words:?}: {outcome:?}");
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{words:?}");
    document
}

async fn assert_all_tried(bed: &Bed, seen: &BTreeSet<String>) {
    // Two that don't end, and two that need a place of their own: their documents are looked at with the hooks and backups.
    let apart = ["serve", "worker", "hook lint", "restore"];
    for leaf in leaves(bed, Vec::new()).await.iter().filter(|leaf| !apart.contains(&leaf.as_str())) {
        assert!(seen.iter().any(|line| line.starts_with(leaf.as_str())), "{leaf} --json is not tested");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_subcommand_has_one() {
    let mut bed = Bed::new();
    bed.set("NOTICES__WEBHOOK_NETWORKS", "10.0.0.0/8");
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&[]).await;
    let demo = Client::demo(serving.gateway);
    let manual = demo.call("createOrder", "vid=vds&tarifid=11&period=1").await["orderid"].as_str().unwrap().to_owned();
    let other = demo.call("createOrder", "vid=vds&tarifid=11&period=1").await["orderid"].as_str().unwrap().to_owned();
    demo.call("suspendOrder", &format!("orderid={other}")).await;
    let order = demo.order("").await;
    let unpaid = Client::new(serving.gateway, "poor", "apikey=poor-key");
    unpaid.call("createOrder", "vid=dedicated&tarifid=30&period=1").await;
    unpaid.call("createOrder", "vid=dedicated&tarifid=30&period=1").await;
    let invoices = bed.json(&["invoice", "list", "poor"]).await;
    let [pay, cancel] = [0, 1].map(|at| invoices[at]["id"].to_string());
    let failed = demo.order("").await;
    bed.owner()
        .await
        .batch_execute(&format!("update live.task set state = 'manual' where order_id = {failed}"))
        .await
        .unwrap();
    let failed = bed.json(&["task", "list", "--order", &failed]).await[0]["id"].to_string();
    let made = demo.order("").await;
    let making = format!(
        "update live.task set state = 'succeeded', completed_at = now() where order_id = {made}; \
         update live.orders set state = 'active' where id = {made}"
    );
    bed.owner().await.batch_execute(&making).await.unwrap();
    let task = bed.json(&["task", "list", "--order", &order]).await[0]["id"].to_string();
    let ip = bed.json(&["order", "show", &made]).await["addresses"][0]["ip"].as_str().unwrap().to_owned();
    let file = bed.json(&["catalogue", "show"]).await["file"].as_str().unwrap().to_owned();
    std::fs::write(bed.dir.join("same.toml"), file).unwrap();
    let statement = bed.json(&["statement", "export", "demo"]).await["statement"].as_str().unwrap().to_owned();
    std::fs::write(bed.dir.join("statement"), statement).unwrap();
    let notice = bed.json(&["notice", "list"]).await[0]["id"].to_string();
    let lines = format!(
        "migrate\n doctor\n database accept --yes\n backup base\n backup prune\n demo load --if-empty\n catalogue plan same.toml\n catalogue apply same.toml\n \
         catalogue show\n customer add new\n customer show new\n customer list\n customer set new --vat 5\n \
         customer disable new\n customer enable new\n customer profile new --company UAB\n customer password new\n allow add new 10.0.0.0/8\n \
         allow list new\n allow remove new 10.0.0.0/8\n key issue new\n key list new\n key revoke new KEY\n \
         apiuser add new nick\n apiuser list new\n apiuser disable new nick\n apiuser enable new nick\n \
         customer webhook set new https://10.1.2.3/told\n customer webhook list new\n \
         customer webhook rotate new https://10.1.2.3/told\n customer webhook remove new https://10.1.2.3/told\n \
         customer test-mode on new\n customer test-mode show new\n customer test-mode off new\n \
         notice list\n notice show {notice}\n notice retry --all\n \
         statement key\n statement export new\n statement verify statement\n \
         balance deposit new 5\n balance withdraw new 1 --reference back\n payment list new\n payment show back\n balance bonus new 1\n balance bonuses new\n balance statement new\n \
         rate set EUR JPY 150\n rate list\n order quote {made} --months 1\n \
         order change-tariff {made} 10 --addons 20,22:2 --dry-run\n ledger explain {made}\n \
         invoice list\n invoice show {pay}\n invoice explain {pay}\n invoice pay {pay}\n \
         invoice credit {pay} --amount 1 --note sorry\n invoice cancel {cancel}\n order list\n \
         order show {manual}\n order process {manual}\n order override {manual} --remark x\n task list\n \
         task show {task}\n task log {task}\n task cancel {task}\n task retry {failed}\n order password {made}\n \
         address list\n address give {made}\n order terminate {made} --note bye\n order restore {made}\n order set {made} --auto-renew on\n order terminate {made}\n address release {ip}\n \
         clock show --realm test\n clock advance 1h --realm test\n billing status\n billing hold\n \
         billing release --by tom --note seen\n billing run\n ledger verify"
    );
    let mut seen = BTreeSet::new();
    let mut last = Value::Null;
    for line in lines.lines() {
        let key = last["id"].to_string();
        let words: Vec<&str> = line.split_whitespace().map(|word| if word == "KEY" { &key } else { word }).collect();
        let document = document_of(&bed, &words, seen.len() % 2 == 0).await;
        if line.contains("key issue") {
            last = document;
        }
        seen.insert(line.trim().to_owned());
    }
    assert_all_tried(&bed, &seen).await;
    assert_eq!(serving.stop().await.code, Some(0));
}
