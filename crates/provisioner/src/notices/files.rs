//! Mail in files: one a message, whole or not there.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, lchown},
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
    make(directory)?;
    let unfinished = directory.join(format!(".{uid}"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(message)?;
    file.sync_all()?;
    hand_down(&unfinished)?;
    fs::rename(unfinished, directory.join(format!("{uid}.{ENDING}")))
}

/// Makes a directory, and those that it is in.
fn make(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.and_then(|()| hand_down(directory)),
    }
}

/// Gives what root has made to the owner of the directory that it is in: the service must be able to go on with it.
fn hand_down(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (owner, made) = (fs::metadata(parent)?, fs::symlink_metadata(path)?);
    if made.uid() != 0 || owner.uid() == 0 {
        return Ok(());
    }
    lchown(path, Some(owner.uid()), Some(owner.gid()))
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
    fn what_root_writes_belongs_to_the_owner_of_the_directory() {
        let parent = tempfile::tempdir().unwrap();
        let owner = fs::metadata(parent.path()).unwrap().uid();
        // Only root can give it away; for others it is theirs anyway.
        let owner = if owner == 0 { 1 } else { owner };
        std::os::unix::fs::chown(parent.path(), Some(owner), None).unwrap();
        let directory = parent.path().join("mail/test");
        write(&directory, Uuid::from_u128(7), b"x").unwrap();
        for path in
            [parent.path().join("mail"), directory.clone(), directory.join(format!("{}.eml", Uuid::from_u128(7)))]
        {
            assert_eq!(fs::metadata(&path).unwrap().uid(), owner, "{}", path.display());
        }
    }

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
