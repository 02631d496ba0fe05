//! A PostgreSQL server of a test's own, which can die: the one that all tests share must not.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use pg_cluster::{Cluster, Durability, Settings};
use tokio::time;
use tokio_postgres::{Client, Config};

use crate::cluster::{ROLE_PREFIX, config, connect};

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
        let shm = Path::new("/dev/shm");
        let base = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        Self::within(&base).await
    }

    /// One in this directory, as on a disk that may fill up.
    pub async fn within(base: &Path) -> Self {
        Self::with_programs(directory(base), None).await
    }

    /// One whose clock the test sets. `None`, and it says why, where there is no libfaketime.
    pub async fn with_clock() -> Option<Self> {
        let Some(library) = library() else {
            eprintln!("SKIPPED: the server's clock can't be set without libfaketime (apt-get install libfaketime)");
            return None;
        };
        let dir = directory(Path::new("/dev/shm"));
        let bin = programs().await;
        write(&dir.join("clock"), "+0\n", 0o644);
        for program in ["initdb", "pg_ctl"] {
            symlink(Path::new(&bin).join(program), dir.join(program)).unwrap();
        }
        let (clock, library) = (dir.join("clock"), library.display());
        let server = format!(
            "#!/bin/sh\nexport LD_PRELOAD='{library}' FAKETIME_TIMESTAMP_FILE='{}' FAKETIME_NO_CACHE=1 \
             FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_DISABLE_SHM=1\nexec '{bin}/postgres' \"$@\"\n",
            clock.display()
        );
        write(&dir.join("postgres"), &server, 0o755);
        let programs = dir.clone();
        Some(Self::with_programs(dir, Some(programs)).await)
    }

    async fn with_programs(dir: PathBuf, programs: Option<PathBuf>) -> Self {
        let defaults = Settings::new(dir.join("var"));
        let settings = Settings {
            // What it has answered must be there after a crash.
            durability: Durability::Durable,
            database: "company".to_owned(),
            roles: store::db::roles(ROLE_PREFIX),
            programs: programs.or_else(|| defaults.programs.clone()),
            ..defaults
        };
        let cluster = Cluster::join(&settings).await.unwrap_or_else(|error| panic!("{error}"));
        let owner = cluster.config();
        Self { dir, cluster: Some(cluster), owner }
    }

    /// Sets the clock so many seconds off the machine's, of a server [`Self::with_clock`].
    pub fn set_clock(&self, off_by: i64) {
        let new = self.dir.join("clock.new");
        write(&new, &format!("{off_by:+}\n"), 0o644);
        fs::rename(new, self.dir.join("clock")).unwrap();
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

/// A directory that is there for this server alone.
pub(crate) fn directory(base: &Path) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let dir = base.join(format!("vartai-own-{}-{number}", std::process::id()));
    fs::create_dir(&dir).unwrap();
    // The server runs as another user, if this one is root.
    fs::set_permissions(&dir, Permissions::from_mode(0o755)).unwrap();
    dir
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// What tells a program another time, where Debian has it.
fn library() -> Option<PathBuf> {
    let places = fs::read_dir("/usr/lib").ok()?.flatten();
    places.map(|place| place.path().join("faketime/libfaketime.so.1")).find(|library| library.is_file())
}

/// Where the programs of the server are that all tests share.
pub(crate) async fn programs() -> String {
    let shared = connect(&config("postgres").await).await.unwrap();
    shared.query_one("select setting from pg_config where name = 'BINDIR'", &[]).await.unwrap().get(0)
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        drop(self.cluster.take());
        drop(fs::remove_dir_all(&self.dir));
    }
}
