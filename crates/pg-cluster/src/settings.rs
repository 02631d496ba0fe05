//! What a member asks of the cluster.

use std::path::PathBuf;
use std::time::Duration;

use crate::archive::Archive;
use crate::error::ClusterError;

/// Whether a commit survives a crash of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A commit that was answered is on the disk: for everything that holds books.
    Durable,
    /// No `fsync`: a crash of the machine may destroy the cluster. For tests only.
    Throwaway,
}

/// What becomes of a join that meets a server in a recovery that takes longer than the patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// It waits on: for what serves, and has nothing else to do.
    Awaited,
    /// It fails, and leaves the server to its recovery: for what a person waits for.
    Bounded,
}

/// What a member asks of the cluster. Server settings (`durability`, `max_connections`) take effect when this member
/// is the one that starts the server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the cluster lives; made if missing. A relative path is relative to the working directory.
    pub data_dir: PathBuf,
    /// How much a commit is worth.
    pub durability: Durability,
    /// The database that [`crate::Cluster::config`] leads to; created if missing.
    pub database: String,
    /// The superuser role, fixed when the cluster is first made; [`crate::Cluster::config`] connects as it.
    pub owner: String,
    /// Further roles that root and the server's own user may connect as. They are admitted, not created.
    pub roles: Vec<String>,
    /// Leave the server running when this member is the last one out: for tests that share a cluster.
    pub stay: bool,
    /// How many connections the server allows.
    pub max_connections: u16,
    /// Whether and how the server archives its WAL.
    pub archive: Option<Archive>,
    /// The directory of the PostgreSQL programs; `None` looks in the usual places.
    pub programs: Option<PathBuf>,
    /// How long any one step (making, starting, stopping) may take. Waiting for another member allows three times as
    /// much, since that one may be going through all of them.
    pub patience: Duration,
    /// What to do when a recovery takes longer than that.
    pub recovery: Recovery,
}

impl Settings {
    /// Durable settings for a cluster in `data_dir`: database and owner `vartai`, programs from `VARTAI_PG_BIN` if
    /// that is set.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            durability: Durability::Durable,
            database: "vartai".to_owned(),
            owner: "vartai".to_owned(),
            roles: Vec::new(),
            stay: false,
            max_connections: 100,
            archive: None,
            programs: std::env::var_os("VARTAI_PG_BIN").filter(|dir| !dir.is_empty()).map(PathBuf::from),
            patience: Duration::from_secs(120),
            recovery: Recovery::Bounded,
        }
    }

    /// Refuses names that would need escaping in pg_ident.conf or SQL: there is no use for such names here.
    pub(crate) fn check(&self) -> Result<(), ClusterError> {
        let names = [&self.database, &self.owner];
        match names.into_iter().chain(&self.roles).find(|name| !is_plain_name(name)) {
            Some(name) => Err(ClusterError::Name { name: name.clone() }),
            None => Ok(()),
        }
    }
}

/// ASCII letters, digits, `_` and `-`, not beginning with a digit or `-`, within PostgreSQL's 63 bytes. PostgreSQL
/// keeps `pg_` for itself.
fn is_plain_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && !name.starts_with("pg_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_need_escaping_are_refused() {
        let mut settings = Settings::new("/nowhere");
        assert!(settings.check().is_ok());
        for name in ["", "a b", "a\"b", "a'b", "1a", "-a", "pg_x", "é", &"x".repeat(64)] {
            settings.roles = vec![name.to_owned()];
            assert!(matches!(settings.check(), Err(ClusterError::Name { .. })), "{name:?}");
        }
        settings.roles = vec!["vartai_app".to_owned(), "realm-7".to_owned(), "x".repeat(63)];
        assert!(settings.check().is_ok());
    }
}
