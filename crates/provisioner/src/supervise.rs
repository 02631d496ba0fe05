//! The process that a hook runs under: `vartai hook-exec`, a child of the worker and the parent of the hook.
//!
//! It is there because of what only a parent of one hook alone can do. It is the hook's subreaper, so whatever the hook
//! leaves behind, daemons of their own sessions too, becomes its child: all of its descendants are the hook's, and no
//! other's. It outlives a worker that is killed, notices it, and ends the hook. And it sets on itself, before there is
//! a hook, what the hook inherits: its session, `umask`, limits and working directory.
//!
//! Standard input is a socket to the worker. A line comes in, the hook's document; after it a byte, or the end, says
//! that the hook is to end. A line goes out, how it ended ([`Ended`]). Standard output and error are the hook's own.

mod limits;
mod tree;

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File},
    io::{self, Seek, Write},
    os::{
        fd::AsFd,
        unix::{fs::DirBuilderExt, net, process::ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{ExitCode, ExitStatus, Stdio},
    time::Duration,
};

use rustix::{
    fs::{MemfdFlags, memfd_create, statvfs},
    process::{Resource, Rlimit, getpid, set_child_subreaper, setrlimit, setsid, umask},
    stdio::{dup2_stderr, dup2_stdin, dup2_stdout},
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixStream, unix::OwnedReadHalf},
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
    time::{self, Instant},
};

use crate::driver::Limits;
use limits::Watch;

/// A disk with less room than this, in bytes, is full.
const LEAST_ROOM: u64 = 64 * 1024;

/// How a hook ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// By what.
    pub by: By,
    /// What it had too much of, if that is why it was killed.
    pub over: Option<Over>,
    /// How many processes it left behind; they were killed.
    pub left: usize,
}

/// What ended a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Itself, with this exit code.
    Code(i32),
    /// A signal.
    Signal(i32),
    /// It could not be started, for this reason.
    Refused(String),
}

/// What a hook can have too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// Memory, of all its processes together.
    Memory,
    /// Processes.
    Processes,
    /// Room where it works: there is none left, and it did not succeed.
    Disk,
}

/// What the command line says.
struct Orders {
    hook: PathBuf,
    operation: OsString,
    directories: PathBuf,
    watch: Watch,
    grace: Duration,
}

/// Runs a hook: `HOOK OPERATION DIRECTORY MEMORY_MB PROCESSES GRACE_MS`. Its working directory is made in `DIRECTORY`.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let Some(orders) = Orders::read(arguments) else { return ExitCode::from(2) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(run(&orders))) {
        Ok(()) => ExitCode::SUCCESS,
        // The worker sees that nobody told it how the hook ended.
        Err(_) => ExitCode::FAILURE,
    }
}

impl Orders {
    fn read(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let (hook, operation, directories) = (arguments.next()?, arguments.next()?, arguments.next()?);
        let mut number = || arguments.next()?.to_str()?.parse().ok();
        let watch = Watch::new(number()?, usize::try_from(number()?).ok()?);
        let grace = Duration::from_millis(number()?);
        Some(Self { hook: hook.into(), operation, directories: directories.into(), watch, grace })
    }
}

/// The command line of [`main`].
#[must_use]
pub fn arguments(hook: &Path, operation: &str, directories: &Path, limits: Limits) -> [OsString; 6] {
    let Limits { memory_mb, processes, grace } = limits;
    let number = |number: u64| OsString::from(number.to_string());
    let grace = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
    [hook.into(), operation.into(), directories.into(), number(memory_mb), number(processes), number(grace)]
}

async fn run(orders: &Orders) -> io::Result<()> {
    // Handled and not ignored: what is ignored would be ignored by the hook, too. A worker that is told to stop waits
    // for its hooks; whoever tells all of its processes at once tells this one for nothing.
    let _handled = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?];
    setsid()?;
    set_child_subreaper(Some(getpid()))?;
    umask(rustix::fs::Mode::from_raw_mode(0o077));
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    let socket = net::UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.set_nonblocking(true)?;
    let (from_worker, mut to_worker) = UnixStream::from_std(socket)?.into_split();
    let mut from_worker = BufReader::new(from_worker);
    let mut document = Vec::new();
    from_worker.read_until(b'\n', &mut document).await?;
    let ended = match Directory::new(&orders.directories) {
        Err(error) if is_full(&error) => Ended { over: Some(Over::Disk), ..refused(error.to_string()) },
        // Whose directory it is, is staff's to set right.
        Err(error) => refused(format!(
            "no working directory can be made in {}: {error}; name another with work_dir, or TMPDIR",
            orders.directories.display()
        )),
        Ok(directory) => attempt(orders, directory, &document, &mut from_worker).await?,
    };
    let mut line = serde_json::to_vec(&ended)?;
    line.push(b'\n');
    to_worker.write_all(&line).await
}

fn refused(why: String) -> Ended {
    Ended { by: By::Refused(why), over: None, left: 0 }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Has the hook run in its directory, which is gone after that with all that is in it.
async fn attempt(
    orders: &Orders,
    directory: Directory,
    document: &[u8],
    worker: &mut BufReader<OwnedReadHalf>,
) -> io::Result<Ended> {
    let mut ended = match start(orders, &directory, document) {
        Ok(hook) => attend(orders, hook, worker).await?,
        Err(error) => refused(error.to_string()),
    };
    if ended.over.is_none() && !matches!(ended.by, By::Code(0 | 10)) && directory.is_full() {
        ended.over = Some(Over::Disk);
    }
    Ok(ended)
}

/// A hook's working directory; removed with all that the hook put there.
struct Directory(PathBuf);

impl Directory {
    fn new(under: &Path) -> io::Result<Self> {
        let random = getrandom::u64().map_err(io::Error::other)?;
        let path = under.join(format!("vartai-hook-{random:016x}"));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Whether there is no room left for anything.
    fn is_full(&self) -> bool {
        statvfs(&self.0)
            .is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < LEAST_ROOM || disk.f_favail == 0)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What can't be removed is the temporary directory's to clean.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Starts the hook. The document is in memory, and the hook reads it as a file: so no one waits for it to be read.
fn start(orders: &Orders, directory: &Directory, document: &[u8]) -> io::Result<Child> {
    let mut stdin = File::from(memfd_create("vartai-hook", MemfdFlags::CLOEXEC)?);
    stdin.write_all(document)?;
    stdin.rewind()?;
    let hook = Command::new(&orders.hook)
        .arg(&orders.operation)
        .current_dir(&directory.0)
        .stdin(Stdio::from(stdin))
        .stdout(Stdio::inherit())
        .stderr(Stdio::inherit())
        .spawn()?;
    // Only the hook holds its output from here on; the socket has a number of its own.
    let nowhere = File::options().read(true).write(true).open("/dev/null")?;
    dup2_stdout(&nowhere)?;
    dup2_stderr(&nowhere)?;
    dup2_stdin(&nowhere)?;
    Ok(hook)
}

/// Waits for the hook's end, or brings it about.
async fn attend(orders: &Orders, mut hook: Child, worker: &mut BufReader<OwnedReadHalf>) -> io::Result<Ended> {
    let mut over = None;
    let mut kill_at: Option<Instant> = None;
    let mut pace = time::interval(Watch::PACE);
    let status = loop {
        tokio::select! {
            status = hook.wait() => break status?,
            // A byte, the end or an error: in any case nobody wants it any more.
            _ = worker.read_u8(), if kill_at.is_none() => {
                tree::terminate();
                kill_at = Some(Instant::now() + orders.grace);
            }
            _ = pace.tick() => {
                over = over.or_else(|| orders.watch.exceeded());
                if over.is_some() || kill_at.is_some_and(|at| at <= Instant::now()) {
                    tree::kill();
                }
            }
        }
    };
    let left = tree::sweep().await;
    Ok(Ended { by: by(status), over, left })
}

fn by(status: ExitStatus) -> By {
    match (status.code(), status.signal()) {
        (Some(code), _) => By::Code(code),
        (None, Some(signal)) => By::Signal(signal),
        (None, None) => By::Signal(0),
    }
}
