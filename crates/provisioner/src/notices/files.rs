//! Mail in files: one a message, whole or not there.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    time::Duration,
};

use uuid::Uuid;

/// What files of mail end with.
const ENDING: &str = "eml";

/// Writes a message. Written again, it is the same file.
///
/// # Errors
/// As the operating system says.
pub(super) fn write(directory: &Path, uid: Uuid, message: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let unfinished = directory.join(format!(".{uid}"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(message)?;
    file.sync_all()?;
    fs::rename(unfinished, directory.join(format!("{uid}.{ENDING}")))
}

/// Takes out files that were written so many days ago, also from directories in it. Returns how many.
///
/// # Errors
/// As the operating system says.
pub(crate) fn sweep(directory: &Path, days: u16) -> io::Result<usize> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let (longest, mut swept) = (Duration::from_hours(24 * u64::from(days)), 0);
    for entry in entries {
        let entry = entry?;
        // Test realms have their own.
        if entry.file_type()?.is_dir() {
            swept += sweep(&entry.path(), days)?;
            continue;
        }
        let is_ours = entry.path().extension().is_some_and(|ending| ending == ENDING);
        // Of a time to come, it is young.
        let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
        if is_ours && age > longest {
            fs::remove_file(entry.path())?;
            swept += 1;
        }
    }
    Ok(swept)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_message_is_one_file_and_goes_when_it_is_old() {
        let parent = tempfile::tempdir().unwrap();
        let (directory, uid) = (parent.path().join("mail"), Uuid::from_u128(7));
        assert_eq!(sweep(&directory, 1).unwrap(), 0, "there is none yet");
        for _ in 0..2 {
            write(&directory, uid, b"x").unwrap();
        }
        let file = directory.join(format!("{uid}.eml"));
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
        assert_eq!(sweep(&directory, 1).unwrap(), 0);
        let opened = fs::File::options().append(true).open(&file).unwrap();
        opened.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        fs::write(directory.join("notes.txt"), "").unwrap();
        assert_eq!(sweep(parent.path(), 1).unwrap(), 1, "also below");
        assert!(!file.exists() && directory.join("notes.txt").exists());
    }
}
