//! A database that is not Vartai's own (`VARTAI_DATABASE__URL`), whose owner is no superuser.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;
use store::{
    db::{ConnectSettings, RoleAuth, migrate, pending_migrations},
    seal::Keyring,
};

use super::{
    bed::Bed,
    client::Client,
    scratch::{OWNER_PASSWORD, Scratch, free_port},
};

/// What the owner's program is told of a database.
fn settings(scratch: &Scratch, database: &str, keys: &Keyring) -> ConnectSettings {
    let auth = RoleAuth::Derived(Arc::new(keys.root().unwrap()));
    ConnectSettings::new(scratch.url(database).parse().unwrap(), "vartai".to_owned(), auth)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_migrated_first_then_served_and_its_logs_hold_no_secret() {
    let mut bed = Bed::new();
    let scratch = Scratch::new(&bed).await;
    bed.set("DATABASE__URL", &scratch.url("company"));
    bed.set("LOG__LEVEL", "trace");
    let mut logs = String::new();
    for arguments in [&["serve"][..], &["worker"], &["order", "list"], &["demo", "load", "--if-empty"]] {
        let refused = bed.run(arguments).await;
        assert_eq!(refused.code, Some(1));
        assert!(refused.told().contains("run `vartai migrate`"), "{}", refused.told());
        logs += &refused.stderr;
    }
    let doctor = bed.run(&["doctor", "--json"]).await;
    assert!(doctor.json()["findings"].to_string().contains("live 0001"), "{doctor:?}");
    let schemas = "select count(*) from pg_namespace where nspname in ('live', 'test', 'catalogue')";
    let owner = scratch.owner("company").await;
    assert_eq!(owner.query_one(schemas, &[]).await.unwrap().get::<_, i64>(0), 0, "looking made something");
    assert!(!bed.data_dir().join("keys").exists(), "keys were made for a database that is not set up");

    let migrated = bed.run(&["migrate", "--json"]).await;
    assert_eq!((migrated.code, &migrated.json()["migrations"][0]), (Some(0), &json!("catalogue 0001")), "{migrated:?}");
    assert_eq!(bed.json(&["migrate"]).await, json!({ "migrations": [] }));
    logs += &migrated.stderr;
    logs += &bed.run(&["demo", "load"]).await.stderr;
    let serving = bed.serve(&["--with-worker"]).await;
    let demo = Client::demo(serving.gateway);
    let order = demo.order("requestid=1").await;
    demo.processed(&order).await;
    assert_eq!(bed.json(&["doctor"]).await["ok"], true);
    assert_eq!(bed.json(&["ledger", "verify"]).await["ok"], true);
    let ended = serving.stop().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(bed.postmaster().is_none() && !bed.data_dir().join("pg").exists(), "a private cluster was made");
    logs += &ended.stderr;

    let file = std::fs::read_to_string(bed.data_dir().join("keys")).unwrap();
    let keys = Keyring::parse(&file).unwrap();
    let auth = RoleAuth::Derived(Arc::new(keys.root().unwrap()));
    let key = file.lines().last().unwrap().split_once(' ').unwrap().1.to_owned();
    let mut secrets = vec![OWNER_PASSWORD.to_owned(), key, "demo-key".to_owned(), "demo-password".to_owned()];
    secrets.extend(["vartai_live", "vartai_test"].map(|role| auth.password(role).unwrap()));
    for (place, text) in [("the log", &logs), ("PostgreSQL's log", &scratch.log())] {
        assert!(text.contains("vartai_live"), "{place} holds too little to look at");
        for secret in &secrets {
            let at = text.find(secret).map(|at| text[at.saturating_sub(200)..].chars().take(300).collect::<String>());
            assert_eq!(at, None, "{secret} in {place}");
        }
    }
}

/// A standby's place in the URL, and one that is not there: only the one that can be written to is used.
#[tokio::test(flavor = "multi_thread")]
async fn of_several_hosts_the_one_that_takes_writes_is_used() {
    let mut bed = Bed::new();
    let scratch = Scratch::new(&bed).await;
    let (dead, live) = (free_port(), scratch.port);
    bed.set(
        "DATABASE__URL",
        &format!(
            "host=127.0.0.1,127.0.0.1 port={dead},{live} user=owner password={OWNER_PASSWORD} dbname=company \
             target_session_attrs=read-write sslmode=disable"
        ),
    );
    assert_eq!(bed.run(&["migrate"]).await.code, Some(0));
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&["--with-worker"]).await;
    let demo = Client::demo(serving.gateway);
    demo.processed(&demo.order("").await).await;
    assert_eq!(serving.stop().await.code, Some(0));

    // A key file of another installation would lock the others out: refused, and done when it is asked for.
    let keys = bed.data_dir().join("keys");
    std::fs::write(&keys, format!("1 {}\n", "ab".repeat(32))).unwrap();
    for arguments in [["migrate"], ["worker"], ["serve"]] {
        let refused = bed.run(&arguments).await;
        assert!(refused.told().contains("--renew-roles"), "{refused:?}");
    }
    assert_eq!(bed.run(&["migrate", "--renew-roles"]).await.code, Some(0));
    let doctor = bed.run(&["doctor", "--json"]).await;
    assert!(doctor.json()["findings"].to_string().contains("does not open"), "{doctor:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_may_look_and_migrate_at_the_same_time() {
    let bed = Bed::new();
    let scratch = Scratch::new(&bed).await;
    let keys = Keyring::parse(&Keyring::generate().unwrap()).unwrap();
    for round in 0..2 {
        let name = format!("fresh_{round}");
        scratch.database(&name).await;
        let settings = settings(&scratch, &name, &keys);
        let mut all = tokio::task::JoinSet::new();
        for number in 0..12 {
            let settings = settings.clone();
            all.spawn(async move {
                match number % 3 {
                    0 => migrate(&settings).await.map(|report| report.0),
                    _ => pending_migrations(&settings).await,
                }
            });
        }
        let mut ran = 0;
        for outcome in all.join_all().await {
            ran += outcome.unwrap_or_else(|error| panic!("round {round}: {error}")).len();
        }
        assert!(ran >= 9, "{ran}");
        assert_eq!(pending_migrations(&settings).await.unwrap(), Vec::<String>::new());
    }
}

/// A migration that was cut off after the catalogue's part: the history of one schema is not taken for another's.
#[tokio::test(flavor = "multi_thread")]
async fn a_half_migrated_database_is_migrated_to_its_end() {
    let mut bed = Bed::new();
    let scratch = Scratch::new(&bed).await;
    bed.set("DATABASE__URL", &scratch.url("company"));
    assert_eq!(bed.run(&["migrate"]).await.code, Some(0));
    let owner = scratch.owner("company").await;
    owner.batch_execute("drop schema live, test cascade; create schema live").await.unwrap();
    std::fs::remove_file(bed.data_dir().join("keys")).unwrap();
    let keys = Keyring::parse(&Keyring::generate().unwrap()).unwrap();
    let pending = pending_migrations(&settings(&scratch, "company", &keys)).await.unwrap();
    assert!(pending.first().is_some_and(|first| first.starts_with("live 0001")), "{pending:?}");
    assert!(pending.len() >= 8 && pending.is_sorted(), "{pending:?}");
    let histories = "select count(*) from pg_class where relname = '__diesel_schema_migrations'";
    let there = owner.query_one(histories, &[]).await.unwrap().get::<_, i64>(0);
    assert_eq!(there, 1, "looking made a history, which collides with a migration elsewhere");
    let migrated = bed.json(&["migrate"]).await;
    assert_eq!(migrated["migrations"].as_array().unwrap().len(), pending.len());
    bed.json(&["demo", "load"]).await;
}

/// Where nobody takes connections out of the queue, a host that is frozen looks so from outside.
fn frozen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_host_before_the_primary_keeps_nobody_and_the_doctor_names_it() {
    let mut bed = Bed::new();
    let scratch = Scratch::new(&bed).await;
    bed.set("DATABASE__URL", &scratch.url("company"));
    bed.json(&["migrate"]).await;
    bed.json(&["demo", "load"]).await;
    let (_listener, port) = frozen();
    let hosts = scratch.url("company").replace("@127.0.0.1:", &format!("@127.0.0.1:{port},127.0.0.1:"));
    bed.set("DATABASE__URL", &hosts);

    let serving = bed.serve(&["--with-worker"]).await;
    let demo = Client::demo(serving.gateway);
    demo.processed(&demo.order("").await).await;
    let asked = Instant::now();
    let doctor = bed.run(&["doctor", "--json"]).await;
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    let findings = doctor.json()["findings"].to_string();
    let silent = format!("127.0.0.1:{port} can't be reached: it does not answer");
    assert!(doctor.code == Some(1) && findings.contains(&silent), "{findings}");
    assert!(findings.contains("takes writes") && !findings.contains("renew-roles"), "{findings}");
    assert_eq!(serving.stop().await.code, Some(0));
}
