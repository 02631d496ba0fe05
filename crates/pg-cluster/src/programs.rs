//! PostgreSQL's programs on this machine.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::ClusterError;

/// The oldest PostgreSQL that will do.
const MINIMUM: u32 = 15;

/// The programs of one PostgreSQL version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Programs {
    bin: PathBuf,
    major: u32,
}

impl Programs {
    /// Finds the newest programs, or, for a cluster that exists, those of its major version (`made_by`). An `explicit`
    /// directory is the only one looked at.
    pub(crate) fn find(explicit: Option<&Path>, made_by: Option<&str>, data_dir: &Path) -> Result<Self, ClusterError> {
        let candidates = match explicit {
            Some(bin) => vec![bin.to_owned()],
            None => candidates(),
        };
        let found: Vec<Self> = candidates.iter().filter_map(|bin| Self::inspect(bin)).collect();
        let usable: Vec<&Self> = found.iter().filter(|programs| programs.major >= MINIMUM).collect();
        if usable.is_empty() {
            return Err(ClusterError::ProgramsMissing { minimum: MINIMUM, searched: searched(explicit, &found) });
        }
        // `max_by_key` would prefer the last of equals; the search order says the first.
        let choice = match made_by {
            Some(made_by) => usable.iter().find(|programs| programs.major.to_string() == made_by),
            None => usable.iter().min_by_key(|programs| Reverse(programs.major)),
        };
        choice.map(|programs| Self::clone(programs)).ok_or_else(|| ClusterError::OtherMajor {
            data_dir: data_dir.to_owned(),
            made_by: made_by.unwrap_or_default().to_owned(),
            available: versions(&usable),
        })
    }

    /// The path of one program.
    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.bin.join(program)
    }

    fn inspect(bin: &Path) -> Option<Self> {
        if !["postgres", "initdb", "pg_ctl"].iter().all(|program| bin.join(program).is_file()) {
            return None;
        }
        let output = Command::new(bin.join("postgres")).arg("--version").output().ok()?;
        let major = major(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { bin: bin.to_owned(), major })
    }
}

/// Debian's place, Red Hat's place, then the PATH.
fn candidates() -> Vec<PathBuf> {
    let debian = numbered(Path::new("/usr/lib/postgresql"), "");
    let red_hat = numbered(Path::new("/usr"), "pgsql-");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).filter(|dir| dir.is_absolute());
    debian.into_iter().chain(red_hat).map(|dir| dir.join("bin")).chain(on_path).collect()
}

/// The directories below `parent` named `prefix` and a number, highest first.
fn numbered(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let number = |name: &OsStr| name.to_str()?.strip_prefix(prefix)?.parse::<u32>().ok();
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let mut found: Vec<(u32, PathBuf)> =
        entries.flatten().filter_map(|entry| Some((number(&entry.file_name())?, entry.path()))).collect();
    found.sort_by_key(|(number, _)| Reverse(*number));
    found.into_iter().map(|(_, path)| path).collect()
}

/// The major version in `postgres (PostgreSQL) 15.14 (Debian …)`, `16beta2` included.
fn major(version: &str) -> Option<u32> {
    let number = version.split_once("(PostgreSQL)")?.1.trim_start();
    let digits = number.find(|c: char| !c.is_ascii_digit()).map_or(number, |end| number.split_at(end).0);
    digits.parse().ok()
}

fn searched(explicit: Option<&Path>, found: &[Programs]) -> String {
    let places = match explicit {
        Some(bin) => format!("{} as VARTAI_PG_BIN says", bin.display()),
        None => "/usr/lib/postgresql/*/bin, /usr/pgsql-*/bin and PATH".to_owned(),
    };
    match found {
        [] => places,
        old => format!("{places}, which has only {}", versions(&old.iter().collect::<Vec<_>>())),
    }
}

fn versions(programs: &[&Programs]) -> String {
    let each: Vec<String> =
        programs.iter().map(|programs| format!("{} in {}", programs.major, programs.bin.display())).collect();
    each.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_versions() {
        assert_eq!(major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major("postgres (PostgreSQL) 17"), Some(17));
        assert_eq!(major("postgres 9"), None);
    }

    #[test]
    fn missing_programs_say_what_to_install() {
        let error = Programs::find(Some(Path::new("/nonexistent")), None, Path::new("/d")).unwrap_err();
        assert!(error.to_string().contains("apt-get install postgresql-15"), "{error}");
    }

    #[test]
    fn a_cluster_of_another_major_names_it() {
        let error = Programs::find(None, Some("99"), Path::new("/d")).unwrap_err().to_string();
        assert!(error.contains("made by PostgreSQL 99") && error.contains("VARTAI_DATA_DIR"), "{error}");
    }
}
