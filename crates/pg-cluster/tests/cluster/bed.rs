//! A data directory per test, other processes as members, and the cleaning up.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use pg_cluster::{Cluster, Durability, Left, Settings};
use tokio_postgres::{Client, Config, NoTls};

/// The data directory of a process that is to be a member, not a test.
const MEMBER_OF: &str = "VARTAI_TEST_MEMBER_OF";
/// The test that such a process runs: it looks for [`MEMBER_OF`] first.
pub const MEMBER_TEST: &str = "members::a_killed_member_leaves_the_server_running_for_the_next";

/// A test's own directory, which any user may pass through. Dropping it ends the server and removes everything.
pub struct Bed {
    pub dir: PathBuf,
}

impl Bed {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let shm = Path::new("/dev/shm");
        let base = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = base.join(format!("vartai-pg-{}-{number}", std::process::id()));
        fs::create_dir(&dir).unwrap();
        fs::set_permissions(&dir, Permissions::from_mode(0o755)).unwrap();
        Self { dir }
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.join("var")
    }

    pub fn settings(&self) -> Settings {
        let durability = Durability::Throwaway;
        Settings { durability, patience: Duration::from_secs(60), ..Settings::new(self.data_dir()) }
    }

    pub async fn join(&self) -> Cluster {
        Cluster::join(&self.settings()).await.unwrap()
    }

    /// The process id in postmaster.pid, if that process is a server.
    pub fn postmaster(&self) -> Option<u32> {
        postmaster(&self.data_dir())
    }

    /// Whether a lock is there, and nobody holds it exclusively. Whoever wants it meanwhile tries again.
    pub fn is_free(&self, lock: &str) -> bool {
        fs::File::open(self.data_dir().join(lock)).is_ok_and(|file| file.try_lock_shared().is_ok())
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.data_dir().join("postgres.log")).unwrap_or_default()
    }
}

fn postmaster(data_dir: &Path) -> Option<u32> {
    let text = fs::read_to_string(data_dir.join("pg/postmaster.pid")).ok()?;
    let pid = text.lines().next()?.parse().ok()?;
    let command_line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    String::from_utf8_lossy(&command_line).contains("postgres").then_some(pid)
}

impl Drop for Bed {
    fn drop(&mut self) {
        // A process that was killed while making or starting the cluster may have left some of that running.
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.dir.exists() && Instant::now() < deadline {
            for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
                if let Some(pid) = postmaster(&entry.path()) {
                    signal("QUIT", pid);
                    let gone = Instant::now() + Duration::from_secs(10);
                    while postmaster(&entry.path()).is_some() && Instant::now() < gone {
                        std::thread::yield_now();
                    }
                }
            }
            fs::remove_dir_all(&self.dir).ok();
        }
    }
}

pub fn signal(name: &str, pid: u32) {
    Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status().unwrap();
}

/// Waits for a condition.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within 30 s");
        tokio::task::yield_now().await;
    }
}

pub fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

pub async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

pub async fn setting(client: &Client, name: &str) -> String {
    client.query_one("SELECT current_setting($1)", &[&name]).await.unwrap().get(0)
}

/// Another process that is a member.
pub struct Member {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Member {
    /// Has another process join, and does not wait for it. `uid` is for root to say.
    pub fn spawn(bed: &Bed, uid: Option<u32>) -> Self {
        let mut command = Command::new(Self::program(bed));
        if let Some(uid) = uid {
            command.uid(uid).gid(uid);
        }
        Self::start(bed, command)
    }

    /// The same in namespaces of its own: what `unshare` is told, and what a shell does there before.
    pub fn spawn_apart(bed: &Bed, namespaces: &[&str], prepare: &str) -> Self {
        let mut command = Command::new("unshare");
        command.args(namespaces).args(["sh", "-ec", &format!("{prepare}\nexec \"$0\" \"$@\"")]);
        command.arg(Self::program(bed));
        Self::start(bed, command)
    }

    fn program(bed: &Bed) -> PathBuf {
        // Where another user can read it.
        let program = bed.dir.join("member");
        if !program.exists() {
            // Not by ourselves: a child of another test's thread could still hold the copy open for writing, and a
            // program that is being written cannot be run.
            let copied = Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&program).status().unwrap();
            assert!(copied.success());
            fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        }
        program
    }

    fn start(bed: &Bed, mut command: Command) -> Self {
        command.args([MEMBER_TEST, "--exact", "--nocapture"]).env(MEMBER_OF, bed.data_dir()).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// Waits until it has joined; true if it started the server.
    pub fn joined(&mut self) -> bool {
        self.answer("joined ") == "true"
    }

    /// Tells it to leave, and leaves its namespace to itself; what became of the server.
    pub fn tell_to_leave(&mut self) -> String {
        drop(self.child.stdin.take());
        self.answer("left ")
    }

    /// Waits until it could not join; why.
    pub fn refused(mut self) -> String {
        self.answer("refused ")
    }

    /// Tells it to leave; what became of the server.
    pub fn leave(mut self) -> String {
        drop(self.child.stdin.take());
        self.answer("left ")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it with no chance to leave.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn answer(&mut self, prefix: &str) -> String {
        let mut seen = String::new();
        while self.output.read_line(&mut seen).unwrap() > 0 {
            if let Some((_, answer)) = seen.rsplit_once(prefix) {
                return answer.trim().to_owned();
            }
        }
        panic!("the member ended without {prefix:?}: {seen}");
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// In a process that [`Member::spawn`] made: joins, says so, waits until its standard input ends, leaves. False in any
/// other process.
pub async fn acted_as_member() -> bool {
    let Some(data_dir) = std::env::var_os(MEMBER_OF) else { return false };
    let durability = Durability::Throwaway;
    let settings = Settings { durability, patience: Duration::from_secs(60), ..Settings::new(data_dir) };
    let cluster = match Cluster::join(&settings).await {
        Ok(cluster) => cluster,
        Err(error) => {
            say(&format!("refused {error}\n"));
            return true;
        }
    };
    say(&format!("joined {}\n", cluster.started_here()));
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    let left: Left = cluster.leave().await.unwrap();
    say(&format!("left {left:?}\n"));
    true
}

fn say(line: &str) {
    let mut out = std::io::stdout();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).unwrap();
}
