//! The migrated database that is copied for each test, and the sweeping of what tests left behind.

use std::{
    fs,
    sync::atomic::{AtomicU32, Ordering},
};

use store::db::{ConnectSettings, RoleAuth};
use tokio_postgres::{Client, Config, error::SqlState};

use crate::cluster::{ROLE_PREFIX, config, connect};

/// Whoever makes a template or sweeps holds this advisory lock of the database `postgres`.
const LOCK: i64 = 8_126_437_190;

/// How to come into a database.
pub(crate) fn connect_settings(owner: Config) -> ConnectSettings {
    ConnectSettings::new(owner, ROLE_PREFIX.to_owned(), RoleAuth::Peer)
}

/// Makes a database of the test's own, and returns its name.
pub(crate) async fn make_database(with_schema: bool) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}_{}", process_tag(), NEXT.fetch_add(1, Ordering::Relaxed));
    let admin = connect(&config("postgres").await).await.unwrap();
    if !with_schema {
        admin.batch_execute(&format!("create database {name}")).await.unwrap();
        return name;
    }
    let template = format!("template_{}", store::db::migrations_fingerprint());
    let copy = format!("create database {name} template {template} strategy file_copy");
    match admin.batch_execute(&copy).await {
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_DATABASE) => {
            make_template(&admin, &template).await;
            admin.batch_execute(&copy).await.unwrap();
        }
        outcome => outcome.unwrap(),
    }
    name
}

/// Migrates a new database and, once it is whole, gives it the template's name.
async fn make_template(admin: &Client, template: &str) {
    admin.batch_execute(&format!("select pg_advisory_lock({LOCK})")).await.unwrap();
    let there = admin.query_opt("select from pg_database where datname = $1", &[&template]).await.unwrap();
    if there.is_none() {
        let new = format!("new_{template}");
        admin.batch_execute(&format!("drop database if exists {new} with (force)")).await.unwrap();
        admin.batch_execute(&format!("create database {new}")).await.unwrap();
        migrate(connect_settings(config(&new).await)).await;
        await_empty(admin, &new).await;
        admin.batch_execute(&format!("alter database {new} rename to {template}")).await.unwrap();
        // Nobody connects to it, not even autovacuum: a database with sessions can't be copied.
        admin
            .batch_execute(&format!("alter database {template} with allow_connections false is_template true"))
            .await
            .unwrap();
    }
    admin.batch_execute(&format!("select pg_advisory_unlock({LOCK})")).await.unwrap();
}

/// Migrates a database. Migrations need a runtime of several threads, which the test's need not be.
pub(crate) async fn migrate(settings: ConnectSettings) {
    let migrated = tokio::task::spawn_blocking(move || {
        tokio::runtime::Runtime::new().unwrap().block_on(store::db::migrate(&settings)).unwrap()
    });
    migrated.await.unwrap();
}

/// Ends the sessions of a database and waits until they are gone.
async fn await_empty(admin: &Client, name: &str) {
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1";
    while !admin.query(end, &[&name]).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

/// Drops a database with whatever is connected to it.
pub(crate) async fn drop_database(admin: &Client, name: &str) -> Result<(), tokio_postgres::Error> {
    // DROP … WITH (FORCE) would look only every 100 ms whether the sessions are gone.
    await_empty(admin, name).await;
    admin.batch_execute(&format!("drop database if exists {name} with (force)")).await
}

/// This process: its number may be given again, but not with the same start.
fn process_tag() -> String {
    let pid = std::process::id();
    format!("{pid}_{}", started(pid).unwrap_or_default())
}

/// When a process started, in clock ticks since the machine did; `None` when it isn't there.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name, in parentheses, and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

fn is_of_living(name: &str) -> bool {
    let mut parts = name.split('_').skip(1);
    let pid: Option<u32> = parts.next().and_then(|pid| pid.parse().ok());
    let start: Option<u64> = parts.next().and_then(|start| start.parse().ok());
    pid.is_some_and(|pid| started(pid) == start)
}

/// Drops the databases of processes that are gone, and templates of other migrations once they are a day old.
pub(crate) async fn sweep(admin: &Config) {
    const LEFT: &str = "select datname, datistemplate from pg_database where datname ~ '^test_' or \
        (datname ~ '^template_[0-9a-f]{16}$' and datname <> $1 and \
         (pg_stat_file('base/' || oid || '/PG_VERSION')).modification < now() - interval '1 day')";
    let admin = connect(admin).await.unwrap();
    let locked = admin.query_one("select pg_try_advisory_lock($1)", &[&LOCK]).await.unwrap();
    if !locked.get::<_, bool>(0) {
        return;
    }
    let template = format!("template_{}", store::db::migrations_fingerprint());
    for row in admin.query(LEFT, &[&template]).await.unwrap() {
        let (name, is_template): (String, bool) = (row.get(0), row.get(1));
        if is_template {
            admin.batch_execute(&format!("alter database {name} with is_template false")).await.unwrap();
        } else if is_of_living(&name) {
            continue;
        }
        drop_database(&admin, &name).await.unwrap();
    }
}
