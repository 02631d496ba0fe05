//! What is refused: in one line that says why, with the right exit code, and with no secret in it.

use std::fs;

use super::{
    bed::Bed,
    scratch::{OWNER_PASSWORD, free_port},
};

/// `serve` binds loopback only while there are customers whose passwords are public (CONTRACT 5).
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_is_served_to_this_machine_only() {
    let mut bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    for bind in ["0.0.0.0:0", "[::]:0"] {
        bed.set("HTTP__BIND", bind);
        let refused = bed.run(&["serve", "--with-worker"]).await;
        let last = refused.told();
        assert!(refused.code == Some(1) && last.contains("loopback") && last.contains(bind), "{refused:?}");
        assert!(!refused.stdout.contains("Vartai serves"));
        assert_eq!(bed.postmaster(), None, "PostgreSQL runs on");
        let doctor = bed.run(&["doctor", "--json"]).await;
        assert!(doctor.code == Some(1) && doctor.json()["findings"].to_string().contains("public"), "{doctor:?}");
    }
    bed.set("HTTP__BIND", "127.0.0.1:0");
    // A bonus, a key or an order make none of them a customer of the company's.
    bed.json(&["customer", "add", "real"]).await;
    bed.set("HTTP__BIND", "0.0.0.0:0");
    assert_eq!(bed.run(&["serve"]).await.code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_on_the_command_line_are_told_before_anything_is_done() {
    let bed = Bed::new();
    for arguments in [
        &["bogus"][..],
        &["serve", "--bogus"],
        &["invoice", "show"],
        &["invoice", "show", "x"],
        &["balance", "deposit", "demo"],
        &["balance", "statement", "demo", "--limit", "0"],
        &["key", "revoke", "demo", "x"],
        &["allow", "add", "demo", "203.0.113.9/24"],
        &["customer", "add", "x", "--currency", "EURO"],
        &["customer", "add", "x", "--language", "xx"],
        &["customer", "set", "x", "--api", "maybe"],
        &["order", "override", "1", "--paid-until", "2026-02-30"],
        &["order", "list", "--realm", "x"],
        &["task", "list", "--state", "x"],
        &["catalogue", "apply"],
        &["--config"],
    ] {
        for arguments in [arguments.to_vec(), [arguments, &["--json"]].concat()] {
            let outcome = bed.run(&arguments).await;
            assert!(outcome.error(2).ends_with("; see --help"), "{arguments:?}: {outcome:?}");
        }
    }
    for arguments in [&[][..], &["balance"], &["order"]] {
        let outcome = bed.run(arguments).await;
        assert!(outcome.code == Some(2) && outcome.stderr.contains("Usage:"), "{arguments:?}: {outcome:?}");
    }
    for arguments in [["--help"], ["--version"]] {
        let outcome = bed.run(&arguments).await;
        assert!(outcome.code == Some(0) && outcome.stderr.is_empty(), "{outcome:?}");
    }
    assert!(!bed.data_dir().exists(), "a mistake made a data directory");
}

/// Settings and files that can't be: what of them is secret is not told, at any level of the log.
#[tokio::test(flavor = "multi_thread")]
async fn errors_tell_neither_the_database_s_address_nor_a_key() {
    let secrets = [OWNER_PASSWORD, "0123456789abcdef"];
    let silent = |outcome: &super::process::Outcome| {
        let all = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(secrets.iter().all(|secret| !all.contains(secret)), "{outcome:?}");
    };
    let mut bed = Bed::new().with("LOG__LEVEL", "trace");
    let dead = free_port();
    for url in [
        format!("postgres://owner:{OWNER_PASSWORD}@127.0.0.1:port/x"),
        format!("postgres://owner:{OWNER_PASSWORD}@127.0.0.1:{dead}/x"),
        format!("host=127.0.0.1 port={dead} user=owner password={OWNER_PASSWORD} nonsense"),
        format!("postgres://owner:{OWNER_PASSWORD}@127.0.0.1:{dead}/x?sslmode={OWNER_PASSWORD}"),
        OWNER_PASSWORD.to_owned(),
    ] {
        bed.set("DATABASE__URL", &url);
        for arguments in [&["migrate"][..], &["order", "list"], &["serve"], &["doctor"], &["doctor", "--json"]] {
            let outcome = bed.run(arguments).await;
            assert_eq!(outcome.code, Some(1), "{outcome:?}");
            silent(&outcome);
        }
    }
    bed.set("DATABASE__URL", "");
    fs::write(bed.dir.join("vartai.toml"), format!("[database]\nurl = \"postgres://u:{OWNER_PASSWORD}@h/x\n")).unwrap();
    silent(&bed.run(&["order", "list"]).await);
    fs::remove_file(bed.dir.join("vartai.toml")).unwrap();

    fs::create_dir(bed.data_dir()).unwrap();
    fs::write(bed.data_dir().join("keys"), "1 0123456789abcdef\n").unwrap();
    let refused = bed.run(&["migrate"]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("line 1 of the key file"), "{refused:?}");
    silent(&refused);
    assert_eq!(bed.postmaster(), None);
}
