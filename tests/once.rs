//! The list of tests that `.ci/run` doesn't run a second time.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// So many there may be: fewer when one has become quick, never more.
const MOST: usize = 3;

#[test]
fn what_is_run_once_is_there_and_has_a_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let list = fs::read_to_string(root.join(".ci/once")).unwrap();
    let entries: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(entries.len() <= MOST, "{entries:?}");
    let mut sources = Vec::new();
    for directory in ["tests", "crates"] {
        gather(&root.join(directory), &mut sources);
    }
    for entry in entries {
        let (name, reason) = entry.split_once(' ').unwrap_or_else(|| panic!("{entry}: why?"));
        assert!(!reason.trim().is_empty(), "{entry}: why?");
        let path: Vec<&str> = name.trim_end_matches(':').split("::").collect();
        let found = sources.iter().any(|source| stands_in(source, &path));
        assert!(found, "{name} is no test any more: take it out of .ci/once");
    }
}

/// Whether a file is a module of that path, or has a test of that name.
fn stands_in(source: &Path, path: &[&str]) -> bool {
    let Some((last, modules)) = path.split_last() else { return false };
    let module = source.with_extension("");
    let module = if module.ends_with("mod") { module.parent().unwrap().to_owned() } else { module };
    let of = |path: &[&str]| module.ends_with(path.iter().collect::<PathBuf>());
    let test = || fs::read_to_string(source).unwrap().contains(&format!("fn {last}("));
    of(path) || (of(modules) && test())
}

/// All Rust files below a directory.
fn gather(directory: &Path, into: &mut Vec<PathBuf>) {
    for path in fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            gather(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}
