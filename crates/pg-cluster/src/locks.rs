//! The three locks. They are flock(2) locks of open files: the kernel frees them when their holder is gone, however it
//! went, and they hold across namespaces. The server inherits its own and no other (Rust opens files close-on-exec).

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::account;
use crate::deadline::Deadline;
use crate::error::{ClusterError, FileContext};
use crate::layout::Layout;

/// `cluster.lock` held: nobody else starts or stops the server, joins or leaves.
#[derive(Debug)]
pub(crate) struct StartStop {
    _file: File,
}

impl StartStop {
    /// Waits for the lock; blocks its thread.
    pub(crate) fn acquire(layout: &Layout, patience: Duration) -> Result<Self, ClusterError> {
        let path = layout.cluster_lock();
        let file = open(&path, layout)?;
        let deadline = Deadline::after(patience);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(error)) => return Err(error).context("lock", &path),
                Err(TryLockError::WouldBlock) if deadline.rest() => {}
                Err(TryLockError::WouldBlock) => {
                    let (seconds, log) = (deadline.seconds(), layout.log());
                    return Err(ClusterError::Busy { seconds, lock: path, log });
                }
            }
        }
    }
}

/// `users.lock` held shared: this process is a member.
#[derive(Debug)]
pub(crate) struct Membership {
    file: File,
}

impl Membership {
    /// Becomes a member. Only a leaver holds this lock exclusively, and only under [`StartStop`], which we hold: so
    /// this does not wait.
    pub(crate) fn enter(layout: &Layout, _held: &StartStop) -> Result<Self, ClusterError> {
        let path = layout.users_lock();
        let file = open(&path, layout)?;
        file.lock_shared().context("lock", &path)?;
        Ok(Self { file })
    }

    /// Whether there are other members than this one. For the question this one ceases to be one, which under
    /// [`StartStop`] nobody sees.
    pub(crate) fn has_company(&self, layout: &Layout, held: &StartStop) -> Result<bool, ClusterError> {
        let alone = self.exit(layout, held)?;
        self.file.lock_shared().context("lock", &layout.users_lock())?;
        Ok(!alone)
    }

    /// Ceases to be a member; true when there is no other. Turning a shared lock into an exclusive one is not atomic,
    /// but under [`StartStop`] nobody comes in between.
    pub(crate) fn exit(&self, layout: &Layout, _held: &StartStop) -> Result<bool, ClusterError> {
        let path = layout.users_lock();
        self.file.unlock().context("unlock", &path)?;
        match self.file.try_lock() {
            Ok(()) => self.file.unlock().context("unlock", &path).map(|()| true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error).context("lock", &path),
        }
    }
}

/// `postmaster.lock` held exclusively: by whoever is to start the server, then by the server and all its processes.
#[derive(Debug)]
pub(crate) struct ServerLock {
    file: File,
}

impl ServerLock {
    /// Takes it; `None` while a server holds it.
    pub(crate) fn take(layout: &Layout, _held: &StartStop) -> Result<Option<Self>, ClusterError> {
        let path = layout.server_lock();
        let file = open(&path, layout)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).context("lock", &path),
        }
    }

    /// Whether a server holds it, or somebody who is about to start one. Looking keeps others who look from nothing.
    pub(crate) fn is_held(layout: &Layout) -> Result<bool, ClusterError> {
        let path = layout.server_lock();
        let file = open(&path, layout)?;
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error).context("lock", &path),
        }
    }

    /// The standard input of the server, which then holds the lock in our place. It is a file that stays empty.
    pub(crate) fn pass_on(self) -> Stdio {
        Stdio::from(self.file)
    }
}

/// Opens a lock file, making it if missing.
fn open(path: &Path, layout: &Layout) -> Result<File, ClusterError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    let file = match options.clone().create_new(true).open(path) {
        Ok(file) => return layout.hand_over(path).map(|()| file),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path),
        Err(error) => Err(error),
    };
    match file {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let blocker = if path.exists() { path } else { &layout.data_dir };
            let owner = fs::metadata(blocker).context("look at", blocker)?.uid();
            Err(ClusterError::ForeignOwner { path: blocker.to_owned(), owner: account::name_of(owner) })
        }
        opened => opened.context("open", path),
    }
}
