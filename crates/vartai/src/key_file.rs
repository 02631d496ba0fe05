//! The file with the keys that seal secrets: made once, readable by its owner alone, never overwritten.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use store::seal::{Keyring, SealError};

/// Why there are no keys. One line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It is not there, and was.
    #[error(
        "the key file {0} is missing, and the database holds secrets that only its keys open: put it back from its \
         copy, or name it with secrets.key_file"
    )]
    Missing(String),
    /// Others than its owner may read it, or worse.
    #[error("others may read or change the key file {path} (mode {mode:o}): run `chmod 600 {path}`")]
    Open {
        /// The file.
        path: String,
        /// Its permissions.
        mode: u32,
    },
    /// It can't be read or made.
    #[error("the key file {path} can't be {verb}: {source}")]
    File {
        /// The file.
        path: String,
        /// `read` or `made`.
        verb: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// What stands in it is no key.
    #[error("{path}: {source}")]
    Content {
        /// The file.
        path: String,
        /// What is wrong.
        source: SealError,
    },
}

/// Reads the keys.
///
/// # Errors
/// [`KeyFileError`]; [`KeyFileError::Missing`] when the file is not there.
pub fn read(path: &Path) -> Result<Keyring, KeyFileError> {
    let name = path.display().to_string();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Err(KeyFileError::Missing(name)),
        Err(source) => return Err(KeyFileError::File { path: name, verb: "read", source }),
    };
    Keyring::parse(&text).map_err(|source| KeyFileError::Content { path: name, source })
}

/// Reads the keys, and makes the file first where there is none. Of several processes that do so at the same time one
/// makes it, and all read the same.
///
/// # Errors
/// [`KeyFileError`].
pub fn read_or_make(path: &Path) -> Result<Keyring, KeyFileError> {
    match read(path) {
        Err(KeyFileError::Missing(_)) => {
            let told = |source| KeyFileError::File { path: path.display().to_string(), verb: "made", source };
            let text = Keyring::generate()
                .map_err(|source| KeyFileError::Content { path: path.display().to_string(), source })?;
            make(path, &text).map_err(told)?;
            read(path)
        }
        outcome => outcome,
    }
}

/// Whether only its owner may read it.
///
/// # Errors
/// [`KeyFileError::Open`] when others may; [`KeyFileError::File`].
pub fn check_permissions(path: &Path) -> Result<(), KeyFileError> {
    let name = path.display().to_string();
    let found = fs::metadata(path);
    let found = found.map_err(|source| KeyFileError::File { path: name.clone(), verb: "read", source })?;
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyFileError::Open { path: name, mode }) }
}

/// Makes the file whole or not at all, and leaves one that is there as it is.
pub fn make(path: &Path, text: &str) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{:016x}.new", getrandom::u64().map_err(io::Error::other)?));
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    // A link, unlike a renaming, fails where there is a file already.
    let linked = written.and_then(|()| match fs::hard_link(&beside, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome,
    });
    let removed = fs::remove_file(&beside);
    linked.and(removed)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, path::PathBuf, thread};

    use super::{KeyFileError, check_permissions, make, read, read_or_make};

    /// A directory of its own, gone with the test.
    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("vartai-key-file-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn it_is_made_once_for_its_owner_alone() {
        let dir = Dir::new("once");
        let path = dir.0.join("below/keys");
        assert!(matches!(read(&path), Err(KeyFileError::Missing(_))));
        let sealed = read_or_make(&path).unwrap().seal("place", b"secret").unwrap();
        check_permissions(&path).unwrap();
        assert_eq!(read_or_make(&path).unwrap().open("place", &sealed).unwrap(), b"secret");
        make(&path, "1 other").unwrap();
        assert_eq!(read(&path).unwrap().open("place", &sealed).unwrap(), b"secret");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn of_many_that_make_it_all_have_the_same() {
        let dir = Dir::new("many");
        let path = dir.0.join("keys");
        let rings: Vec<_> = thread::scope(|scope| {
            let made = (0..8).map(|_| scope.spawn(|| read_or_make(&path).unwrap()));
            made.collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let sealed = rings[0].seal("place", b"secret").unwrap();
        assert!(rings.iter().all(|ring| ring.open("place", &sealed).unwrap() == b"secret"));
    }

    #[test]
    fn what_is_wrong_with_it_is_told() {
        let dir = Dir::new("wrong");
        let path = dir.0.join("keys");
        std::fs::write(&path, "1 zz\n").unwrap();
        assert!(
            read_or_make(&path)
                .unwrap_err()
                .to_string()
                .ends_with("line 1 of the key file is not `<number> <64 hex digits>`")
        );
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let told = check_permissions(&path).unwrap_err().to_string();
        assert!(told.contains("644") && told.contains("chmod 600"), "{told}");
    }
}
