//! What a hook is given, and what of it must not be seen.

use std::time::Duration;

use domain::tasks::Operation;
use provisioner::driver::Driver;
use serde_json::{Value, json};

use super::{RESULT, done, ran, ran_with};
use crate::bed::{PASSWORD, Place, exec, exec_settings, task, unhurried};

/// The document of an operation.
async fn document(place: &Place, operation: Operation) -> Value {
    let settings = exec_settings(place.sh(&format!("cat > $HERE/document; echo \"$@\" > $HERE/arguments; {RESULT}")));
    let (outcome, _) = ran_with(settings, &task(operation), Duration::from_secs(60)).await;
    assert_eq!(outcome, done());
    assert_eq!(place.read("arguments").trim(), operation.short_name());
    serde_json::from_str(&place.read("document")).unwrap()
}

#[tokio::test]
async fn the_document_is_as_it_is_written_down() {
    let place = Place::new();
    let mut document = document(&place, Operation::Create).await;
    assert!(document["deadline"].as_u64().unwrap() > 1_700_000_000);
    document["deadline"] = 0.into();
    let wanted = json!({
        "protocol": 1, "operation": "create", "task": "1042", "attempt": 1, "fence": 1042, "deadline": 0,
        "server": {
            "id": "31", "generation": 1, "running": true,
            "size": {"cpu_ghz": 2, "vcpus": 1, "ram_mb": 2048, "disk_gb": 20, "bandwidth_mbps": 20},
            "image": "debian-12-x86_64", "hostname": "s31.example.com", "login": "root", "password": PASSWORD,
            "password_version": 1, "addresses": [], "firewall": null
        },
        "params": {}
    });
    assert_eq!(document, wanted);
}

#[tokio::test]
async fn the_password_goes_where_it_is_needed() {
    let place = Place::new();
    for operation in Operation::ALL {
        let needed = matches!(operation, Operation::Create | Operation::Reinstall | Operation::ResetPassword);
        let told = document(&place, operation).await["server"]["password"] != Value::Null;
        assert_eq!(told, needed, "{operation}");
    }
    let (ctx, _lines) = unhurried();
    exec(place.sh("cat > $HERE/document; exit 69")).observe(&task(Operation::Create), &ctx).await;
    assert!(!place.read("document").is_empty() && !place.read("document").contains(PASSWORD));
}

#[tokio::test]
async fn the_password_is_in_nobody_s_sight() {
    let place = Place::new();
    let hook = place.sh(&format!(
        "for p in $$ $PPID; do cat /proc/$p/environ /proc/$p/cmdline; done > $HERE/seen\n\
         grep -o '\"password\":\"[^\"]*\"'; cat >&2; {RESULT}"
    ));
    let (outcome, log) = ran(hook).await;
    assert_eq!(outcome, done());
    assert!(place.read("seen").contains("VARTAI_TASK=1042") && !place.read("seen").contains(PASSWORD));
    assert!(log.contains("\"password\":\"[hidden]\"") && !log.contains(PASSWORD), "{log}");
}

#[tokio::test]
async fn a_hook_begins_in_a_place_of_its_own() {
    let place = Place::new();
    let _held = std::fs::File::create(place.path("held-by-the-worker")).unwrap();
    let hook = place.sh(&format!(
        "env | sort > $HERE/environment; umask > $HERE/umask; ulimit -c > $HERE/core; stat -c %a . > $HERE/mode\n\
         pwd > $HERE/directory; ls -A | wc -l > $HERE/files; touch left-behind; ls -l /proc/self/fd > $HERE/fds\n{RESULT}"
    ));
    assert_eq!(ran(hook).await.0, done());
    let names: Vec<String> =
        place.read("environment").lines().filter_map(|line| Some(line.split_once('=')?.0.to_owned())).collect();
    // The last three are the shell's own.
    let wanted = [
        "LANG",
        "OLDPWD",
        "PATH",
        "PWD",
        "SHLVL",
        "VARTAI_ATTEMPT",
        "VARTAI_DEADLINE",
        "VARTAI_FENCE",
        "VARTAI_PROTOCOL",
        "VARTAI_TASK",
        "_",
    ];
    assert!(names.iter().all(|name| wanted.contains(&name.as_str())), "{names:?}");
    let told = ["umask", "core", "mode", "files"].map(|name| place.read(name).trim().to_owned());
    assert_eq!(told, ["0077", "0", "700", "0"]);
    // Neither what the worker has open nor the supervisor's socket.
    let open = place.read("fds");
    assert!(
        open.contains("memfd:vartai-hook") && !open.contains("held-by-the-worker") && !open.contains("socket:"),
        "{open}"
    );
    assert!(!std::path::Path::new(place.read("directory").trim()).exists());
}

#[tokio::test]
async fn lines_are_the_log_and_harmless() {
    let place = Place::new();
    let hook = place.sh(&format!(
        r#"echo '{{"t":"log","line":"one"}}'; echo two; printf '\033[31mthree\0\n'; printf '\xff\xfe\n'
           echo '{{"t":"progress","percent":40}}'; echo '{{"t":"progress","percent":40}}'; echo '{{"t":"other"}}'; {RESULT}"#
    ));
    let (outcome, log) = ran(hook).await;
    assert_eq!(outcome, done());
    assert_eq!(log, "one\ntwo\nthree\u{fffd}\n\u{fffd}\u{fffd}\n40 %\n{\"t\":\"other\"}\n");
}

#[tokio::test]
async fn a_hook_gets_of_the_environment_what_is_named() {
    let place = Place::new();
    let mut settings = exec_settings(place.sh(&format!("env > $HERE/environment; {RESULT}")));
    settings.environment = vec!["CARGO_MANIFEST_DIR".to_owned(), "NOT_THERE_AT_ALL".to_owned()];
    assert_eq!(ran_with(settings, &task(Operation::Create), Duration::from_secs(60)).await.0, done());
    assert!(place.read("environment").contains("CARGO_MANIFEST_DIR="));
}
