//! Running PostgreSQL's programs as the server's user, and reading what they say.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::account::Identity;
use crate::deadline::Deadline;
use crate::error::{ClusterError, FileContext};
use crate::layout::Layout;

/// Beyond this many bytes the log is set aside.
const LOG_MAX: u64 = 16 << 20;
/// How many of the log's last bytes and lines an error quotes.
const TAIL_BYTES: u64 = 4096;
const TAIL_LINES: usize = 6;

/// A program to run as the server's user. It inherits nothing: not our environment, where secrets are, nor our working
/// directory, which that user might not be able to enter. The standard library drops root's supplementary groups.
pub(crate) fn command(program: &Path, identity: &Identity) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").env("TZ", "UTC");
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if identity.root {
        command.uid(identity.service.uid).gid(identity.service.gid);
    }
    command
}

/// Waits for a child to end, `None` if it did not in time. Blocks its thread.
pub(crate) fn wait(child: &mut Child, deadline: &Deadline) -> io::Result<Option<std::process::ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if !deadline.rest() {
            return Ok(None);
        }
    }
}

/// The server's log, from where it ended when this was opened: errors quote only what came since.
#[derive(Debug)]
pub(crate) struct Log {
    layout: Layout,
    path: PathBuf,
    since: u64,
}

impl Log {
    /// Opens the log for a look at what follows.
    pub(crate) fn mark(layout: &Layout) -> Self {
        let path = layout.log();
        let since = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        Self { layout: layout.clone(), path, since }
    }

    /// The last lines of all of it, in one.
    pub(crate) fn last_words(layout: &Layout) -> String {
        Self { since: 0, ..Self::mark(layout) }.tail()
    }

    /// Keeps the log bounded, also while the server writes to it: a big one is copied to the side and emptied.
    /// PostgreSQL's own collector would have to make its files itself, as a user who may not write in our directory if
    /// we are root.
    pub(crate) fn bound(layout: &Layout) -> Result<(), ClusterError> {
        let path = layout.log();
        if fs::metadata(&path).is_ok_and(|metadata| metadata.size() > LOG_MAX) {
            set_aside(layout, &path).context("set aside", &path)?;
        }
        Ok(())
    }

    /// A handle for a child to write to.
    pub(crate) fn writer(&self) -> Result<File, ClusterError> {
        let mut options = OpenOptions::new();
        options.append(true).mode(0o600);
        match options.clone().create_new(true).open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                options.open(&self.path).context("open", &self.path)
            }
            made => {
                let file = made.context("make", &self.path)?;
                self.layout.hand_over(&self.path).map(|()| file)
            }
        }
    }

    /// The last lines since the mark, in one.
    pub(crate) fn tail(&self) -> String {
        let bytes = self.read_tail().unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let skipped = lines.len().saturating_sub(TAIL_LINES);
        lines.iter().skip(skipped).copied().collect::<Vec<_>>().join(" | ")
    }

    /// The error of a program that failed.
    pub(crate) fn failure(&self, program: &'static str, outcome: impl Into<String>) -> ClusterError {
        ClusterError::Program { program, outcome: outcome.into(), log: self.path.clone(), tail: self.tail() }
    }

    /// The error of a server that does not answer.
    pub(crate) fn not_ready(&self, deadline: &Deadline, last: String) -> ClusterError {
        ClusterError::NotReady { seconds: deadline.seconds(), last, log: self.path.clone(), tail: self.tail() }
    }

    fn read_tail(&self) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        let length = file.metadata()?.len();
        // One that is shorter than it was has been set aside meanwhile.
        let since = if self.since > length { 0 } else { self.since };
        file.seek(SeekFrom::Start(since.max(length.saturating_sub(TAIL_BYTES))))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Copies the log to the side, then empties it. The server opened it to append, so it goes on at the new end; only what
/// it writes between the last look at the end and the emptying is lost, a moment without a system call of ours in it.
fn set_aside(layout: &Layout, path: &Path) -> io::Result<()> {
    let mut log = OpenOptions::new().read(true).write(true).open(path)?;
    // Another member may be at it: it is in no hurry.
    if log.try_lock().is_err() || log.metadata()?.len() <= LOG_MAX {
        return Ok(());
    }
    let older = path.with_extension("log.1");
    fs::remove_file(&older)
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    let mut copy = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&older)?;
    layout.hand_over(&older).map_err(io::Error::other)?;
    while io::copy(&mut log, &mut copy)? > 0 {}
    log.set_len(0)
}

/// Runs a program to its end, with its output in the log.
pub(crate) fn run(
    name: &'static str,
    command: &mut Command,
    log: &Log,
    patience: Duration,
) -> Result<(), ClusterError> {
    let deadline = Deadline::after(patience);
    command.stdout(log.writer()?).stderr(log.writer()?);
    let mut child = command.spawn().map_err(|error| log.failure(name, format!("cannot be run ({error})")))?;
    let failed = |error: io::Error| log.failure(name, format!("cannot be waited for ({error})"));
    match wait(&mut child, &deadline).map_err(failed)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(log.failure(name, format!("failed ({status})"))),
        None => {
            child.kill().and_then(|()| child.wait()).map_err(failed)?;
            Err(log.failure(name, format!("did not end within {} s and was killed", deadline.seconds())))
        }
    }
}
