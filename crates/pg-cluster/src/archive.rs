//! The WAL archive: what PostgreSQL wrote, kept so that any moment since a base backup can be restored.
//!
//! ```text
//! data_dir/archive/
//!   wal/      each complete piece of WAL, compressed, bounded in size: the oldest goes first
//!   base/     base backups, one a directory: pg/, and base.json, which is there once it is complete
//!   needed    the first piece that the newest base backup needs, which is never thrown away
//! ```

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::conf::{quote_text, replace};
use crate::error::{ClusterError, FileContext};
use crate::layout::Layout;

/// A server that archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Archive {
    /// So many megabytes of WAL at the most.
    pub max_mb: u64,
    /// A piece of WAL is archived after so many seconds, though it isn't full.
    pub switch_seconds: u32,
}

/// What is in an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Bytes of WAL.
    pub bytes: u64,
    /// Names of the pieces, in their order.
    pub pieces: Vec<String>,
}

/// The directory of an installation's archive.
#[must_use]
pub fn archive_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("archive")
}

/// The pieces of WAL in an archive; none where there is no archive.
///
/// # Errors
/// It can't be read.
pub fn kept(archive: &Path) -> io::Result<Kept> {
    let mut kept = Kept::default();
    let entries = match fs::read_dir(archive.join("wal")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(kept),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        // One that was thrown away meanwhile is not there.
        let Ok(metadata) = entry.metadata() else { continue };
        kept.bytes = kept.bytes.saturating_add(metadata.len());
        if let Some(piece) = name.strip_suffix(".gz").filter(|name| place(name).is_some()) {
            kept.pieces.push(piece.to_owned());
        }
    }
    kept.pieces.sort_by_key(|name| (place(name), name.clone()));
    Ok(kept)
}

impl Kept {
    /// The first piece between `from` and `to` that is missing, by its place; timelines that begin in between are
    /// passed over.
    #[must_use]
    pub fn missing(&self, from: &str, to: &str) -> Option<String> {
        let (from, to) = (place(from)?, place(to)?);
        let there: std::collections::BTreeSet<u64> = self.pieces.iter().filter_map(|name| place(name)).collect();
        let first = (from..=to).find(|place| !there.contains(place))?;
        Some(format!("{:08X}{:08X}", first >> 8, first & 0xff))
    }
}

/// The place of a piece of WAL of 16 MB in its history, without its timeline; `None` of what is no such name.
#[must_use]
pub fn place(name: &str) -> Option<u64> {
    let digits = name.len() == 24 && name.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
    let (log, low) = (name.get(8..16)?, name.get(16..24)?);
    let (log, low) = (u64::from_str_radix(log, 16).ok()?, u64::from_str_radix(low, 16).ok()?);
    (digits && low <= 0xff).then_some(log << 8 | low)
}

/// Removes the pieces before `needed`. Returns how many.
///
/// # Errors
/// One can't be removed; those before it are.
pub(crate) fn remove_before(archive: &Path, needed: &str) -> io::Result<usize> {
    let old = |name: &String| place(name) < place(needed);
    let pieces: Vec<String> = kept(archive)?.pieces.into_iter().filter(old).collect();
    for name in &pieces {
        fs::remove_file(archive.join("wal").join(format!("{name}.gz")))?;
    }
    Ok(pieces.len())
}

/// Says which piece is the first that the newest base backup needs.
pub(crate) fn write_needed(layout: &Layout, needed: &str) -> Result<(), ClusterError> {
    let dir = archive_dir(&layout.data_dir);
    let (new, path) = (dir.join("needed.new"), dir.join("needed"));
    let mut file = OpenOptions::new();
    let mut file = file.write(true).create(true).truncate(true).mode(0o644).open(&new).context("make", &new)?;
    file.write_all(needed.as_bytes()).and_then(|()| file.sync_all()).context("write", &new)?;
    file.set_permissions(Permissions::from_mode(0o644)).context("chmod", &new)?;
    layout.give_to_server(&new)?;
    fs::rename(&new, &path).context("replace", &path)
}

/// The lines of postgresql.conf about it, with the script that they name.
pub(crate) fn configure(layout: &Layout, archive: Option<Archive>) -> Result<String, ClusterError> {
    let Some(Archive { max_mb, switch_seconds }) = archive else { return Ok("archive_mode = off\n".to_owned()) };
    let dir = archive_dir(&layout.data_dir);
    for dir in [dir.clone(), dir.join("wal"), dir.join("base")] {
        layout.make_private(&dir)?;
    }
    let script = layout.conf().join("archive.sh");
    let text = include_str!("archive.sh").replace("@ARCHIVE@", &shell_quote(&dir)?);
    replace(layout, &script, &text.replace("@MAX_KB@", &max_mb.saturating_mul(1024).to_string()))?;
    let command = quote_text(&format!("/bin/sh {} \"%p\" \"%f\"", percent_quote(&shell_quote(&script)?)));
    Ok(format!("archive_mode = on\narchive_command = {command}\narchive_timeout = {switch_seconds}\n"))
}

/// A word of a shell's.
pub(crate) fn shell_quote(path: &Path) -> Result<String, ClusterError> {
    let text = path.to_str().ok_or_else(|| ClusterError::Path { path: path.to_owned() })?;
    Ok(format!("'{}'", text.replace('\'', r"'\''")))
}

/// A text in a command of PostgreSQL's, where `%` stands for something else.
pub(crate) fn percent_quote(text: &str) -> String {
    text.replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_follow_each_other_across_logs_and_timelines() {
        assert_eq!(place("0000000100000000000000FF"), Some(255));
        assert_eq!(place("000000020000000100000000"), Some(256));
        for other in ["00000002.history", "0000000100000000000000FF.partial", "000000010000000000000100", ""] {
            assert_eq!(place(other), None, "{other}");
        }
        let pieces = ["0000000100000000000000FE", "0000000100000000000000FF", "000000020000000100000001"];
        let kept = Kept { bytes: 0, pieces: pieces.map(str::to_owned).to_vec() };
        assert_eq!(kept.missing(pieces[0], pieces[1]), None);
        assert_eq!(kept.missing(pieces[0], pieces[2]), Some("0000000100000000".to_owned()));
    }

    #[test]
    fn a_path_is_one_word() {
        assert_eq!(shell_quote(Path::new("/a b'c")).unwrap(), r"'/a b'\''c'");
        assert_eq!(percent_quote("/a%b"), "/a%%b");
    }

    /// The script with an archive of its own, called as PostgreSQL does, in a directory that stands for PGDATA.
    struct Bed(PathBuf);

    impl Bed {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("vartai-archive-{}-{name}", std::process::id()));
            fs::create_dir_all(dir.join("pg_wal/archive_status")).unwrap();
            Self(dir)
        }

        /// Its exit code, and what it said.
        fn archive(&self, name: &str, content: &[u8], max_kb: u32) -> (Option<i32>, String) {
            let quoted = shell_quote(&self.0.join("archive")).unwrap();
            let script = include_str!("archive.sh").replace("@ARCHIVE@", &quoted);
            let path = self.0.join("archive.sh");
            fs::write(&path, script.replace("@MAX_KB@", &max_kb.to_string())).unwrap();
            fs::write(self.0.join("pg_wal/piece"), content).unwrap();
            let mut command = std::process::Command::new("/bin/sh");
            command.arg(path).args(["pg_wal/piece", name]).current_dir(&self.0).env("LC_ALL", "C");
            let output = command.output().unwrap();
            (output.status.code(), String::from_utf8(output.stderr).unwrap())
        }

        fn kept(&self) -> Vec<String> {
            kept(&self.0.join("archive")).unwrap().pieces
        }
    }

    impl Drop for Bed {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn name(place: u32) -> String {
        format!("0000000100000000{place:08X}")
    }

    /// What no compressing makes smaller.
    fn noise(seed: u32) -> Vec<u8> {
        let next = |state: &mut u32| {
            *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Some(state.to_be_bytes()[0])
        };
        std::iter::successors(Some(seed), |_| Some(0)).scan(seed, |state, _| next(state)).take(16_000).collect()
    }

    #[test]
    fn a_piece_is_kept_once_and_never_replaced_by_another() {
        let bed = Bed::new("once");
        assert_eq!(bed.archive(&name(1), b"one", 1000).0, Some(0));
        assert_eq!(bed.archive(&name(1), b"one", 1000).0, Some(0), "PostgreSQL asks again after a crash");
        let (code, said) = bed.archive(&name(1), b"another", 1000);
        assert!(code == Some(1) && said.contains("another history"), "{said}");
        assert_eq!(bed.archive("00000002.history", b"history", 1000).0, Some(0));
        let gzip =
            std::process::Command::new("gzip").arg("-dc").arg(bed.0.join("archive/wal").join(name(1) + ".gz")).output();
        assert_eq!(gzip.unwrap().stdout, b"one");
        assert_eq!(bed.kept(), [name(1)]);
    }

    #[test]
    fn the_oldest_makes_room_but_nothing_that_the_newest_base_needs() {
        let bed = Bed::new("room");
        for place in 1..=6 {
            assert_eq!(bed.archive(&name(place), &noise(place), 80).0, Some(0));
        }
        let kept = bed.kept();
        assert!(kept.len() < 6 && kept.last() == Some(&name(6)), "{kept:?}");
        fs::write(bed.0.join("archive/needed"), &kept[0]).unwrap();
        let (code, said) = bed.archive(&name(7), &noise(7), 80);
        assert!(code == Some(0) && said.contains("NOT KEPT"), "PostgreSQL would fill its disk: {said}");
        assert_eq!(bed.kept(), kept);
        fs::write(bed.0.join("archive/needed"), name(6)).unwrap();
        assert_eq!(bed.archive(&name(8), &noise(8), 80).0, Some(0));
        let after = bed.kept();
        assert_eq!((after.last(), after.contains(&name(6))), (Some(&name(8)), true), "{after:?}");
        let found = kept_of(&bed).missing(&name(6), &name(8));
        assert_eq!(found.as_deref(), Some("0000000000000007"), "the hole is found");
    }

    fn kept_of(bed: &Bed) -> Kept {
        kept(&bed.0.join("archive")).unwrap()
    }

    #[test]
    fn an_archive_that_can_not_be_written_is_waited_for_but_not_for_ever() {
        let bed = Bed::new("broken");
        fs::write(bed.0.join("archive"), "no directory").unwrap();
        assert_eq!(bed.archive(&name(1), b"one", 1000).0, Some(1));
        for waiting in 0..65 {
            fs::write(bed.0.join(format!("pg_wal/archive_status/{}.ready", name(waiting))), "").unwrap();
        }
        let (code, said) = bed.archive(&name(1), b"one", 1000);
        assert!(code == Some(0) && said.contains("NOT KEPT"), "{said}");
    }
}
