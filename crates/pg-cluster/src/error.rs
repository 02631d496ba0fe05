//! Why the cluster cannot be had, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why the cluster cannot be had. Each message is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No usable PostgreSQL programs on this machine.
    #[error(
        "PostgreSQL {minimum} or newer is not installed (looked in {searched}): run `apt-get install postgresql-15`, \
         or `./run`, which does it, or set VARTAI_PG_BIN to the directory of its programs"
    )]
    ProgramsMissing {
        /// The oldest major version that will do.
        minimum: u32,
        /// Where the search looked, and what it saw there.
        searched: String,
    },
    /// The data directory needs the programs of another major version.
    #[error(
        "{} was made by PostgreSQL {made_by}, but this machine has {available}: install postgresql-{made_by}, \
         or set VARTAI_DATA_DIR to another directory",
        data_dir.display()
    )]
    OtherMajor {
        /// The data directory.
        data_dir: PathBuf,
        /// The major version in its PG_VERSION.
        made_by: String,
        /// The versions found.
        available: String,
    },
    /// A database or role name outside the plain ones.
    #[error("`{name}` cannot name a database or role here: use letters, digits, `_` and `-`, at most 63")]
    Name {
        /// The name refused.
        name: String,
    },
    /// A file operation failed.
    #[error("cannot {action} {}: {source}; check its permissions and the disk, or set VARTAI_DATA_DIR", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The path belongs to someone else.
    #[error(
        "{} belongs to user {owner}: run as that user, give it to yours with chown, or set VARTAI_DATA_DIR to another \
         directory",
        path.display()
    )]
    ForeignOwner {
        /// The path in the way.
        path: PathBuf,
        /// Name or number of its owner.
        owner: String,
    },
    /// PostgreSQL does not run as root, and the user it would run as cannot get to the data directory.
    #[error(
        "PostgreSQL runs as user {user} here, who may not enter {}: set VARTAI_DATA_DIR to a directory outside it, \
         e.g. /var/lib/vartai, or run `chmod o+x` on it",
        blocked_at.display()
    )]
    Unreachable {
        /// The user the server would run as.
        user: String,
        /// The outermost directory that user may not search.
        blocked_at: PathBuf,
    },
    /// This process is root, and may not become the user that the server runs as.
    #[error(
        "PostgreSQL does not run as root, and this process may not become user {user}: it lacks CAP_SETUID or CAP_SETGID; \
         run vartai as that user (in a container: `--user`), or give it those capabilities"
    )]
    NoOtherUser {
        /// The user the server would run as.
        user: String,
    },
    /// No account for the server to run as.
    #[error("{wanted} has no account on this machine: add one (`adduser --system vartai`) or run as another user")]
    NoAccount {
        /// Who was looked for.
        wanted: String,
    },
    /// The path of the data directory cannot stand in a PostgreSQL configuration file.
    #[error("{} cannot hold a cluster: set VARTAI_DATA_DIR to a UTF-8 path without control characters", path.display())]
    Path {
        /// The path refused.
        path: PathBuf,
    },
    /// The short directory for a socket whose own path would be too long is taken.
    #[error("{} is not a private directory of user {user}: remove it, or set VARTAI_DATA_DIR to a shorter path", path.display())]
    SocketDir {
        /// The directory refused.
        path: PathBuf,
        /// The user it should belong to.
        user: String,
    },
    /// Another member holds the lock for too long.
    #[error(
        "another process has been starting or stopping PostgreSQL for {seconds} s: see {}, or who holds {} (`fuser`)",
        log.display(), lock.display()
    )]
    Busy {
        /// How long this one waited.
        seconds: u64,
        /// The lock waited for.
        lock: PathBuf,
        /// The server's log.
        log: PathBuf,
    },
    /// The server runs, and its socket is not here.
    #[error(
        "PostgreSQL runs in another container or mount namespace, and its socket {} is not to be seen here: share that \
         directory between them, or set VARTAI_DATA_DIR to a shorter path, so that the socket is in it",
        socket.display()
    )]
    SocketHidden {
        /// Where it should be.
        socket: PathBuf,
    },
    /// There are other members, and the server that they must have is not to be seen. It may have been started without
    /// its lock, by an older version or a person, in another PID namespace.
    #[error(
        "other processes of vartai use {} and no PostgreSQL is to be seen from here: it may run in another container; stop \
         them, and PostgreSQL there, then try again",
        data_dir.display()
    )]
    Unseen {
        /// The data directory.
        data_dir: PathBuf,
    },
    /// The server recovers from a crash, and goes on doing so.
    #[error(
        "PostgreSQL has been recovering from a crash for {seconds} s and goes on: try again when {} says that it is \
         ready to accept connections",
        log.display()
    )]
    Recovering {
        /// How long this one waited.
        seconds: u64,
        /// The server's log.
        log: PathBuf,
    },
    /// Somebody uses the installation that is to be replaced.
    #[error(
        "{} is in use by another `vartai` process: stop `serve`, `worker` and all others that use it, and try again",
        data_dir.display()
    )]
    InUse {
        /// The data directory.
        data_dir: PathBuf,
    },
    /// A restore died; an empty database in its place would be taken for the installation.
    #[error(
        "a restore into {} was begun and has not ended: run `vartai restore` again, or remove {} to begin anew",
        data_dir.display(), unfinished.display()
    )]
    Unfinished {
        /// The data directory.
        data_dir: PathBuf,
        /// What is left of the restore.
        unfinished: PathBuf,
    },
    /// One of PostgreSQL's programs failed.
    #[error("{program} {outcome}; see {}: {tail}", log.display())]
    Program {
        /// Which.
        program: &'static str,
        /// How it ended.
        outcome: String,
        /// The log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// The server runs, but does not accept connections in time.
    #[error("PostgreSQL did not accept connections within {seconds} s ({last}); see {}: {tail}", log.display())]
    NotReady {
        /// How long this one waited.
        seconds: u64,
        /// The last answer.
        last: String,
        /// The log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// The server refuses us for a reason that waiting does not cure.
    #[error("PostgreSQL in {} refuses: {reason}; was it made by something other than Vartai?", data_dir.display())]
    Refused {
        /// The data directory.
        data_dir: PathBuf,
        /// What the server said.
        reason: String,
    },
    /// A durable member met a server that runs without `fsync`.
    #[error("PostgreSQL in {} runs without fsync, for tests: stop its users, or set VARTAI_DATA_DIR", data_dir.display())]
    NotDurable {
        /// The data directory.
        data_dir: PathBuf,
    },
    /// The runtime ended before the work did.
    #[error("joining or leaving PostgreSQL was interrupted ({0}): start again")]
    Interrupted(String),
}

/// Names the action and the path beside what the system said.
pub(crate) trait FileContext<T> {
    /// Turns an I/O error into [`ClusterError::File`].
    fn context(self, action: &'static str, path: &Path) -> Result<T, ClusterError>;
}

impl<T> FileContext<T> for io::Result<T> {
    fn context(self, action: &'static str, path: &Path) -> Result<T, ClusterError> {
        self.map_err(|source| ClusterError::File { action, path: path.to_owned(), source })
    }
}
