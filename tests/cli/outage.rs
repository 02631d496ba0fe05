//! The database goes away under a gateway that serves, and comes back.

use std::time::{Duration, Instant};

use super::{
    bed::Bed,
    client::{Client, get},
    scratch::Scratch,
};
use crate::support::{code, until};

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_a_few_lines_of_the_log_and_not_one_a_request() {
    let mut bed = Bed::new();
    let scratch = Scratch::new(&bed).await;
    bed.set("DATABASE__URL", &scratch.url("company"));
    assert_eq!(bed.run(&["migrate"]).await.code, Some(0));
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&["--with-worker"]).await;
    let demo = Client::demo(serving.gateway);
    until("the page is made", async || get(serving.gateway, "/apidoc.php").await.status == 200).await;
    scratch.stop().await;
    until("it is not ready", async || get(serving.admin, "/readyz").await.status == 503).await;
    let before = loud(&serving.logged()).len();
    for _ in 0..50 {
        assert_eq!(code(&demo.call("getBalance", "").await), Some(1));
        assert_eq!(code(&demo.call("createOrder", "vid=vds&tarifid=10&period=1&addons=20").await), Some(1));
        let status =
            get(serving.gateway, "/json.php?command=version&nick=demo-api&password=demo-api-password").await.status;
        assert_eq!(status, 503);
    }
    let metrics = String::from_utf8(get(serving.admin, "/metrics").await.body).unwrap();
    for (surface, found) in [("apih", 100), ("json", 50)] {
        let line = format!("vartai_requests_without_database_total{{surface=\"{surface}\"}} {found}\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
    let log = serving.logged();
    let loud = loud(&log);
    assert!(loud.len() <= before + 3, "{loud:#?}");
    assert!(!log.contains("not authenticated"), "nobody is a stranger for want of a database");
    scratch.start().await;
    until("it is ready again", async || get(serving.admin, "/readyz").await.status == 200).await;
    assert_eq!(demo.code().await, None);
}

/// Warnings and errors of a log.
fn loud(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains(" WARN ") || line.contains(" ERROR ")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_database_is_code_1_at_once_and_a_started_one_is_found() {
    let mut bed = Bed::new();
    let scratch = Scratch::new(&bed).await;
    bed.set("DATABASE__URL", &scratch.url("company"));
    assert_eq!(bed.run(&["migrate"]).await.code, Some(0));
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&["--with-worker"]).await;
    let demo = Client::demo(serving.gateway);
    demo.processed(&demo.order("").await).await;
    for round in 0..2 {
        scratch.stop().await;
        for fields in ["", "vid=vds&tarifid=10&period=1&addons=20&requestid=lost"] {
            let asked = Instant::now();
            let command = if fields.is_empty() { "getBalance" } else { "createOrder" };
            assert_eq!(code(&demo.call(command, fields).await), Some(1), "{round} {command}");
            assert!(asked.elapsed() < Duration::from_secs(2), "{round} {command}: {:?}", asked.elapsed());
        }
        until("it is not ready", async || get(serving.admin, "/readyz").await.status == 503).await;
        assert_eq!(get(serving.admin, "/healthz").await.status, 200);
        scratch.start().await;
        until("it is ready again", async || get(serving.admin, "/readyz").await.status == 200).await;
        assert_eq!(demo.code().await, None);
    }
    // The worker has healed, too.
    demo.processed(&demo.order("requestid=lost").await).await;
    assert_eq!(bed.json(&["ledger", "verify"]).await["ok"], true);

    // It stops cleanly also while there is no database.
    scratch.stop().await;
    until("it is not ready", async || get(serving.admin, "/readyz").await.status == 503).await;
    let ended = serving.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
