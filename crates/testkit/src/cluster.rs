//! The cluster that all tests of a user share.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

use pg_cluster::{Cluster, ClusterError, Durability, Left, Settings};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, Config, NoTls};

use crate::watcher;

/// The realms' roles are named after it.
pub(crate) const ROLE_PREFIX: &str = "vartai";
/// Room that the memory file system must have, in KiB: for some dozens of databases and their log.
const ENOUGH_KIB: u64 = 1 << 20;

/// What became of the cluster when it was to be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// There was none.
    WasNot,
    /// It is stopped; its files stay for the next start.
    Stopped,
    /// Tests are still running on it: it stops by itself when they are gone.
    InUse,
}

/// Where the cluster is: in memory, if there is enough of it. Each user has one of their own.
#[must_use]
pub fn data_dir() -> PathBuf {
    let uid = fs::metadata("/proc/self").unwrap().uid();
    let name = format!("vartai-test-{uid}");
    let memory = Path::new("/dev/shm").join(&name);
    // One that is there is used, however little room is left: all processes must find the same.
    if memory.is_dir() || free_kib("/dev/shm").is_some_and(|free| free >= ENOUGH_KIB) {
        return memory;
    }
    std::env::temp_dir().join(name)
}

/// Free room that this user can write to.
fn free_kib(dir: &str) -> Option<u64> {
    let probe = Path::new(dir).join(format!(".vartai-probe-{}", std::process::id()));
    fs::write(&probe, "").ok()?;
    // Another test of this process may have removed it already.
    fs::remove_file(&probe).ok();
    let output = Command::new("df").args(["-Pk", dir]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()
}

fn settings() -> Settings {
    Settings {
        durability: Durability::Throwaway,
        database: "postgres".to_owned(),
        roles: store::db::roles(ROLE_PREFIX),
        stay: true,
        max_connections: 400,
        ..Settings::new(data_dir())
    }
}

/// How to connect to a database of the cluster, as its owner. The first call of a process joins the cluster; the
/// process stays a member until it ends, however it ends.
pub(crate) async fn config(database: &str) -> Config {
    static MEMBERSHIP: OnceCell<Cluster> = OnceCell::const_new();
    let joined = async {
        let cluster = Cluster::join(&settings()).await.unwrap_or_else(|error| panic!("{error}"));
        watcher::post(&data_dir());
        crate::template::sweep(&cluster.config()).await;
        cluster
    };
    let mut config = MEMBERSHIP.get_or_init(async || joined.await).await.config();
    config.dbname(database);
    config
}

/// A session, driven by the runtime of the caller.
pub(crate) async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Stops the cluster unless tests are running on it.
///
/// # Errors
/// [`ClusterError`].
pub async fn stop() -> Result<Gone, ClusterError> {
    if !data_dir().join("pg/postmaster.pid").exists() {
        return Ok(Gone::WasNot);
    }
    let cluster = Cluster::join(&Settings { stay: false, ..settings() }).await?;
    Ok(match cluster.leave().await? {
        Left::OthersRemain | Left::RunsElsewhere => Gone::InUse,
        Left::Stopped | Left::KeptRunning => Gone::Stopped,
    })
}
