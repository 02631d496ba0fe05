//! A database that is behind what was acknowledged, or that can't be compared with it.

use std::{fs, os::unix::fs::MetadataExt};

use serde_json::Value;

use super::{bed::Bed, client::Client};
use crate::support::until;

/// What the data directory keeps of how far the database had come.
fn witness(bed: &Bed) -> Value {
    serde_json::from_slice(&fs::read(bed.data_dir().join("witness")).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_lost_what_was_acknowledged_is_used_again_when_staff_say_so() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&[]).await;
    let demo = Client::demo(serving.gateway);
    demo.order("").await;
    until("the order is in the witness", async || witness(&bed)["mark"]["token"]["token"].is_string()).await;
    assert_eq!(serving.stop().await.code, Some(0));
    let owner = |path| fs::metadata(path).unwrap().uid();
    assert_eq!(owner(bed.data_dir().join("witness")), owner(bed.data_dir()), "whoever serves must be able to write it");

    // As after a restore of last night's copy behind Vartai's back: the log ends before what was answered.
    let mut ahead = witness(&bed);
    let position = ahead["mark"]["position"].as_i64().unwrap();
    ahead["mark"]["position"] = (position + (1 << 30)).into();
    fs::write(bed.data_dir().join("witness"), ahead.to_string()).unwrap();

    for command in [&["order", "list", "demo"][..], &["serve"], &["balance", "deposit", "demo", "1.00"]] {
        let refused = bed.run(command).await;
        assert_eq!(refused.code, Some(1), "{command:?}");
        assert!(refused.stderr.contains("vartai database accept"), "{refused:?}");
    }
    let doctor = bed.run(&["doctor", "--json"]).await;
    let findings = doctor.json()["findings"].to_string();
    assert!(doctor.code == Some(1) && findings.contains("is behind what was acknowledged"), "{findings}");
    assert!(!findings.contains("renew-roles") && !findings.contains("vartai migrate"), "{findings}");

    let asked = bed.run(&["database", "accept"]).await;
    assert!(asked.code == Some(1) && asked.stderr.contains("--yes"), "{asked:?}");
    bed.json(&["database", "accept", "--yes"]).await;
    assert_eq!(bed.json(&["doctor"]).await["ok"], true);
    let serving = bed.serve(&[]).await;
    Client::demo(serving.gateway).order("").await;
    assert_eq!(serving.stop().await.code, Some(0));
    assert_eq!(bed.json(&["ledger", "verify"]).await["ok"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_says_how_far_the_database_had_come_and_can_not_be_read_is_not_taken_for_nothing() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    fs::write(bed.data_dir().join("witness"), "{").unwrap();
    for command in [&["order", "list", "demo"][..], &["serve"], &["worker"]] {
        let refused = bed.run(command).await;
        assert_eq!(refused.code, Some(1), "{command:?}");
        assert!(refused.stderr.contains("witness") && refused.stderr.contains("database accept"), "{refused:?}");
    }
    bed.json(&["database", "accept", "--yes"]).await;
    bed.json(&["order", "list", "demo"]).await;
}
