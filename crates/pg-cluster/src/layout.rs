//! Where everything is, and whose it is.

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

use crate::account::Identity;
use crate::error::{ClusterError, FileContext};

/// What a Unix socket's path may hold, without its final NUL: `sun_path` is 108 bytes.
const SOCKET_PATH_MAX: usize = 107;
/// The name of the server's socket; the port is a name only, nothing listens on it.
const SOCKET_NAME: &str = ".s.PGSQL.5432";

/// The paths of one cluster, and the users around it.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// Absolute, without symbolic links.
    pub(crate) data_dir: PathBuf,
    /// The directory of the socket.
    pub(crate) socket_dir: PathBuf,
    /// Who we are, and who the server runs as.
    pub(crate) identity: Identity,
    /// The user and group who get what root makes in their data directory: they could not join any more otherwise.
    pub(crate) heir: Option<(u32, u32)>,
}

impl Layout {
    /// Makes the data directory if it is missing, and works out the rest.
    pub(crate) fn establish(data_dir: &Path) -> Result<Self, ClusterError> {
        let data_dir = make_data_dir(data_dir)?;
        if data_dir.to_str().is_none_or(|path| path.contains(char::is_control)) {
            return Err(ClusterError::Path { path: data_dir });
        }
        let identity = Identity::establish(&data_dir, &data_dir.join("pg"))?;
        let owner = fs::metadata(&data_dir).context("look at", &data_dir)?;
        let heir = (identity.root && owner.uid() != 0).then(|| (owner.uid(), owner.gid()));
        let socket_dir = socket_dir(&data_dir, &owner);
        Ok(Self { data_dir, socket_dir, identity, heir })
    }

    /// PGDATA.
    pub(crate) fn pgdata(&self) -> PathBuf {
        self.data_dir.join("pg")
    }

    /// The configuration files.
    pub(crate) fn conf(&self) -> PathBuf {
        self.data_dir.join("conf")
    }

    /// The server's log.
    pub(crate) fn log(&self) -> PathBuf {
        self.data_dir.join("postgres.log")
    }

    /// The lock of whoever starts or stops.
    pub(crate) fn cluster_lock(&self) -> PathBuf {
        self.data_dir.join("cluster.lock")
    }

    /// The lock of the members.
    pub(crate) fn users_lock(&self) -> PathBuf {
        self.data_dir.join("users.lock")
    }

    /// The lock of the server and its processes.
    pub(crate) fn server_lock(&self) -> PathBuf {
        self.data_dir.join("postmaster.lock")
    }

    /// The server's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.socket_dir.join(SOCKET_NAME)
    }

    /// The file in which PostgreSQL guards its socket.
    pub(crate) fn socket_guard(&self) -> PathBuf {
        self.socket_dir.join(format!("{SOCKET_NAME}.lock"))
    }

    /// The major version that made PGDATA; `None` before it is made.
    pub(crate) fn made_by(&self) -> Result<Option<String>, ClusterError> {
        let path = self.pgdata().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(version) => Ok(Some(version.trim().to_owned())),
            // A PGDATA without PG_VERSION is none of ours, and renaming a new one over it will say so.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("read", &path),
        }
    }

    /// Gives what was just made to the heir, if there is one.
    pub(crate) fn hand_over(&self, path: &Path) -> Result<(), ClusterError> {
        let Some((uid, gid)) = self.heir else { return Ok(()) };
        lchown(path, Some(uid), Some(gid)).context("chown", path)
    }

    /// Gives a file to the user that the server runs as, if we are root.
    pub(crate) fn give_to_server(&self, path: &Path) -> Result<(), ClusterError> {
        let service = &self.identity.service;
        match self.identity.root {
            true => lchown(path, Some(service.uid), Some(service.gid)).context("chown", path),
            false => Ok(()),
        }
    }

    /// Makes the directory of the socket, private to the server's user.
    pub(crate) fn make_socket_dir(&self) -> Result<(), ClusterError> {
        let path = &self.socket_dir;
        if self.make_private(path)? {
            return Ok(());
        }
        // Someone was here before: in a shared directory that need not have been us.
        let metadata = fs::symlink_metadata(path).context("look at", path)?;
        if !metadata.is_dir() || metadata.uid() != self.identity.service.uid {
            return Err(ClusterError::SocketDir { path: path.clone(), user: self.identity.service.name.clone() });
        }
        fs::set_permissions(path, Permissions::from_mode(0o700)).context("chmod", path)
    }

    /// Removes the directory of the socket if it is outside the data directory. Best effort: it is empty by then.
    pub(crate) fn clear_socket_dir(&self) {
        if !self.socket_dir.starts_with(&self.data_dir)
            && let Err(error) = fs::remove_dir(&self.socket_dir)
        {
            tracing::debug!(%error, "the socket directory stays");
        }
    }

    /// Makes a directory that only the server's user may enter; false if there is something already.
    pub(crate) fn make_private(&self, path: &Path) -> Result<bool, ClusterError> {
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(error).context("make", path),
        }
        if self.identity.root {
            let service = &self.identity.service;
            lchown(path, Some(service.uid), Some(service.gid)).context("chown", path)?;
        }
        Ok(true)
    }

    /// The outermost directory on the way to the data directory that the server's user may not search.
    pub(crate) fn blocked_at(&self) -> PathBuf {
        let outermost_first: Vec<&Path> = self.data_dir.ancestors().collect();
        let blocked = outermost_first.into_iter().rev().find(|dir| !self.searchable(dir));
        blocked.unwrap_or(&self.data_dir).to_owned()
    }

    /// Whether the mode bits let the server's user through. Access control lists are not looked at: this only picks
    /// the directory to name in an error.
    fn searchable(&self, dir: &Path) -> bool {
        let service = &self.identity.service;
        fs::metadata(dir).is_ok_and(|metadata| {
            let bit = match (metadata.uid() == service.uid, metadata.gid() == service.gid) {
                (true, _) => 0o100,
                (false, true) => 0o010,
                (false, false) => 0o001,
            };
            metadata.mode() & bit != 0
        })
    }
}

/// Gives a file to the owner of the data directory if it is root's and the directory is not: whoever runs a command,
/// the service must be able to use what it has made.
///
/// # Errors
/// Root may not do so, as in a container without `CAP_CHOWN`.
pub fn hand_over(path: &Path, data_dir: &Path) -> Result<(), ClusterError> {
    let owner = fs::metadata(data_dir).context("look at", data_dir)?;
    let file = fs::symlink_metadata(path).context("look at", path)?;
    if file.uid() != 0 || owner.uid() == 0 || file.nlink() > 1 {
        return Ok(());
    }
    lchown(path, Some(owner.uid()), Some(owner.gid())).context("chown", path)
}

/// Makes the data directory if it is missing: others may pass through it, as the server's user has to if we are root,
/// but not look around in it.
fn make_data_dir(path: &Path) -> Result<PathBuf, ClusterError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).context("make", parent)?;
    }
    match fs::create_dir(path) {
        // Whatever the umask says.
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(0o711)).context("chmod", path)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).context("make", path),
    }
    fs::canonicalize(path).context("resolve", path)
}

/// `run/` in the data directory; or, when a socket there would have too long a path or one that cannot stand in
/// `unix_socket_directories`, a directory with a name derived from the data directory: every member finds the same.
/// It is below /run only if root keeps the data directory to itself, since only root can make directories there.
fn socket_dir(data_dir: &Path, metadata: &Metadata) -> PathBuf {
    let natural = data_dir.join("run");
    let length = natural.join(SOCKET_NAME).as_os_str().len();
    let plain = |path: &str| path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+@".contains(c));
    if length <= SOCKET_PATH_MAX && natural.to_str().is_some_and(plain) {
        return natural;
    }
    let of_root = metadata.uid() == 0 && metadata.mode() & 0o022 == 0;
    let base = if of_root && Path::new("/run").is_dir() { "/run" } else { "/tmp" };
    Path::new(base).join(format!("vartai-{:016x}", fnv1a(data_dir.as_os_str().as_bytes())))
}

/// FNV-1a, 64 bits: the same in every build, unlike the standard library's hashes.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv1a_is_the_published_function() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn only_a_path_that_fits_holds_the_socket() {
        let root = std::env::temp_dir().join(format!("vartai-layout-{}", std::process::id()));
        let fixed = root.as_os_str().len() + "/".len() + "/run/.s.PGSQL.5432".len();
        for (name, fits) in [
            ("x".repeat(SOCKET_PATH_MAX - fixed), true),
            ("x".repeat(SOCKET_PATH_MAX - fixed + 1), false),
            ("a b".to_owned(), false),
            ("a,b".to_owned(), false),
        ] {
            let data_dir = root.join(&name);
            fs::create_dir_all(&data_dir).unwrap();
            let metadata = fs::metadata(&data_dir).unwrap();
            let chosen = socket_dir(&data_dir, &metadata);
            assert_eq!(chosen.starts_with(&data_dir), fits, "{name}");
            assert!(chosen.join(SOCKET_NAME).as_os_str().len() <= SOCKET_PATH_MAX, "{name}");
            assert_eq!(chosen, socket_dir(&data_dir, &metadata), "{name}");
        }
        fs::remove_dir_all(root).unwrap();
    }
}
