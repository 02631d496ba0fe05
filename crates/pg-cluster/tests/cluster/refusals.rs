//! Who is kept out, and what is refused with which words.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pg_cluster::{Cluster, ClusterError, Left, Settings};

use crate::bed::{Bed, Member, is_root};

/// `daemon`: an account that every system has and that no server runs as.
const THIRD: u32 = 1;

pub fn psql(cluster: &Cluster, uid: u32) -> Output {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let psql = installed.map(|version| version.path().join("bin/psql")).find(|psql| psql.exists());
    let mut command = Command::new(psql.unwrap_or_else(|| PathBuf::from("psql")));
    command.arg("--host").arg(cluster.socket_dir()).args(["-U", "vartai", "-d", "vartai", "-Atc", "SELECT 'in'"]);
    command.uid(uid).gid(uid).current_dir("/").output().unwrap()
}

#[tokio::test]
async fn a_third_user_is_kept_out_twice() {
    if !is_root() {
        return; // Only root can be other users.
    }
    let bed = Bed::new();
    let cluster = bed.join().await;
    let service = fs::metadata(bed.data_dir().join("pg")).unwrap().uid();
    assert_eq!(psql(&cluster, 0).stdout, b"in\n");
    assert_eq!(psql(&cluster, service).stdout, b"in\n");
    let said = String::from_utf8(psql(&cluster, THIRD).stderr).unwrap();
    assert!(said.contains("Permission denied"), "{said}");
    // Were the directory open, the server would still refuse.
    fs::set_permissions(cluster.socket_dir(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(cluster.socket_dir().join(".s.PGSQL.5432"), Permissions::from_mode(0o777)).unwrap();
    let said = String::from_utf8(psql(&cluster, THIRD).stderr).unwrap();
    assert!(said.contains("Peer authentication failed"), "{said}");
    assert_eq!(cluster.leave().await.unwrap(), Left::Stopped);
}

#[tokio::test]
async fn root_shares_the_cluster_of_another_user() {
    if !is_root() {
        return; // Only root can be other users.
    }
    let bed = Bed::new();
    fs::create_dir(bed.data_dir()).unwrap();
    chown(bed.data_dir(), Some(THIRD), Some(THIRD)).unwrap();
    // Root is first, and makes everything.
    let root = bed.join().await;
    assert_eq!(fs::metadata(bed.data_dir().join("pg")).unwrap().uid(), THIRD);
    let mut theirs = Member::spawn(&bed, Some(THIRD));
    assert!(!theirs.joined());
    assert_eq!(root.leave().await.unwrap(), Left::OthersRemain);
    assert_eq!(theirs.leave(), "Stopped");
    let mut theirs = Member::spawn(&bed, Some(THIRD));
    assert!(theirs.joined());
    let root = bed.join().await;
    assert_eq!(theirs.leave(), "OthersRemain");
    assert_eq!(root.leave().await.unwrap(), Left::Stopped);
}

async fn refusal(bed: &Bed, data_dir: impl AsRef<Path>) -> ClusterError {
    let settings = Settings { data_dir: data_dir.as_ref().to_owned(), ..bed.settings() };
    let error = Cluster::join(&settings).await.unwrap_err();
    let text = error.to_string();
    assert!(!text.contains('\n') && text.contains("VARTAI_DATA_DIR"), "{text}");
    error
}

#[tokio::test]
async fn a_directory_the_server_cannot_get_to() {
    if !is_root() {
        return; // Others run the server as themselves.
    }
    let bed = Bed::new();
    let home = bed.dir.join("home");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, Permissions::from_mode(0o700)).unwrap();
    let error = refusal(&bed, home.join("checkout/var")).await;
    assert!(matches!(&error, ClusterError::Unreachable { blocked_at, .. } if *blocked_at == home), "{error}");
}

#[tokio::test]
async fn a_directory_of_someone_else() {
    let bed = Bed::new();
    let error = if is_root() {
        fs::create_dir_all(bed.data_dir().join("pg")).unwrap();
        refusal(&bed, bed.data_dir()).await
    } else {
        refusal(&bed, "/usr").await
    };
    assert!(matches!(&error, ClusterError::ForeignOwner { owner, .. } if owner == "root"), "{error}");
}

#[tokio::test]
async fn a_directory_of_a_newer_postgresql() {
    let bed = Bed::new();
    let pgdata = bed.data_dir().join("pg");
    fs::create_dir_all(&pgdata).unwrap();
    fs::write(pgdata.join("PG_VERSION"), "99\n").unwrap();
    if is_root() {
        chown(&pgdata, Some(THIRD), Some(THIRD)).unwrap();
    }
    let error = refusal(&bed, bed.data_dir()).await;
    assert!(matches!(&error, ClusterError::OtherMajor { made_by, .. } if made_by == "99"), "{error}");
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let bed = Bed::new();
    assert_eq!(bed.join().await.leave().await.unwrap(), Left::Stopped);
    fs::remove_file(bed.data_dir().join("pg/global/pg_control")).unwrap();
    let error = Cluster::join(&bed.settings()).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, ClusterError::Program { program: "postgres", .. }), "{text}");
    assert!(text.contains("pg_control") && !text.contains('\n'), "{text}");
}
