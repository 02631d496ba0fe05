//! A PostgreSQL that is not Vartai's own: on TCP, with passwords, and an owner who is no superuser.

use std::{
    fs::{self, File, Permissions},
    io::Write,
    net::{Ipv4Addr, TcpListener},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
};

use tokio_postgres::{Client, Config, NoTls};

use super::bed::{Bed, postmaster, signal};
use crate::support::until;

/// The owner's password. Nothing may ever show it.
pub const OWNER_PASSWORD: &str = "oWnEr-hunter2";
const SUPERUSER_PASSWORD: &str = "sUpEr-hunter2";

/// A PostgreSQL server in a test's directory. The directory takes it along.
pub struct Scratch {
    pgdata: PathBuf,
    pub port: u16,
    /// In which its errors are, if not in English.
    language: Option<&'static str>,
    server: Mutex<Option<Child>>,
}

impl Scratch {
    /// A server with the role `owner` and its empty database `company`.
    pub async fn new(bed: &Bed) -> Self {
        Self::speaking(bed, None).await
    }

    /// The same, whose errors are in another language. Nothing in its settings says so: the environment does.
    pub async fn speaking(bed: &Bed, language: Option<&'static str>) -> Self {
        // Where only the server's user can write: initdb insists.
        let dir = bed.dir.join("scratch");
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, Permissions::from_mode(0o755)).unwrap();
        if let Some((uid, gid)) = service() {
            chown(&dir, Some(uid), Some(gid)).unwrap();
        }
        let this = Self { pgdata: dir.join("pg"), port: free_port(), language, server: Mutex::default() };
        let password = dir.join("password");
        fs::write(&password, SUPERUSER_PASSWORD).unwrap();
        fs::set_permissions(&password, Permissions::from_mode(0o644)).unwrap();
        let mut initdb = this.program("initdb", &dir);
        initdb.arg("-D").arg(&this.pgdata).arg(format!("--pwfile={}", password.display()));
        initdb.args(["-U", "postgres", "--auth=scram-sha-256", "-N", "-E", "UTF8", "--locale=C"]);
        assert!(initdb.status().unwrap().success(), "{}", fs::read_to_string(dir.join("log")).unwrap());
        if language.is_some() {
            let mut settings = File::options().append(true).open(this.pgdata.join("postgresql.conf")).unwrap();
            // Not `C`, with which the environment counts for nothing.
            writeln!(settings, "lc_messages = 'C.UTF-8'").unwrap();
        }
        this.start().await;
        let superuser = this.superuser().await;
        // This statement is the administrator's: it is none of Vartai's doing that it holds a password.
        superuser.batch_execute("set log_statement = none").await.unwrap();
        let owner = format!("create role owner login createdb createrole password '{OWNER_PASSWORD}'");
        superuser.batch_execute(&owner).await.unwrap();
        this.database("company").await;
        this
    }

    /// A program of PostgreSQL's, as a user that PostgreSQL takes.
    fn program(&self, name: &str, dir: &Path) -> Command {
        self.command(&programs().join(name), dir)
    }

    fn command(&self, program: &Path, dir: &Path) -> Command {
        let mut command = Command::new(program);
        let log = || File::options().create(true).append(true).open(dir.join("log")).unwrap();
        command.current_dir(dir).stdin(Stdio::null()).stdout(log()).stderr(log());
        if let Some((uid, gid)) = service() {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Starts it, and waits until it takes connections.
    pub async fn start(&self) {
        let dir = self.pgdata.parent().unwrap();
        let mut server = self.program("postgres", dir);
        server.arg("-D").arg(&self.pgdata).arg("-p").arg(self.port.to_string());
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "ssl=off",
            "max_connections=200",
            // As talkative as it can be: what must not be in its log must not be sent to it.
            "log_statement=all",
            "log_parameter_max_length=-1",
            "log_parameter_max_length_on_error=-1",
        ] {
            server.arg("-c").arg(setting);
        }
        if let Some(language) = self.language {
            server.env("LANGUAGE", language);
        }
        *self.server.lock().unwrap() = Some(server.spawn().unwrap());
        until("PostgreSQL takes connections", async || {
            let ended = self.server.lock().unwrap().as_mut().and_then(|server| server.try_wait().unwrap());
            assert!(ended.is_none(), "{ended:?}: {}", self.log().lines().rev().take(20).collect::<Vec<_>>().join("\n"));
            self.connect("postgres", "postgres").await.is_ok()
        })
        .await;
    }

    /// Stops it as the machine's shutdown does.
    pub async fn stop(&self) {
        let mut server = self.server.lock().unwrap().take().unwrap();
        assert_eq!(postmaster(&self.pgdata), Some(server.id()));
        signal("INT", server.id());
        until("PostgreSQL is gone", async || server.try_wait().unwrap().is_some()).await;
    }

    /// Runs commands of a shell that all succeed, as the server's administrator.
    pub fn administer(&self, commands: &str) {
        let dir = self.pgdata.parent().unwrap();
        let mut shell = self.command(Path::new("/bin/sh"), dir);
        let path = format!("{}:/usr/bin:/bin", programs().display());
        shell.args(["-euc", commands]).env("PATH", path).env("PGDATA", &self.pgdata).env("PGHOST", "127.0.0.1");
        shell.env("PGPORT", self.port.to_string()).env("PGUSER", "postgres").env("PGPASSWORD", SUPERUSER_PASSWORD);
        assert!(shell.status().unwrap().success(), "{commands}: {}", self.log());
    }

    /// Its directory, in which its user may write.
    pub fn dir(&self) -> &Path {
        self.pgdata.parent().unwrap()
    }

    async fn connect(&self, user: &str, database: &str) -> Result<Client, tokio_postgres::Error> {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user(user).dbname(database);
        config.password(if user == "owner" { OWNER_PASSWORD } else { SUPERUSER_PASSWORD });
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    async fn superuser(&self) -> Client {
        self.connect("postgres", "postgres").await.unwrap()
    }

    /// Another empty database of the owner's.
    pub async fn database(&self, name: &str) {
        self.superuser().await.batch_execute(&format!("create database {name} owner owner")).await.unwrap();
    }

    /// A session of the owner's.
    pub async fn owner(&self, database: &str) -> Client {
        self.connect("owner", database).await.unwrap()
    }

    /// How the owner connects to a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://owner:{OWNER_PASSWORD}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// All that it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.pgdata.parent().unwrap().join("log")).unwrap()
    }
}

/// A port that nobody listens at.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Whom a server of root's runs as: PostgreSQL refuses root.
fn service() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let line = passwd.lines().find(|line| line.starts_with("postgres:")).unwrap();
    let ids: Vec<u32> = line.split(':').skip(2).take(2).map(|id| id.parse().unwrap()).collect();
    Some((ids[0], ids[1]))
}

/// Where PostgreSQL's programs are: where `vartai` finds them, too.
fn programs() -> PathBuf {
    let debian =
        fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let named = std::env::var_os("VARTAI_PG_BIN").map(PathBuf::from);
    let places = named.into_iter().chain(debian).chain(std::env::split_paths(&path));
    places.into_iter().find(|dir| dir.join("initdb").is_file()).unwrap()
}
