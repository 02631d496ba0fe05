//! Whether a server of this cluster lives, as every PID, IPC and mount namespace sees it.
//!
//! `postmaster.lock` is held by the server itself: whoever starts it takes the lock and gives it the open file as its
//! standard input, which all its processes inherit. So the lock lives exactly as long as any of them, whatever becomes
//! of the starter. A process number says nothing in another PID namespace, and shared memory, PostgreSQL's own guard
//! against backends that outlived their postmaster, nothing in another IPC namespace.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::ClusterError;
use crate::layout::Layout;
use crate::locks::{ServerLock, StartStop};
use crate::session;

/// Stands on the command line of a server that holds the lock, and so in `postmaster.opts`. A name with a dot is a
/// setting that PostgreSQL itself makes nothing of.
pub(crate) const GUARDED: &str = "vartai.lock=held";

/// What is known of the server. Whoever is to start one gets the lock for it.
pub(crate) enum Liveness {
    /// It lives, or processes of it do.
    Lives,
    /// The last one held the lock, and is gone with all its processes.
    Ended(ServerLock),
    /// The last one never held the lock: an older version or a person started it. It is not to be seen from here.
    Unseen(ServerLock),
}

/// Looks for the server. The caller holds the start-stop lock.
pub(crate) fn look(layout: &Layout, held: &StartStop) -> Result<Liveness, ClusterError> {
    let Some(lock) = ServerLock::take(layout, held)? else { return Ok(Liveness::Lives) };
    if shows_itself(layout) {
        return Ok(Liveness::Lives);
    }
    if was_guarded(layout) { Ok(Liveness::Ended(lock)) } else { Ok(Liveness::Unseen(lock)) }
}

/// Whether it lives, for those who don't mean to start it.
pub(crate) fn lives(layout: &Layout) -> Result<bool, ClusterError> {
    Ok(ServerLock::is_held(layout)? || shows_itself(layout))
}

/// Whether a server without the lock is to be seen: as a process, or at the socket.
fn shows_itself(layout: &Layout) -> bool {
    seen_here(layout).is_some() || session::listens(&layout.socket())
}

/// Whether the last server that wrote postmaster.pid held the lock; so does one that was never there.
fn was_guarded(layout: &Layout) -> bool {
    let pgdata = layout.pgdata();
    if fs::symlink_metadata(pgdata.join("postmaster.pid")).is_err() {
        return true;
    }
    fs::read_to_string(pgdata.join("postmaster.opts")).is_ok_and(|options| options.contains(GUARDED))
}

/// The process number of a postmaster of this PID namespace, from postmaster.pid.
///
/// The number there may be stale or another namespace's, and anyone's here: it counts only if the process has our
/// PGDATA on its command line. (Its working directory would say the same, but root in a container may not be allowed to
/// read that.) A dead process that nobody has waited for has no command line.
pub(crate) fn seen_here(layout: &Layout) -> Option<u32> {
    let pid = recorded(layout)?;
    let command_line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    runs_in(&command_line, &layout.pgdata()).then_some(pid)
}

fn runs_in(command_line: &[u8], pgdata: &Path) -> bool {
    let mut arguments = command_line.split(|byte| *byte == 0);
    arguments.any(|argument| argument == b"-D") && arguments.next() == Some(pgdata.as_os_str().as_bytes())
}

/// Processes of a server whose postmaster is gone, among those that are to be seen from here. They end by themselves
/// once they have done what they are at, and no other server can start before.
pub(crate) fn orphans(layout: &Layout) -> Vec<u32> {
    // As always, or as good as: all processes need not be looked at then.
    if seen_here(layout).is_some() {
        return Vec::new();
    }
    let Ok(lock) = fs::metadata(layout.server_lock()) else { return Vec::new() };
    let holds = |pid: &u32| {
        fs::metadata(format!("/proc/{pid}/fd/0"))
            .is_ok_and(|stdin| (stdin.dev(), stdin.ino()) == (lock.dev(), lock.ino()))
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    let holders: Vec<u32> = numbers.filter(holds).collect();
    // Its processes have titles of their own; the postmaster, which they see wherever we see them, keeps its command
    // line.
    if holders.iter().any(|pid| has_directory(*pid)) { Vec::new() } else { holders }
}

fn has_directory(pid: u32) -> bool {
    let command_line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    command_line.split(|byte| *byte == 0).any(|argument| argument == b"-D")
}

/// The process number in postmaster.pid, whoever has it now.
pub(crate) fn recorded(layout: &Layout) -> Option<u32> {
    fs::read_to_string(layout.pgdata().join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()
}

/// Whether the server has written that it takes connections.
pub(crate) fn says_ready(layout: &Layout) -> bool {
    let written = fs::read_to_string(layout.pgdata().join("postmaster.pid"));
    written.is_ok_and(|text| text.lines().nth(7).is_some_and(|status| status.trim() == "ready"))
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
