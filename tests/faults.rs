//! `docs/faults.md` names every fault of its list, and only tests that there are.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// All that tests are written in.
fn sources(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let is_source = path.extension().is_some_and(|kind| kind == "rs" || kind == "py");
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, into);
        } else if is_source {
            into.push(path);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The names of all functions.
fn functions() -> BTreeSet<String> {
    let root = root();
    let mut files = Vec::new();
    for dir in ["crates", "tests"] {
        sources(&root.join(dir), &mut files);
    }
    let mut names = BTreeSet::new();
    for file in files {
        for line in fs::read_to_string(file).unwrap().lines() {
            let line = line.trim_start().trim_start_matches("pub ").trim_start_matches("async ");
            let named = line.strip_prefix("fn ").or_else(|| line.strip_prefix("def "));
            if let Some((name, _)) = named.and_then(|rest| rest.split_once(['(', '<'])) {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

#[test]
fn every_fault_has_its_line_and_every_test_named_there_exists() {
    let text = fs::read_to_string(root().join("docs/faults.md")).unwrap();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit())
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let numbers: Vec<usize> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert!(numbers.len() >= 60, "a fault is gone");
    assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>());
    let there = functions();
    for row in rows {
        let tests = row.last().unwrap();
        assert_eq!(row.len(), 4, "{row:?}");
        for name in tests.split('`').skip(1).step_by(2).filter(|name| name.contains('_')) {
            assert!(there.contains(name), "fault {} names {name}, which is no test", row[0]);
        }
    }
}

/// Faults of parts that came later, numbered with a letter before.
#[test]
fn every_test_that_a_lettered_fault_names_exists() {
    let text = fs::read_to_string(root().join("docs/faults.md")).unwrap();
    let there = functions();
    let mut rows = 0;
    for line in text.lines() {
        let number = line.strip_prefix("| ").and_then(|rest| rest.split_once(' ')).map_or("", |(number, _)| number);
        let mut letters = number.chars();
        let lettered = letters.next().is_some_and(|c| c.is_ascii_uppercase()) && letters.as_str().parse::<u8>().is_ok();
        if !lettered {
            continue;
        }
        rows += 1;
        let tests = line.trim_matches('|').rsplit(" | ").next().unwrap();
        for name in tests.split('`').skip(1).step_by(2).filter(|name| name.contains('_')) {
            assert!(there.contains(name), "fault {number} names {name}, which is no test");
        }
    }
    assert!(rows >= 9, "{rows}");
}
