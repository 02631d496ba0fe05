//! A company's own program: `vartai hook lint`, and the process that hooks run under.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use super::bed::Bed;
use crate::support::until;

/// The bed's `vartai.toml` gets a driver `files` whose hook keeps machines as files there.
fn hook(bed: &Bed, text: &str) -> String {
    let good = Path::new(env!("CARGO_MANIFEST_DIR")).join("../provisioner/tests/drivers/hooks/machine.py");
    let hook = bed.dir.join("hook");
    let (here, good) = (bed.dir.display(), good.display());
    let text =
        format!("#!/bin/bash\nHERE={here}\nexport MACHINES=$HERE\ngood() {{ python3 '{good}' \"$@\"; }}\n{text}\n");
    fs::write(&hook, text).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let hook = hook.to_str().unwrap().to_owned();
    fs::write(bed.dir.join("vartai.toml"), format!("[drivers.files]\nkind = \"exec\"\nhook = \"{hook}\"\n")).unwrap();
    hook
}

#[tokio::test]
async fn a_good_hook_passes_by_name_and_by_path() {
    let bed = Bed::new();
    let path = hook(&bed, "good \"$@\"");
    let told = bed.json(&["hook", "lint", "files", "--yes"]).await;
    assert_eq!(told["ok"], true, "{told}");
    assert!(told["findings"].as_array().unwrap().len() > 10, "{told}");
    let by_path = bed.run(&["hook", "lint", &path, "--yes", "--operations", "create,reboot,destroy"]).await;
    assert_eq!(by_path.code, Some(0), "{by_path:?}");
    assert!(by_path.stdout.contains("reboot ") && !by_path.stdout.contains("suspend "), "{by_path:?}");
    assert!(!bed.data_dir().exists(), "no database is needed");
}

#[tokio::test]
async fn a_bad_hook_fails_and_says_where() {
    let bed = Bed::new();
    hook(&bed, "SABOTAGE=twice good \"$@\"");
    let outcome = bed.run(&["hook", "lint", "files", "--yes", "--json", "--operations", "create,reboot"]).await;
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let told = outcome.json();
    assert_eq!(told["ok"], false);
    assert!(told.to_string().contains("asked again it does it again"), "{told}");
    outcome.one_line();
}

#[tokio::test]
async fn nothing_is_made_without_a_yes() {
    let bed = Bed::new();
    hook(&bed, "echo \"$1\" >> $HERE/asked; good \"$@\"");
    let outcome = bed.run(&["hook", "lint", "files"]).await;
    assert!(outcome.error(1).contains("--yes"), "{outcome:?}");
    assert!(!bed.dir.join("asked").exists());
    assert!(bed.run(&["hook", "lint", "other", "--yes"]).await.error(1).contains("other"));
    assert!(bed.run(&["hook", "lint", "files", "--yes", "--operations", "teleport"]).await.code == Some(2));
}

#[tokio::test]
async fn a_hook_ends_with_the_process_that_is_killed() {
    let bed = Bed::new();
    hook(
        &bed,
        "[ \"$1\" = probe ] || { setsid sleep 1000 & echo $! > $HERE/daemon; echo $$ > $HERE/pid; sleep 1000; }; good \"$@\"",
    );
    let running = bed.start(&["hook", "lint", "files", "--yes"]);
    let read = |name: &str| fs::read_to_string(bed.dir.join(name)).unwrap_or_default().trim().to_owned();
    until("the hook has begun", async || !read("pid").is_empty()).await;
    running.kill();
    let lives = |pid: &str| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
    };
    let (pid, daemon) = (read("pid"), read("daemon"));
    until("both have ended", async || !lives(&pid) && !lives(&daemon)).await;
}
