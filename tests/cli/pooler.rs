//! A pooler between the program and its database.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
};

use super::{
    bed::{Bed, signal},
    scratch::{OWNER_PASSWORD, Scratch, free_port},
};
use crate::support::until;

/// A PgBouncer before a server, which ends with the value.
struct PgBouncer {
    port: u16,
    pidfile: PathBuf,
}

impl PgBouncer {
    async fn before(scratch: &Scratch, pool_mode: &str) -> Self {
        let port = free_port();
        let dir = scratch.dir();
        let (file, pidfile) = (dir.join(format!("{pool_mode}.ini")), dir.join(format!("{pool_mode}.pid")));
        let server = scratch.url("company");
        let server = server.split_once("@127.0.0.1:").unwrap().1.split_once('/').unwrap().0;
        let settings = format!(
            "[databases]\ncompany = host=127.0.0.1 port={server} user=owner password={OWNER_PASSWORD}\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = {pool_mode}\nlogfile = {log}\npidfile = {pid}\n",
            log = dir.join("pgbouncer.log").display(),
            pid = pidfile.display(),
        );
        fs::write(&file, settings).unwrap();
        scratch.administer(&format!("/usr/sbin/pgbouncer -q -d {}", file.display()));
        let pooler = Self { port, pidfile };
        until("PgBouncer takes connections", async || TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
        pooler
    }

    fn url(&self) -> String {
        format!("postgres://owner@127.0.0.1:{}/company?sslmode=disable", self.port)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        if let Ok(pid) = fs::read_to_string(&self.pidfile) {
            signal("TERM", pid.trim().parse().unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_shares_sessions_is_refused_and_one_by_session_is_not() {
    if !Path::new("/usr/sbin/pgbouncer").exists() {
        eprintln!("SKIPPED: there is no PgBouncer (apt-get install pgbouncer)");
        return;
    }
    let mut bed = Bed::new();
    let scratch = Scratch::new(&bed).await;
    for mode in ["transaction", "statement"] {
        let pooler = PgBouncer::before(&scratch, mode).await;
        bed.set("DATABASE__URL", &pooler.url());
        for command in [&["migrate"][..], &["serve"], &["worker"]] {
            let refused = bed.run(command).await;
            assert_eq!(refused.code, Some(1), "{mode}: {refused:?}");
            assert!(refused.stderr.contains("a pooler that shares sessions"), "{mode} {command:?}: {refused:?}");
        }
    }
    let pooler = PgBouncer::before(&scratch, "session").await;
    bed.set("DATABASE__URL", &pooler.url());
    let migrated = bed.run(&["migrate"]).await;
    assert!(!migrated.stderr.contains("pooler"), "{migrated:?}");
}
