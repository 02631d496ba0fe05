//! The postmaster: starting it, stopping it.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use crate::conf;
use crate::deadline::Deadline;
use crate::error::{ClusterError, FileContext};
use crate::layout::Layout;
use crate::liveness::{self, GUARDED};
use crate::locks::ServerLock;
use crate::process::{self, Log};
use crate::programs::Programs;
use crate::session;
use crate::settings::Settings;

/// What becomes of the files with which PostgreSQL itself keeps a second server away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guards {
    /// They are taken for what a dead server left, which the lock has proved.
    Overruled,
    /// They decide.
    InForce,
}

/// Starts the server, without waiting for it. It keeps the lock for as long as it lives.
///
/// It gets a process group of its own: Ctrl-C in our terminal is not meant for it. Its output goes to the log, never
/// to pipes of ours.
pub(crate) fn start(
    layout: &Layout,
    programs: &Programs,
    settings: &Settings,
    (lock, guards): (ServerLock, Guards),
    log: &Log,
) -> Result<Child, ClusterError> {
    layout.make_socket_dir()?;
    let conf = conf::write(layout, settings)?;
    let mut config_file = std::ffi::OsString::from("config_file=");
    config_file.push(conf);
    let mut command = process::command(&programs.path("postgres"), &layout.identity);
    command.arg("-D").arg(layout.pgdata()).arg("-c").arg(config_file).args(["-c", GUARDED]);
    command.process_group(0).stdin(lock.pass_on()).stdout(log.writer()?).stderr(log.writer()?);
    if guards == Guards::Overruled {
        remove_if_there(&layout.socket_guard())?;
        if let Some(stale) = liveness::recorded(layout) {
            // A stale postmaster.pid whose number another process has now would stop PostgreSQL, unless that process
            // is its grandparent: so it is told.
            command.env("PG_GRANDPARENT_PID", stale.to_string());
        }
    }
    let child = command.spawn().map_err(|error| log.failure("postgres", format!("cannot be run ({error})")))?;
    tracing::info!(pid = child.id(), data_dir = %layout.data_dir.display(), "started PostgreSQL");
    Ok(child)
}

/// Stops the server if it lives, and waits until it is gone; false if that can't be done from here, because it is in a
/// PID namespace that this process doesn't see into. The caller holds the start-stop lock, and may have started it.
///
/// A fast shutdown can hang: on a session that does not react, or for a minute when it falls into the end of a crash
/// recovery. After a quarter of the patience it becomes an immediate one, which loses nothing that was committed
/// durably: the next start recovers.
pub(crate) fn stop(
    layout: &Layout,
    programs: &Programs,
    settings: &Settings,
    child: Option<&mut Child>,
) -> Result<bool, ClusterError> {
    let fast = settings.patience / 4;
    if liveness::lives(layout)? {
        let ours = child.and_then(|child| child.try_wait().is_ok_and(|ended| ended.is_none()).then(|| child.id()));
        let Some(pid) = ours.or_else(|| process_number(layout)) else { return Ok(false) };
        if let Err(error) = stop_within(layout, programs, Shutdown::Fast(pid), fast)
            && liveness::lives(layout)?
        {
            tracing::warn!(%error, "PostgreSQL does not stop: stopping it at once");
            stop_within(layout, programs, Shutdown::Immediate(pid), settings.patience.saturating_sub(fast))?;
        }
    }
    layout.clear_socket_dir();
    Ok(true)
}

/// The number that the postmaster has in our PID namespace. The kernel translates it at the socket; without a socket,
/// postmaster.pid will do if that number is a postmaster of this cluster here.
fn process_number(layout: &Layout) -> Option<u32> {
    session::listener(&layout.socket()).or_else(|| liveness::seen_here(layout))
}

/// A way to have the postmaster of that number end.
#[derive(Debug, Clone, Copy)]
enum Shutdown {
    Fast(u32),
    Immediate(u32),
}

fn stop_within(
    layout: &Layout,
    programs: &Programs,
    shutdown: Shutdown,
    allowed: Duration,
) -> Result<(), ClusterError> {
    let log = Log::mark(layout);
    let deadline = Deadline::after(allowed);
    let (signal, pid) = match shutdown {
        Shutdown::Fast(pid) => ("INT", pid),
        Shutdown::Immediate(pid) => ("QUIT", pid),
    };
    send(layout, programs, signal, pid, allowed)?;
    while liveness::lives(layout)? {
        if !deadline.rest() {
            return Err(log.failure("postgres", format!("did not stop within {} s", deadline.seconds())));
        }
    }
    tracing::info!(?shutdown, data_dir = %layout.data_dir.display(), "stopped PostgreSQL");
    Ok(())
}

/// Sends a signal as the server's user. Not `pg_ctl stop`, which signals the number in postmaster.pid, anyone's in
/// another PID namespace.
pub(crate) fn send(
    layout: &Layout,
    programs: &Programs,
    signal: &str,
    pid: u32,
    allowed: Duration,
) -> Result<(), ClusterError> {
    let mut command = process::command(&programs.path("pg_ctl"), &layout.identity);
    command.args(["kill", signal, &pid.to_string()]);
    // A second, impatient Ctrl-C shall not interrupt it.
    command.process_group(0);
    process::run("pg_ctl", &mut command, &Log::mark(layout), allowed)
}

/// Whether the server's last words were that backends of its predecessor are still about. They go by themselves.
pub(crate) fn predecessor_lingers(log: &Log) -> bool {
    log.tail().contains("pre-existing shared memory block")
}

fn remove_if_there(path: &Path) -> Result<(), ClusterError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).context("remove", path),
        _ => Ok(()),
    }
}
