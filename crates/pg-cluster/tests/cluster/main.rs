//! The cluster, against real PostgreSQL and real processes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

mod bed;
mod members;
mod namespaces;
mod refusals;
mod revivals;

use std::fs;

use bed::{Bed, connect, setting, until};
use pg_cluster::{Cluster, Durability, Left, Settings};

#[tokio::test]
async fn a_durable_cluster_is_made_started_and_stopped() {
    let bed = Bed::new();
    let cluster = Cluster::join(&Settings::new(bed.data_dir())).await.unwrap();
    assert!(cluster.started_here());
    let client = connect(&cluster.config()).await.unwrap();
    for (name, value) in [
        ("listen_addresses", ""),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
        ("max_connections", "100"),
        ("jit", "off"),
        ("default_transaction_isolation", "read committed"),
    ] {
        assert_eq!(setting(&client, name).await, value, "{name}");
    }
    let database: String = client.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0);
    assert_eq!(database, "vartai");
    assert!(fs::metadata(cluster.socket_dir().join(".s.PGSQL.5432")).is_ok());
    assert_eq!(cluster.leave().await.unwrap(), Left::Stopped);
    assert_eq!(bed.postmaster(), None);
}

#[tokio::test]
async fn the_log_holds_no_data() {
    let bed = Bed::new();
    let cluster = bed.join().await;
    let client = connect(&cluster.config()).await.unwrap();
    client.batch_execute("CREATE TABLE account (password text PRIMARY KEY)").await.unwrap();
    let insert = "INSERT INTO account VALUES ($1)";
    client.execute(insert, &[&"hunter2"]).await.unwrap();
    client.execute(insert, &[&"hunter2"]).await.unwrap_err();
    client.batch_execute("SELECT 'hunter2'::int").await.unwrap_err();
    client.batch_execute("SELECT nonsense('hunter2')").await.unwrap_err();
    // A backend that is killed is the server's own reason to quote the statement it was at.
    let backend: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let asleep = tokio::spawn(async move { client.batch_execute("SELECT pg_sleep(600), 'hunter2'").await });
    let watcher = connect(&cluster.config()).await.unwrap();
    let busy = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND query LIKE '%pg_sleep%'";
    while watcher.query_one(busy, &[&backend]).await.unwrap().get::<_, i64>(0) == 0 {}
    bed::signal("KILL", backend.try_into().unwrap());
    asleep.await.unwrap().unwrap_err();
    until("the crash is in the log", || bed.log().contains("was terminated by signal 9")).await;
    until("it is up again", || bed.log().matches("ready to accept connections").count() == 2).await;
    assert_eq!(cluster.leave().await.unwrap(), Left::Stopped);
    assert!(!bed.log().contains("hunter2"), "{}", bed.log());
    assert!(bed.log().contains("shut down"), "{}", bed.log());
}

#[tokio::test]
async fn a_restart_keeps_the_data() {
    let bed = Bed::new();
    let cluster = bed.join().await;
    let client = connect(&cluster.config()).await.unwrap();
    client.batch_execute("CREATE TABLE kept AS SELECT 42 AS answer").await.unwrap();
    assert_eq!(cluster.leave().await.unwrap(), Left::Stopped);
    let cluster = bed.join().await;
    assert!(cluster.started_here());
    let client = connect(&cluster.config()).await.unwrap();
    let answer: i32 = client.query_one("SELECT answer FROM kept", &[]).await.unwrap().get(0);
    assert_eq!(answer, 42);
    assert_eq!(cluster.leave().await.unwrap(), Left::Stopped);
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_has_it_elsewhere() {
    let bed = Bed::new();
    let data_dir = bed.dir.join("it's a \\ long, long way".repeat(5));
    let settings = Settings { data_dir: data_dir.clone(), ..bed.settings() };
    let cluster = Cluster::join(&settings).await.unwrap();
    let socket_dir = cluster.socket_dir().to_owned();
    assert!(!socket_dir.starts_with(&data_dir), "{}", socket_dir.display());
    let other = Cluster::join(&settings).await.unwrap();
    assert_eq!(other.socket_dir(), socket_dir);
    connect(&other.config()).await.unwrap();
    assert_eq!(other.leave().await.unwrap(), Left::OthersRemain);
    assert_eq!(cluster.leave().await.unwrap(), Left::Stopped);
    assert!(!socket_dir.exists());
}

#[tokio::test]
async fn roles_are_admitted_while_it_runs_and_nobody_else() {
    let bed = Bed::new();
    let first = bed.join().await;
    let client = connect(&first.config()).await.unwrap();
    client.batch_execute("CREATE ROLE app LOGIN; CREATE ROLE other LOGIN").await.unwrap();
    let second = Cluster::join(&Settings { roles: vec!["app".to_owned()], ..bed.settings() }).await.unwrap();
    assert!(!second.started_here());
    connect(second.config().user("app")).await.unwrap();
    connect(second.config().user("other")).await.unwrap_err();
    // A role once admitted stays so, whoever starts the server next.
    assert_eq!(second.leave().await.unwrap(), Left::OthersRemain);
    assert_eq!(first.leave().await.unwrap(), Left::Stopped);
    let third = bed.join().await;
    connect(third.config().user("app")).await.unwrap();
    assert_eq!(third.leave().await.unwrap(), Left::Stopped);
}

#[tokio::test]
async fn a_test_cluster_may_stay_but_never_passes_for_durable() {
    let bed = Bed::new();
    let cluster = Cluster::join(&Settings { stay: true, ..bed.settings() }).await.unwrap();
    assert_eq!(cluster.leave().await.unwrap(), Left::KeptRunning);
    let running = bed.postmaster();
    assert!(running.is_some());
    let staying = Cluster::join(&Settings { stay: true, ..bed.settings() }).await.unwrap();
    assert_eq!(bed.postmaster(), running);
    let durable = Settings { durability: Durability::Durable, ..bed.settings() };
    let refused = Cluster::join(&durable).await.unwrap_err();
    assert!(matches!(refused, pg_cluster::ClusterError::NotDurable { .. }), "{refused}");
    drop(staying);
    assert_eq!(bed.postmaster(), running);
}
