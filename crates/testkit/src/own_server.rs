//! A PostgreSQL server of a test's own, which can die: the one that all tests share must not.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use pg_cluster::{Cluster, Durability, Settings};
use tokio::time;
use tokio_postgres::{Client, Config};

use crate::cluster::{ROLE_PREFIX, connect};

/// What crashed takes connections again within this, on the slowest machine.
const RECOVERY: Duration = Duration::from_secs(60);

/// A server in a directory of its own. Dropping it stops it and removes the directory.
pub struct OwnServer {
    dir: PathBuf,
    cluster: Option<Cluster>,
    owner: Config,
}

impl OwnServer {
    /// Makes one and starts it.
    pub async fn start() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let shm = Path::new("/dev/shm");
        let base = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = base.join(format!("vartai-own-{}-{number}", std::process::id()));
        fs::create_dir(&dir).unwrap();
        // The server runs as another user, if this one is root.
        fs::set_permissions(&dir, Permissions::from_mode(0o755)).unwrap();
        let settings = Settings {
            // What it has answered must be there after a crash.
            durability: Durability::Durable,
            database: "company".to_owned(),
            roles: store::db::roles(ROLE_PREFIX),
            ..Settings::new(dir.join("var"))
        };
        let cluster = Cluster::join(&settings).await.unwrap_or_else(|error| panic!("{error}"));
        let owner = cluster.config();
        Self { dir, cluster: Some(cluster), owner }
    }

    /// How to connect to its one database, as its owner.
    pub(crate) fn config(&self) -> Config {
        self.owner.clone()
    }

    /// Has the server crash and recover: one of its processes is killed, so it ends all others at once and starts over.
    pub async fn crash(&self) {
        let victim = self.session().await;
        let pid: i32 = victim.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
        assert!(Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
        let gone = async {
            while !victim.is_closed() {
                time::sleep(Duration::from_millis(5)).await;
            }
        };
        time::timeout(RECOVERY, gone).await.unwrap();
        self.session().await;
    }

    /// A session of the owner's, once the server takes one.
    pub async fn session(&self) -> Client {
        let connecting = async {
            loop {
                match connect(&self.owner).await {
                    Ok(session) if session.simple_query("").await.is_ok() => return session,
                    Ok(_) | Err(_) => time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        time::timeout(RECOVERY, connecting).await.unwrap()
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        drop(self.cluster.take());
        drop(fs::remove_dir_all(&self.dir));
    }
}
