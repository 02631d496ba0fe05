//! Who runs this process, and who the server runs as.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use crate::error::{ClusterError, FileContext};

/// The users that a server started by root may run as, in order of preference.
const SERVICE_USERS: [&str; 3] = ["postgres", "vartai", "nobody"];

/// An operating system account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Who runs this process, and who the server runs as.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// This process is root: it hands files and programs over to `service`.
    pub(crate) root: bool,
    /// The account of the server.
    pub(crate) service: Account,
}

impl Identity {
    /// Decides who the server runs as: ourselves; or, since PostgreSQL refuses root, the owner of the cluster or of
    /// the data directory that is there, or else the first account in [`SERVICE_USERS`].
    pub(crate) fn establish(data_dir: &Path, pgdata: &Path) -> Result<Self, ClusterError> {
        let proc_status = Path::new("/proc/self/status");
        let uid = effective_uid(proc_status).context("read", proc_status)?;
        let root = uid == 0;
        let service = match fs::symlink_metadata(pgdata).map(|metadata| metadata.uid()) {
            Ok(owner) if owner == 0 || (!root && owner != uid) => {
                return Err(ClusterError::ForeignOwner { path: pgdata.to_owned(), owner: name_of(owner) });
            }
            Ok(owner) => by_uid(owner)?,
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).context("look at", pgdata),
            Err(_) if !root => by_uid(uid)?,
            Err(_) => match fs::metadata(data_dir).context("look at", data_dir)?.uid() {
                0 => first_service_account()?,
                owner => by_uid(owner)?,
            },
        };
        Ok(Self { root, service })
    }
}

/// The name of a user, or the number of one without a name.
pub(crate) fn name_of(uid: u32) -> String {
    by_uid(uid).map_or_else(|_| uid.to_string(), |account| account.name)
}

fn effective_uid(proc_status: &Path) -> io::Result<u32> {
    let status = fs::read_to_string(proc_status)?;
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    ids.and_then(|ids| ids.split_whitespace().nth(1)?.parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no Uid line"))
}

fn first_service_account() -> Result<Account, ClusterError> {
    let passwd = fs::read_to_string("/etc/passwd").context("read", Path::new("/etc/passwd"))?;
    let accounts: Vec<Account> = passwd.lines().filter_map(parse).collect();
    SERVICE_USERS
        .into_iter()
        .find_map(|name| accounts.iter().find(|account| account.name == name && account.uid != 0))
        .cloned()
        .ok_or_else(|| ClusterError::NoAccount { wanted: format!("none of {}", SERVICE_USERS.join(", ")) })
}

/// PostgreSQL itself needs the name of the user it runs as. Accounts outside /etc/passwd (LDAP, systemd) are known to
/// `getent`.
fn by_uid(uid: u32) -> Result<Account, ClusterError> {
    let in_file = fs::read_to_string("/etc/passwd").ok().and_then(|passwd| find(&passwd, uid));
    let found = in_file.or_else(|| {
        let output = Command::new("getent").arg("passwd").arg(uid.to_string()).output().ok()?;
        find(&String::from_utf8_lossy(&output.stdout), uid)
    });
    found.ok_or_else(|| ClusterError::NoAccount { wanted: format!("user id {uid}") })
}

fn find(passwd: &str, uid: u32) -> Option<Account> {
    passwd.lines().filter_map(parse).find(|account| account.uid == uid)
}

/// One line of passwd(5): `name:password:uid:gid:…`.
fn parse(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    // Such a name could not stand in pg_ident.conf, and no sane account has it.
    let plain = !name.is_empty() && !name.contains(['"', '\\']) && !name.contains(char::is_whitespace);
    plain.then_some(Account { name, uid, gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwd_lines() {
        let passwd =
            "root:x:0:0:root:/root:/bin/bash\n+::::::\nbad:x:y:1::\npostgres:x:101:104:PostgreSQL,,,:/:/bin/sh\n";
        let postgres = Account { name: "postgres".to_owned(), uid: 101, gid: 104 };
        assert_eq!(find(passwd, 101), Some(postgres));
        assert_eq!(find(passwd, 1), None);
        assert_eq!(parse("a\"b:x:5:5:::"), None);
    }

    #[test]
    fn the_effective_user_owns_what_it_makes() {
        let path = std::env::temp_dir().join(format!("vartai-account-{}", std::process::id()));
        fs::write(&path, "").unwrap();
        let owner = fs::metadata(&path).unwrap().uid();
        fs::remove_file(&path).unwrap();
        assert_eq!(effective_uid(Path::new("/proc/self/status")).unwrap(), owner);
    }
}
