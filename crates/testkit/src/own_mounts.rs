//! File systems of a test's own, which it may fill up.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

/// Set for a test that runs where its mounts are seen by nobody else.
const INSIDE: &str = "VARTAI_TEST_OWN_MOUNTS";

/// Whether the test of this name (with its modules) is to go on here, where what it mounts is seen by nobody else and is
/// gone with it: it calls this first. Elsewhere the test is run again, inside. Says why where that can't be had.
#[must_use]
pub fn in_own_mounts(test: &str) -> bool {
    if env::var_os(INSIDE).is_some() {
        return true;
    }
    let unshare = || {
        let mut unshare = Command::new("unshare");
        unshare.args(["--map-current-user", "--mount"].iter().skip(usize::from(is_root())));
        unshare
    };
    let tried = unshare().args(["mount", "-t", "tmpfs", "none", "/mnt"]).stdin(Stdio::null()).output();
    match tried {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            eprintln!(
                "SKIPPED: no file system can be mounted here: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
            return false;
        }
        Err(error) => {
            eprintln!("SKIPPED: no file system can be mounted here: unshare: {error}");
            return false;
        }
    }
    let inside =
        unshare().arg(env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]).env(INSIDE, "1").output();
    let output = inside.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    println!("{text}");
    assert!(output.status.success() && text.contains("1 passed"), "{test} failed inside");
    false
}

/// Mounts a file system of so many MB in memory there; in [`in_own_mounts`] only.
pub fn mount(at: &Path, megabytes: u32) {
    assert!(env::var_os(INSIDE).is_some(), "everybody would see it");
    let size = format!("size={megabytes}m,mode=755");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(at).status();
    assert!(mounted.unwrap().success());
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}
