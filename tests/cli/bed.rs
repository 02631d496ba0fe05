//! A directory of a test's own, with everything that runs in it; both are gone when the test ends, however it ends.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use super::process::{Outcome, Running};

/// What directories of tests begin with; then come the process that made it and a number.
const PREFIX: &str = "vartai-cli";

/// A test's directory, which any user may pass through. Dropping it ends what runs in it and removes it.
pub struct Bed {
    pub dir: PathBuf,
    environment: Vec<(String, String)>,
}

impl Bed {
    /// An installation with a private cluster and free ports.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        sweep(&base);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = base.join(format!("{PREFIX}-{}-{number}", std::process::id()));
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, Permissions::from_mode(0o755)).unwrap();
        let data_dir = dir.join("var").display().to_string();
        let bed = Self { dir, environment: Vec::new() };
        bed.with("DATA_DIR", &data_dir).with("HTTP__BIND", "127.0.0.1:0").with("HTTP__ADMIN_BIND", "127.0.0.1:0")
    }

    /// With another setting, `VARTAI_` left out.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// Sets it for whatever starts from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        let name = format!("VARTAI_{name}");
        self.environment.retain(|(set, _)| *set != name);
        self.environment.push((name, value.to_owned()));
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.join("var")
    }

    /// `vartai` with arguments, in this directory and with these settings alone.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(Command::new(env!("CARGO_BIN_EXE_vartai")), arguments)
    }

    /// The same through another program, which is told of `vartai` after `before`.
    pub fn start_through(&self, program: &str, before: &[&str], arguments: &[&str]) -> Running {
        let mut command = Command::new(program);
        command.args(before).arg(env!("CARGO_BIN_EXE_vartai"));
        Running::start(self.command_of(command, arguments))
    }

    /// Without a setting.
    pub fn unset(&mut self, name: &str) {
        let name = format!("VARTAI_{name}");
        self.environment.retain(|(set, _)| *set != name);
    }

    fn command_of(&self, mut command: Command, arguments: &[&str]) -> Command {
        let ours = |name: &str| name.starts_with("VARTAI_") && name != "VARTAI_PG_BIN";
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(ours)) {
            command.env_remove(name);
        }
        let settings = self.environment.iter().map(|(name, value)| (name, value));
        command.args(arguments).envs(settings).current_dir(&self.dir).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts it.
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments))
    }

    /// Runs it to its end.
    pub async fn run(&self, arguments: &[&str]) -> Outcome {
        self.start(arguments).end().await
    }

    /// Runs it with something on stdin.
    pub async fn run_with_stdin(&self, arguments: &[&str], stdin: &str) -> Outcome {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped());
        let mut running = Running::start(command);
        running.write(stdin);
        running.end().await
    }

    /// Runs commands of a shell that all succeed, in this directory, with these settings, and `vartai` on the path.
    pub async fn shell(&self, commands: &str) -> Outcome {
        let vartai = Path::new(env!("CARGO_BIN_EXE_vartai")).parent().unwrap();
        let mut command = self.command(&[]);
        let settings: Vec<_> =
            command.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
        command = Command::new("/bin/sh");
        for (name, value) in settings {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", vartai.display())).args(["-euc", commands]).current_dir(&self.dir);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let outcome = Running::start(command).end().await;
        assert_eq!(outcome.code, Some(0), "{commands}: {outcome:?}");
        outcome
    }

    /// The JSON document of a subcommand that succeeds.
    pub async fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let outcome = self.run(&[arguments, &["--json"]].concat()).await;
        assert_eq!(outcome.code, Some(0), "{arguments:?}: {outcome:?}");
        outcome.json()
    }

    /// `vartai serve` with further arguments, once it says where it is.
    pub async fn serve(&self, arguments: &[&str]) -> Running {
        let mut serving = self.start(&[&["serve"], arguments].concat());
        serving.greeted().await;
        serving
    }

    /// The process of the private cluster's server, if it runs.
    pub fn postmaster(&self) -> Option<u32> {
        postmaster(&self.data_dir().join("pg"))
    }

    /// A session of the private cluster's owner, who may do everything.
    pub async fn owner(&self) -> tokio_postgres::Client {
        let mut config = tokio_postgres::Config::new();
        config.host_path(self.data_dir().join("run")).user("vartai").dbname("vartai");
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        clear(&self.dir);
    }
}

/// The server that has its data in `pgdata`, if it runs.
pub fn postmaster(pgdata: &Path) -> Option<u32> {
    let text = fs::read_to_string(pgdata.join("postmaster.pid")).ok()?;
    let pid = text.lines().next()?.parse().ok()?;
    (fs::read_link(format!("/proc/{pid}/cwd")).ok()? == pgdata).then_some(pid)
}

pub fn signal(name: &str, pid: u32) {
    // It may have ended meanwhile.
    Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).stderr(Stdio::null()).status().unwrap();
}

/// Ends what runs in a directory, and removes it.
fn clear(dir: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while dir.exists() && Instant::now() < deadline {
        for pid in inhabitants(dir) {
            // PostgreSQL gives its shared memory back when it is told to quit at once, but not when it is killed.
            let pgdata = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
            match pgdata.join("PG_VERSION").exists() {
                true if postmaster(&pgdata) == Some(pid) => signal("QUIT", pid),
                true => {}
                false => signal("KILL", pid),
            }
        }
        if inhabitants(dir).is_empty() {
            fs::remove_dir_all(dir).ok();
        }
        std::thread::yield_now();
    }
}

/// The processes that work in a directory. Everything here does: `vartai`, PostgreSQL, the programs that make it.
fn inhabitants(dir: &Path) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|process| process.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(dir))).collect()
}

/// Clears up after tests of this user's that were killed.
fn sweep(base: &Path) {
    let user = fs::metadata("/proc/self").unwrap().uid();
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').nth(1)?.parse::<u32>().ok());
        let ours = entry.metadata().is_ok_and(|metadata| metadata.uid() == user);
        if ours && pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            clear(&entry.path());
        }
    }
}
