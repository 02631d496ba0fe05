//! A database whose errors are in another language than English.

use std::fs;

use super::{bed::Bed, scratch::Scratch};

fn speaks_german() -> bool {
    let messages = fs::read_dir("/usr/share/locale/de/LC_MESSAGES").into_iter().flatten().flatten();
    messages.into_iter().any(|file| file.file_name().to_string_lossy().starts_with("postgres-"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_speaks_german_is_told_to_speak_english_or_its_administrator_is() {
    if !speaks_german() {
        eprintln!("SKIPPED: this PostgreSQL has no German messages");
        return;
    }
    let mut bed = Bed::new();
    let scratch = Scratch::speaking(&bed, Some("de")).await;
    bed.set("DATABASE__URL", &scratch.url("company"));
    bed.json(&["migrate"]).await;

    // Its owner may not choose the language.
    let doctor = bed.run(&["doctor", "--json"]).await;
    let findings = doctor.json()["findings"].to_string();
    assert_eq!(doctor.code, Some(1), "{findings}");
    assert!(
        findings.contains("Division durch Null") && findings.contains("alter system set lc_messages = 'C'"),
        "{findings}"
    );

    // One who may lets the roles do so when he migrates.
    scratch.administer("psql -qXc 'alter role owner superuser'");
    bed.json(&["migrate"]).await;
    scratch.administer("psql -qXc 'alter role owner nosuperuser'");
    let doctor = bed.run(&["doctor", "--json"]).await.json();
    assert!(!doctor.to_string().contains("another language"), "{doctor}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_doctor_advises_for_a_database_that_speaks_german_works() {
    if !speaks_german() {
        eprintln!("SKIPPED: this PostgreSQL has no German messages");
        return;
    }
    let mut bed = Bed::new();
    let scratch = Scratch::speaking(&bed, Some("de")).await;
    bed.set("DATABASE__URL", &scratch.url("company"));
    bed.json(&["migrate"]).await;
    let doctor = bed.run(&["doctor", "--json"]).await.json().to_string();
    let advised: Vec<&str> =
        doctor.split('`').filter(|part| part.contains("lc_messages") || part.contains("pg_reload")).collect();
    assert_eq!(advised.len(), 2, "{doctor}");
    for statement in advised {
        scratch.administer(&format!("psql -qXc \"{statement}\""));
    }
    let doctor = bed.run(&["doctor", "--json"]).await.json();
    assert!(!doctor.to_string().contains("another language"), "{doctor}");
}
