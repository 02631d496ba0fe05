//! A primary and its standby, with a network between them that can fail.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use tokio::time;
use tokio_postgres::{Client, Config};

use crate::{
    FaultProxy,
    cluster::connect,
    own_server::{directory, programs},
};

/// What was started or promoted takes connections within this, on the slowest machine.
const SOON: Duration = Duration::from_secs(60);

/// Whether the primary's commits wait for the standby.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replication {
    /// A commit is answered once the standby has it.
    Synchronous,
    /// A commit is answered once the primary has it.
    Asynchronous,
}

/// One of the two servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    /// The primary of the beginning.
    First,
    /// Its standby, which may be promoted.
    Second,
}

/// Two servers in a directory of their own. Dropping them ends them and removes the directory.
pub struct Pair {
    dir: PathBuf,
    programs: PathBuf,
    /// The standby receives through it.
    pub link: FaultProxy,
}

impl Pair {
    /// Makes and starts both. The standby has all of the primary once this returns.
    pub async fn start(replication: Replication) -> Self {
        let shm = Path::new("/dev/shm");
        let dir = directory(if shm.is_dir() { shm } else { Path::new("/tmp") });
        let programs = PathBuf::from(programs().await);
        hand_over(&dir);
        let first = dir.join("first");
        run(
            &programs,
            "initdb",
            &["-D", &text(&first), "-U", "vartai", "--auth=trust", "-N", "--locale=C", "-E", "UTF8"],
        );
        let socket = dir.join("first-socket");
        configure(&first, &socket);
        begin(&programs, &first);
        let (link, way) = FaultProxy::before(&at(&[&socket], "postgres")).await;
        // The server's user receives through it.
        let tokio_postgres::config::Host::Unix(proxy) = &way.get_hosts()[0] else { panic!("not a socket") };
        open_to_all(proxy);
        let pair = Self { dir, programs, link };
        pair.session(Member::First, "postgres").await.batch_execute("create database company").await.unwrap();
        pair.follow(proxy);
        if replication == Replication::Synchronous {
            pair.set(Member::First, "synchronous_standby_names", "*").await;
        }
        pair.until_followed().await;
        pair
    }

    /// How to connect to the database of either, whichever is the primary, as its owner.
    #[must_use]
    pub fn owner(&self) -> Config {
        at(&[&self.socket(Member::First), &self.socket(Member::Second)], "company")
    }

    /// How to connect to one of the two.
    #[must_use]
    pub fn owner_of(&self, member: Member) -> Config {
        at(&[&self.socket(member)], "company")
    }

    /// Changes a setting of a running server.
    pub async fn set(&self, member: Member, name: &str, value: &str) {
        let session = self.session(member, "postgres").await;
        session.batch_execute(&format!("alter system set {name} = '{value}'")).await.unwrap();
        session.batch_execute("select pg_reload_conf()").await.unwrap();
        let shown = async {
            while session.query_one(&format!("show {name}"), &[]).await.unwrap().get::<_, String>(0) != value {
                time::sleep(Duration::from_millis(10)).await;
            }
        };
        time::timeout(SOON, shown).await.unwrap();
    }

    /// Kills a server with all its processes, as a failing machine does.
    pub fn kill(&self, member: Member) {
        let pid = fs::read_to_string(self.data(member).join("postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap().to_owned();
        // Stopped first, so that it starts nothing in place of what is killed.
        for (program, arguments) in
            [("kill", ["-STOP", &pid]), ("pkill", ["-KILL", &format!("-P{pid}")]), ("kill", ["-KILL", &pid])]
        {
            assert!(Command::new(program).args(arguments).status().unwrap().success(), "{program} {arguments:?}");
        }
    }

    /// Makes the standby a primary.
    pub fn promote(&self) {
        self.ctl("promote", Member::Second);
    }

    /// A primary that was killed comes back as a standby of nobody and is promoted: its history has the number of the
    /// other's that was promoted meanwhile, and is another.
    pub fn promote_apart(&self, member: Member) {
        let signal = self.data(member).join("standby.signal");
        fs::write(&signal, "").unwrap();
        hand_over(&signal);
        // As on a machine that was started anew: nobody may have waited for the killed process, whose number is known.
        fs::remove_file(self.data(member).join("postmaster.pid")).unwrap();
        fs::remove_file(self.socket(member).join(".s.PGSQL.5432.lock")).unwrap();
        self.restart(member);
        self.ctl("promote", member);
    }

    /// Starts a server that was killed.
    pub fn restart(&self, member: Member) {
        begin(&self.programs, &self.data(member));
    }

    /// A session of the owner's, once the server takes one.
    pub async fn session(&self, member: Member, database: &str) -> Client {
        let config = at(&[&self.socket(member)], database);
        let connecting = async {
            loop {
                match connect(&config).await {
                    Ok(session) if session.simple_query("").await.is_ok() => return session,
                    Ok(_) | Err(_) => time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        time::timeout(SOON, connecting).await.unwrap()
    }

    /// Returns once the standby has all of the primary.
    pub async fn until_followed(&self) {
        let session = self.session(Member::First, "postgres").await;
        let followed = async {
            loop {
                let query = "select exists (select from pg_stat_replication where replay_lsn = pg_current_wal_lsn())";
                if session.query_one(query, &[]).await.unwrap().get(0) {
                    return;
                }
                time::sleep(Duration::from_millis(10)).await;
            }
        };
        time::timeout(SOON, followed).await.unwrap();
    }

    fn follow(&self, through: &Path) {
        let (second, socket) = (self.data(Member::Second), self.socket(Member::First));
        let (socket, target) = (text(&socket), text(&second));
        run(
            &self.programs,
            "pg_basebackup",
            &["-h", &socket, "-U", "vartai", "-D", &target, "-X", "stream", "-c", "fast"],
        );
        configure(&second, &self.socket(Member::Second));
        let conninfo = format!("primary_conninfo = 'host={} user=vartai application_name=second'\n", through.display());
        append(&second, &conninfo);
        fs::write(second.join("standby.signal"), "").unwrap();
        hand_over(&second.join("standby.signal"));
        begin(&self.programs, &second);
    }

    fn ctl(&self, what: &str, member: Member) {
        run(&self.programs, "pg_ctl", &[what, "-D", &text(&self.data(member)), "-w", "-s"]);
    }

    fn data(&self, member: Member) -> PathBuf {
        self.dir.join(member.name())
    }

    fn socket(&self, member: Member) -> PathBuf {
        self.dir.join(format!("{}-socket", member.name()))
    }
}

impl Member {
    const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for member in [Member::First, Member::Second] {
            let data = text(&self.data(member));
            drop(as_server(&self.programs.join("pg_ctl"), &["stop", "-D", &data, "-m", "immediate", "-w", "-s"]));
        }
        drop(fs::remove_dir_all(&self.dir));
    }
}

fn at(sockets: &[&Path], database: &str) -> Config {
    let mut config = Config::new();
    config.user("vartai").dbname(database).port(5432);
    for socket in sockets {
        config.host_path(socket);
    }
    config
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Settings of a server; the last word on each counts.
fn configure(data: &Path, socket: &Path) {
    fs::create_dir_all(socket).unwrap();
    hand_over(socket);
    append(
        data,
        &format!(
            "listen_addresses = ''\nport = 5432\nunix_socket_directories = '{}'\nmax_connections = 200\n\
             shared_buffers = '64MB'\nwal_receiver_status_interval = '1s'\nlogging_collector = off\n",
            socket.display()
        ),
    );
}

fn append(data: &Path, settings: &str) {
    let path = data.join("postgresql.conf");
    let before = fs::read_to_string(&path).unwrap();
    fs::write(&path, before + settings).unwrap();
}

fn begin(programs: &Path, data: &Path) {
    let log = data.with_extension("log");
    let arguments = ["start", "-D", &text(data), "-w", "-s", "-l", &text(&log)];
    let started = as_server(&programs.join("pg_ctl"), &arguments).status.success();
    assert!(started, "{}", fs::read_to_string(&log).unwrap_or_default());
}

fn run(programs: &Path, program: &str, arguments: &[&str]) {
    let done = as_server(&programs.join(program), arguments);
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Runs a program as the server's user: PostgreSQL refuses root.
fn as_server(program: &Path, arguments: &[&str]) -> Output {
    let mut command = match is_root() {
        true => Command::new("runuser"),
        false => Command::new(program),
    };
    if is_root() {
        command.args(["-u", "postgres", "--"]).arg(program);
    }
    // Its output goes to files: a server that is started keeps what it has open.
    command.args(arguments).current_dir("/").stdin(std::process::Stdio::null()).output().unwrap()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn hand_over(path: &Path) {
    if is_root() {
        let postgres = Command::new("id").args(["-u", "postgres"]).output().unwrap();
        let uid: u32 = String::from_utf8(postgres.stdout).unwrap().trim().parse().unwrap();
        chown(path, Some(uid), None).unwrap();
    }
}

fn open_to_all(proxy: &Path) {
    fs::set_permissions(proxy, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(proxy.join(".s.PGSQL.5432"), Permissions::from_mode(0o777)).unwrap();
}
