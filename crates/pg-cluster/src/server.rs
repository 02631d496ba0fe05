//! The postmaster: whether it runs, starting it, stopping it.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Child;

use crate::conf;
use crate::deadline::Deadline;
use crate::error::{ClusterError, FileContext};
use crate::layout::Layout;
use crate::process::{self, Log};
use crate::programs::Programs;
use crate::settings::Settings;

/// The process id of the running postmaster of this cluster.
///
/// The number in postmaster.pid may be stale, and after a restart of the machine or container it may be anyone's: it
/// counts only if the process has our PGDATA on its command line. (Its working directory would say the same, but root
/// in a container may not be allowed to read that.) A dead process that nobody has waited for has no command line.
pub(crate) fn running(layout: &Layout) -> Option<u32> {
    let pid = recorded(layout)?;
    let command_line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    runs_in(&command_line, &layout.pgdata()).then_some(pid)
}

fn runs_in(command_line: &[u8], pgdata: &Path) -> bool {
    let mut arguments = command_line.split(|byte| *byte == 0);
    arguments.any(|argument| argument == b"-D") && arguments.next() == Some(pgdata.as_os_str().as_bytes())
}

/// The process id in postmaster.pid, whoever has it now.
fn recorded(layout: &Layout) -> Option<u32> {
    fs::read_to_string(layout.pgdata().join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()
}

/// Starts the server, without waiting for it. The caller holds the start-stop lock and has seen that it does not run.
///
/// It gets a process group of its own: Ctrl-C in our terminal is not meant for it. Its output goes to the log, never
/// to pipes of ours.
pub(crate) fn start(
    layout: &Layout,
    programs: &Programs,
    settings: &Settings,
    log: &Log,
) -> Result<Child, ClusterError> {
    layout.make_socket_dir()?;
    remove_if_there(&layout.socket_guard())?;
    let conf = conf::write(layout, settings)?;
    let mut config_file = std::ffi::OsString::from("config_file=");
    config_file.push(conf);
    let mut command = process::command(&programs.path("postgres"), &layout.identity);
    command.arg("-D").arg(layout.pgdata()).arg("-c").arg(config_file);
    command.process_group(0).stdout(log.writer()?).stderr(log.writer()?);
    if let Some(stale) = recorded(layout) {
        // A stale postmaster.pid whose number another process has now would stop PostgreSQL, unless that process is
        // its grandparent: so it is told. Removing the file instead would also remove its guard against backends
        // that outlived their postmaster.
        command.env("PG_GRANDPARENT_PID", stale.to_string());
    }
    let child = command.spawn().map_err(|error| log.failure("postgres", format!("cannot be run ({error})")))?;
    tracing::info!(pid = child.id(), data_dir = %layout.data_dir.display(), "started PostgreSQL");
    Ok(child)
}

/// Stops the server if it runs, and waits until it is gone. The caller holds the start-stop lock.
pub(crate) fn stop(layout: &Layout, programs: &Programs, settings: &Settings) -> Result<(), ClusterError> {
    if running(layout).is_some() {
        let log = Log::mark(layout);
        let deadline = Deadline::after(settings.patience);
        let mut command = process::command(&programs.path("pg_ctl"), &layout.identity);
        command.args(["stop", "--mode=fast", "--wait", "--silent"]);
        command.arg("--timeout").arg(deadline.seconds().to_string()).arg("--pgdata").arg(layout.pgdata());
        // A second, impatient Ctrl-C shall not interrupt the stop.
        command.process_group(0);
        process::run("pg_ctl", &mut command, &log, settings.patience)?;
        while running(layout).is_some() {
            if !deadline.rest() {
                return Err(log.failure("postgres", format!("did not stop within {} s", deadline.seconds())));
            }
        }
        tracing::info!(data_dir = %layout.data_dir.display(), "stopped PostgreSQL");
    }
    layout.clear_socket_dir();
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_postmaster_is_known_by_its_data_directory() {
        let pgdata = Path::new("/srv/vartai/pg");
        assert!(runs_in(b"/usr/bin/postgres\0-D\0/srv/vartai/pg\0-c\0x=y\0", pgdata));
        assert!(!runs_in(b"/usr/bin/postgres\0-D\0/srv/other/pg\0", pgdata));
        assert!(!runs_in(b"/srv/vartai/pg\0-D\0", pgdata));
        assert!(!runs_in(b"", pgdata));
    }
}
