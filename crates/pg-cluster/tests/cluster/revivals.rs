//! A server that ends without being told to, and those who look after it; its log.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::time::Duration;

use pg_cluster::{Cluster, ClusterError, Left, Recovery, Revivals, Settings};
use tokio::time::timeout;

use crate::bed::{Bed, Member, connect, signal, until};

#[tokio::test]
async fn of_several_who_look_after_it_one_brings_it_back() {
    let bed = Bed::new();
    let (mut first, mut second) = (bed.join().await, bed.join().await);
    for member in [&mut first, &mut second] {
        member.keep().unwrap();
        member.keep().unwrap();
    }
    for round in 1..=2 {
        let killed = bed.postmaster().unwrap();
        signal("KILL", killed);
        until("another server runs", || bed.postmaster().is_some_and(|pid| pid != killed)).await;
        until("it is counted", || {
            Revivals::read(&bed.data_dir()).unwrap().is_some_and(|revivals| revivals.count == round)
        })
        .await;
        connect(&second.config()).await.unwrap().batch_execute("SELECT 1").await.unwrap();
    }
    assert_eq!(bed.log().matches("starting PostgreSQL").count(), 3, "{}", bed.log());
    let revivals = Revivals::read(&bed.data_dir()).unwrap().unwrap();
    assert!(revivals.last.ends_with(" UTC") && revivals.last_words.contains("ready to accept"), "{revivals:?}");
    // Whoever leaves first, the other goes on looking after it.
    assert_eq!(first.leave().await.unwrap(), Left::OthersRemain);
    let killed = bed.postmaster().unwrap();
    signal("KILL", killed);
    until("another server runs", || bed.postmaster().is_some_and(|pid| pid != killed)).await;
    assert_eq!(second.leave().await.unwrap(), Left::Stopped);
    assert_eq!(bed.postmaster(), None);
    let third = bed.join().await;
    assert_eq!(Revivals::read(&bed.data_dir()).unwrap(), None, "it was started in order");
    assert_eq!(third.leave().await.unwrap(), Left::Stopped);
}

/// A backend that is at something doesn't hear that its postmaster is dead, and would be waited for.
#[tokio::test]
async fn what_a_dead_server_left_is_ended_and_holds_nothing_up() {
    let bed = Bed::new();
    let mut cluster = bed.join().await;
    let client = connect(&cluster.config()).await.unwrap();
    let backend: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let backend: u32 = backend.try_into().unwrap();
    signal("STOP", backend);
    let killed = bed.postmaster().unwrap();
    signal("KILL", killed);
    until("the postmaster is dead", || bed.postmaster().is_none()).await;
    assert!(!bed.is_free("postmaster.lock"));
    cluster.keep().unwrap();
    until("another server runs", || bed.postmaster().is_some_and(|pid| pid != killed)).await;
    until("it takes connections", || bed.log().matches("ready to accept connections").count() == 2).await;
    assert!(!std::path::Path::new(&format!("/proc/{backend}/fd/0")).exists(), "two servers have processes");
    assert_eq!(cluster.leave().await.unwrap(), Left::Stopped);
}

#[tokio::test]
async fn who_joins_others_whose_server_died_brings_it_back_and_it_counts() {
    let bed = Bed::new();
    let mut member = Member::spawn(&bed, None);
    assert!(member.joined());
    let killed = bed.postmaster().unwrap();
    signal("KILL", killed);
    until("it is dead", || bed.postmaster().is_none()).await;
    let here = bed.join().await;
    assert!(here.started_here());
    assert_eq!(Revivals::read(&bed.data_dir()).unwrap().unwrap().count, 1);
    assert_eq!(member.leave(), "OthersRemain");
    assert_eq!(here.leave().await.unwrap(), Left::Stopped);
}

#[tokio::test]
async fn a_long_recovery_is_no_failure() {
    let bed = Bed::new();
    let cluster = bed.join().await;
    let client = connect(&cluster.config()).await.unwrap();
    client.batch_execute("CREATE TABLE kept AS SELECT 42 AS answer").await.unwrap();
    // A recovery that goes on until the test has it end.
    let hold = bed.dir.join("hold");
    fs::write(&hold, "").unwrap();
    let wait = format!("while [ -e {} ]; do sleep 0.05; done; false", hold.display());
    client.batch_execute(&format!("ALTER SYSTEM SET restore_command = '{wait}'")).await.unwrap();
    drop(client);
    assert_eq!(cluster.leave().await.unwrap(), Left::Stopped);
    fs::write(bed.data_dir().join("pg/recovery.signal"), "").unwrap();

    let bounded = Settings { patience: Duration::from_secs(2), ..bed.settings() };
    let refused = Cluster::join(&bounded).await.unwrap_err();
    assert!(matches!(refused, ClusterError::Recovering { .. }), "{refused}");
    let recovering = bed.postmaster();
    assert!(recovering.is_some(), "the recovery was broken off, and would begin anew");

    let awaited = Settings { recovery: Recovery::Awaited, ..bounded };
    let mut joining = tokio::spawn(async move { Cluster::join(&awaited).await });
    assert!(timeout(Duration::from_secs(4), &mut joining).await.is_err(), "it did not wait");
    fs::remove_file(&hold).unwrap();
    let cluster = joining.await.unwrap().unwrap();
    assert_eq!(bed.postmaster(), recovering);
    let client = connect(&cluster.config()).await.unwrap();
    let answer: i32 = client.query_one("SELECT answer FROM kept", &[]).await.unwrap().get(0);
    assert_eq!(answer, 42);
    drop(client);
    assert_eq!(cluster.leave().await.unwrap(), Left::Stopped);
}

#[tokio::test]
async fn the_log_stays_bounded_while_the_server_runs_and_goes_on() {
    let bed = Bed::new();
    let mut cluster = bed.join().await;
    let log = bed.data_dir().join("postgres.log");
    let older = bed.data_dir().join("postgres.log.1");
    let filler = "x".repeat(1 << 20) + "\n";
    let fill = |last: &str| {
        let mut file = OpenOptions::new().append(true).open(&log).unwrap();
        for _ in 0..17 {
            file.write_all(filler.as_bytes()).unwrap();
        }
        file.write_all(last.as_bytes()).unwrap();
    };
    cluster.keep().unwrap();
    for round in ["first\n", "second\n"] {
        fill(round);
        until("it is set aside", || fs::metadata(&log).unwrap().len() < 1 << 20).await;
        assert!(fs::read_to_string(&older).unwrap().ends_with(round), "what was last is not in the older one");
    }
    // The server goes on at the new end.
    let client = connect(&cluster.config()).await.unwrap();
    client.batch_execute("ALTER SYSTEM SET work_mem = '5MB'").await.unwrap();
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    until("it writes on", || bed.log().contains("parameter \"work_mem\" changed")).await;
    let start = fs::read(&log).unwrap();
    assert!(start.first().is_some_and(|byte| *byte != 0), "the log has a hole");
    drop(client);
    assert_eq!(cluster.leave().await.unwrap(), Left::Stopped);
}
