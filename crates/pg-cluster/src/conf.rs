//! The server's configuration files, written anew at each start.
//!
//! They live in `conf/`, beside PGDATA rather than in it: root never writes into a directory of the less privileged
//! user that the server runs as. `ALTER SYSTEM` still works for tuning; it writes into PGDATA.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::archive;
use crate::error::{ClusterError, FileContext};
use crate::layout::Layout;
use crate::settings::{Durability, Settings};

/// Whoever the kernel says is at the other end of the socket may connect if pg_ident.conf maps them; nobody else. Base
/// backups are replication.
const HBA: &str = "# Written by vartai at each start.\nlocal all all peer map=vartai\n\
local replication all peer map=vartai\n";

/// The fixed part. Error messages, their DETAIL and the statements they quote hold the data of our customers; the
/// client gets them, the log does not: hence log_min_messages, log_error_verbosity and their like.
const FIXED: &str = "\
# Written by vartai at each start: changes here are lost, those made with ALTER SYSTEM stay.
listen_addresses = ''
port = 5432
unix_socket_permissions = 0700
shared_buffers = '128MB'
max_wal_size = '1GB'
dynamic_shared_memory_type = posix
jit = off
default_transaction_isolation = 'read committed'
timezone = 'UTC'
log_timezone = 'UTC'
datestyle = 'iso, ymd'
lc_messages = 'C'
password_encryption = 'scram-sha-256'
log_destination = 'stderr'
logging_collector = off
log_line_prefix = '%m [%p] %q%u@%d '
log_min_messages = log
log_error_verbosity = terse
log_statement = none
log_duration = off
log_min_error_statement = panic
log_min_duration_statement = -1
log_min_duration_sample = -1
log_transaction_sample_rate = 0
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_lock_waits = on
log_checkpoints = off
";

/// Writes all three; returns the path of postgresql.conf.
pub(crate) fn write(layout: &Layout, settings: &Settings) -> Result<PathBuf, ClusterError> {
    let dir = layout.conf();
    match DirBuilder::new().create(&dir) {
        Ok(()) => {
            // The server's user reads here when we are root, whatever the umask says. There are no secrets.
            fs::set_permissions(&dir, Permissions::from_mode(0o755)).context("chmod", &dir)?;
            layout.hand_over(&dir)?;
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).context("make", &dir),
    }
    replace(layout, &dir.join("pg_hba.conf"), HBA)?;
    write_ident(layout, settings, Users::Ours)?;
    let main = dir.join("postgresql.conf");
    replace(layout, &main, &postgresql(layout, settings)?)?;
    Ok(main)
}

/// Which users pg_ident.conf lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Users {
    /// Root and the server's user, by the name that we know: for a start.
    Ours,
    /// Those already there, too: the server's container may have another name for the same number.
    OursAndPresent,
}

/// Writes pg_ident.conf with the roles of this member beside those already there; true if that changed it.
pub(crate) fn write_ident(layout: &Layout, settings: &Settings, users: Users) -> Result<bool, ClusterError> {
    let path = layout.conf().join("pg_ident.conf");
    let current = match fs::read_to_string(&path) {
        Ok(current) => current,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).context("read", &path),
    };
    let mut roles: BTreeSet<&str> = current.lines().filter_map(mapped).map(|(_, role)| role).collect();
    let mut admitted = BTreeSet::from(["root", layout.identity.service.name.as_str()]);
    if users == Users::OursAndPresent {
        admitted.extend(current.lines().filter_map(mapped).map(|(user, _)| user));
    }
    roles.insert(&settings.owner);
    roles.extend(settings.roles.iter().map(String::as_str));
    let wanted = ident(&admitted, &roles);
    if wanted == current {
        return Ok(false);
    }
    replace(layout, &path, &wanted).map(|()| true)
}

/// Each of these users may be any of the roles. PostgreSQL 15 has no way to say "any role", so each has a line.
fn ident(users: &BTreeSet<&str>, roles: &BTreeSet<&str>) -> String {
    let mut text = "# Written by vartai.\n".to_owned();
    for user in users {
        for role in roles {
            text.push_str(&format!("vartai \"{user}\" \"{role}\"\n"));
        }
    }
    text
}

/// The user and the role of a line.
fn mapped(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("vartai \"")?.strip_suffix('"')?.split_once("\" \"")
}

fn postgresql(layout: &Layout, settings: &Settings) -> Result<String, ClusterError> {
    let conf = layout.conf();
    let on = match settings.durability {
        Durability::Durable => "on",
        Durability::Throwaway => "off",
    };
    let mut text = FIXED.to_owned();
    for name in ["fsync", "synchronous_commit", "full_page_writes"] {
        text.push_str(&format!("{name} = {on}\n"));
    }
    text.push_str(&format!("max_connections = {}\n", settings.max_connections));
    text.push_str(&archive::configure(layout, settings.archive)?);
    for (name, path) in [
        ("unix_socket_directories", layout.socket_dir.clone()),
        ("hba_file", conf.join("pg_hba.conf")),
        ("ident_file", conf.join("pg_ident.conf")),
    ] {
        let quoted = quote(&path)?;
        text.push_str(&format!("{name} = {quoted}\n"));
    }
    Ok(text)
}

/// A string in postgresql.conf: backslashes and quotes are doubled.
fn quote(path: &Path) -> Result<String, ClusterError> {
    path.to_str().map(quote_text).ok_or_else(|| ClusterError::Path { path: path.to_owned() })
}

pub(crate) fn quote_text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// Replaces a file whole: a reader sees the old text or the new. One that has the text already is left alone: a full
/// disk shall keep no server from starting that needs nothing new.
pub(crate) fn replace(layout: &Layout, path: &Path, text: &str) -> Result<(), ClusterError> {
    if fs::read_to_string(path).is_ok_and(|current| current == text) {
        return Ok(());
    }
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).context("remove", &new),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&new).context("make", &new)?;
    file.set_permissions(Permissions::from_mode(0o644)).context("chmod", &new)?;
    file.write_all(text.as_bytes()).context("write", &new)?;
    layout.hand_over(&new)?;
    fs::rename(&new, path).context("replace", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_survive_a_rewrite() {
        let roles = BTreeSet::from(["vartai", "vartai_app"]);
        let text = ident(&BTreeSet::from(["postgres", "root"]), &roles);
        assert_eq!(text.lines().filter_map(mapped).map(|(_, role)| role).collect::<BTreeSet<_>>(), roles);
        assert_eq!(text.lines().filter_map(mapped).next(), Some(("postgres", "vartai")));
        assert!(text.contains("vartai \"root\" \"vartai_app\"\n"));
        assert!(text.contains("vartai \"postgres\" \"vartai\"\n"));
    }

    #[test]
    fn quotes_and_backslashes_are_doubled() {
        assert_eq!(quote(Path::new(r"/a'b\c")).unwrap(), r"'/a''b\\c'");
    }
}
