//! Stops the cluster when nobody has used it for a while: a shell of its own, which outlives the tests.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

/// One watcher is enough: the lock of the first keeps the others out. Locks are taken in the order that members take
/// them, so that nobody comes in while the server is being stopped. A watcher gives up its own lock (8) no later than
/// the cluster's (9), so that whoever comes in next can post another. The number in postmaster.pid counts only if that
/// process runs in this very directory.
const SCRIPT: &str = r#"
cd "$1" || exit
exec 8<>watcher.lock 9<>cluster.lock
flock -w 1 8 || exit
idle=0
while [ -f pg/postmaster.pid ]; do
    sleep 2
    flock -w 60 9 || continue
    if flock -n users.lock true; then idle=$((idle + 1)); else idle=0; fi
    if [ $idle -ge 5 ]; then
        pid=$(head -n 1 pg/postmaster.pid)
        if tr '\0' '\n' < "/proc/$pid/cmdline" | grep -qxF "$1/pg"; then
            kill -INT "$pid"
            tries=0
            while [ -f pg/postmaster.pid ] && [ $tries -lt 300 ]; do sleep 0.1; tries=$((tries + 1)); done
        fi
        exit
    fi
    flock -u 9
done
"#;

/// Posts a watcher at the cluster in `data_dir`. Nothing of it keeps our output open or dies with our terminal.
pub(crate) fn post(data_dir: &Path) {
    let shell = Command::new("/bin/sh")
        .args(["-c", SCRIPT, "vartai-test-watcher"])
        .arg(data_dir)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    // Without it the cluster goes on running, which does no harm.
    drop(shell);
}
