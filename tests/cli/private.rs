//! The private PostgreSQL ends without being told to, under processes that serve.

use std::{
    fs,
    time::{Duration, Instant},
};

use super::{
    bed::{Bed, signal},
    client::{Client, get},
};
use crate::support::{code, until, until_within};

/// For how long clients are answered code 1 at the most.
const BACK: Duration = Duration::from_secs(5);

fn starts(bed: &Bed) -> usize {
    let log = fs::read_to_string(bed.data_dir().join("postgres.log")).unwrap();
    log.matches("starting PostgreSQL").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_was_killed_is_brought_back_by_one_of_those_who_serve() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&[]).await;
    let worker = bed.start(&["worker"]);
    let demo = Client::demo(serving.gateway);
    demo.processed(&demo.order("").await).await;
    let restarts = async || {
        let metrics = String::from_utf8(get(serving.admin, "/metrics").await.body).unwrap();
        let line = metrics.lines().find(|line| line.starts_with("vartai_private_postgres_restarts_total "));
        line.and_then(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).unwrap_or_else(|| panic!("{metrics}"))
    };
    assert_eq!(restarts().await, 0);
    assert_eq!(bed.json(&["doctor"]).await["ok"], true);

    for round in 1..=2 {
        let before = (bed.postmaster(), starts(&bed));
        let killed = Instant::now();
        signal("KILL", before.0.unwrap());
        let what = format!("{round}: clients are answered again");
        let pause = Duration::from_millis(10);
        until_within(BACK, &what, pause, async || bed.postmaster() != before.0 && demo.code().await.is_none()).await;
        println!("round {round}: answered again after {:?}", killed.elapsed());
        demo.processed(&demo.order("").await).await;
        assert_eq!(starts(&bed), before.1 + 1, "{round}: they raced");
        until("it is counted", async || restarts().await == round).await;
    }
    let doctor = bed.run(&["doctor", "--json"]).await;
    assert!(doctor.code == Some(1) && doctor.stdout.contains("brought back, 2 times"), "{doctor:?}");
    assert_eq!(bed.json(&["ledger", "verify"]).await["ok"], true);
    let logged = serving.logged() + &worker.logged();
    assert!(logged.contains("PostgreSQL has ended") && logged.contains("postgres.log"), "{logged}");

    assert_eq!(worker.stop().await.code, Some(0));
    assert_eq!(serving.stop().await.code, Some(0));
    assert_eq!(bed.postmaster(), None);
    // Started in order, there is nothing to complain of.
    assert_eq!(bed.json(&["doctor"]).await["ok"], true);
}

/// What `docs/operations.md` says to do when PostgreSQL doesn't come up: mend it, and wait.
#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_can_not_start_is_tried_again_until_it_can() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&["--with-worker"]).await;
    let demo = Client::demo(serving.gateway);
    let order = demo.order("").await;
    let control = bed.data_dir().join("pg/global/pg_control");
    let aside = control.with_extension("aside");
    fs::rename(&control, &aside).unwrap();
    signal("KILL", bed.postmaster().unwrap());
    until("the log says why", async || {
        serving.logged().contains("PostgreSQL can't be brought back yet") && serving.logged().contains("pg_control")
    })
    .await;
    assert_eq!(code(&demo.call("getBalance", "").await), Some(1));
    until("it is not ready", async || get(serving.admin, "/readyz").await.status == 503).await;
    fs::rename(&aside, &control).unwrap();
    until("it is back", async || demo.code().await.is_none()).await;
    demo.processed(&order).await;
    assert_eq!(bed.json(&["ledger", "verify"]).await["ok"], true);
    assert_eq!(serving.stop().await.code, Some(0));
    assert_eq!(bed.postmaster(), None);
}
