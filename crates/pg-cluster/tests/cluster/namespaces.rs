//! Members in several PID, IPC and mount namespaces, as containers are: one server, whoever looks from where.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use pg_cluster::{Cluster, Left};
use tokio_postgres::Client;

use crate::bed::{Bed, Member, connect, is_root, signal, until};
use crate::refusals::psql;

/// What a container has of its own.
const CONTAINER: &[&str] = &["--pid", "--ipc", "--fork", "--mount-proc", "--kill-child"];

/// False, and it says why, where the kernel gives no namespaces.
fn namespaces() -> bool {
    let tried = Command::new("unshare").args(CONTAINER).arg("true").output();
    let refused = match &tried {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    eprintln!("SKIPPED: no namespaces of its own for a process here: {refused}");
    false
}

async fn keep_an_answer(client: &Client) {
    client.batch_execute("CREATE TABLE kept AS SELECT 42 AS answer").await.unwrap();
    client.batch_execute("CHECKPOINT").await.unwrap();
}

async fn answer(cluster: &Cluster) -> i32 {
    let client = connect(&cluster.config()).await.unwrap();
    client.query_one("SELECT answer FROM kept", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn a_member_in_another_pid_namespace_joins_the_server_that_runs() {
    if !namespaces() {
        return;
    }
    let bed = Bed::new();
    let first = bed.join().await;
    let client = connect(&first.config()).await.unwrap();
    keep_an_answer(&client).await;
    let running = bed.postmaster();
    let mut apart = Member::spawn_apart(&bed, CONTAINER, "");
    assert!(!apart.joined(), "a second server was started on one data directory");
    assert_eq!(bed.postmaster(), running);
    let mut third = Member::spawn_apart(&bed, CONTAINER, "");
    assert!(!third.joined());
    assert_eq!(third.leave(), "OthersRemain");
    assert_eq!(apart.leave(), "OthersRemain");
    assert_eq!(bed.log().matches("ready to accept connections").count(), 1, "{}", bed.log());
    client.batch_execute("SELECT 1").await.unwrap();
    drop(client);
    assert_eq!(first.leave().await.unwrap(), Left::Stopped);
    assert_eq!(bed.postmaster(), None);
}

#[tokio::test]
async fn a_server_in_another_pid_namespace_is_joined_and_ends_with_it() {
    if !namespaces() {
        return;
    }
    let bed = Bed::new();
    let mut apart = Member::spawn_apart(&bed, CONTAINER, "");
    assert!(apart.joined());
    let here = bed.join().await;
    assert!(!here.started_here(), "a second server was started on one data directory");
    let client = connect(&here.config()).await.unwrap();
    keep_an_answer(&client).await;
    let mut third = Member::spawn_apart(&bed, CONTAINER, "");
    assert!(!third.joined());
    // The first process of a PID namespace takes all others in it along.
    assert_eq!(apart.leave(), "OthersRemain");
    until("the server is gone with its namespace", || client.is_closed()).await;
    let next = bed.join().await;
    assert!(next.started_here());
    assert_eq!(answer(&here).await, 42);
    assert_eq!(third.leave(), "OthersRemain");
    assert_eq!(here.leave().await.unwrap(), Left::OthersRemain);
    assert_eq!(next.leave().await.unwrap(), Left::Stopped);
}

#[tokio::test]
async fn the_last_one_out_stops_only_what_it_can_name() {
    if !namespaces() {
        return;
    }
    let bed = Bed::new();
    // Seen from outside, the server in the namespace has another number than in postmaster.pid.
    let mut apart = Member::spawn_apart(&bed, CONTAINER, "exec 3<&0\n\"$0\" \"$@\" <&3 & wait\nexec sleep 600");
    assert!(apart.joined());
    let here = bed.join().await;
    assert_eq!(apart.tell_to_leave(), "OthersRemain");
    assert_eq!(here.leave().await.unwrap(), Left::Stopped);
    assert!(bed.log().contains("database system is shut down"), "{}", bed.log());

    // From the inside, one that runs outside has none: it is left alone, and no other process is taken for it.
    let here = bed.join().await;
    let running = bed.postmaster();
    let mut apart = Member::spawn_apart(&bed, CONTAINER, "");
    assert!(!apart.joined());
    assert_eq!(here.leave().await.unwrap(), Left::OthersRemain);
    assert_eq!(apart.leave(), "RunsElsewhere");
    assert_eq!(bed.postmaster(), running);
    assert_eq!(bed.join().await.leave().await.unwrap(), Left::Stopped);
}

#[tokio::test]
async fn a_server_whose_socket_is_in_another_mount_namespace_is_not_started_twice() {
    if !namespaces() {
        return;
    }
    let bed = Bed::new();
    let here = bed.join().await;
    let client = connect(&here.config()).await.unwrap();
    let running = bed.postmaster();
    let hide = format!("mount -t tmpfs none '{}'", here.socket_dir().display());
    let refused = Member::spawn_apart(&bed, &[CONTAINER, &["--mount"]].concat(), &hide).refused();
    assert!(refused.contains("another container") && refused.contains("socket"), "{refused}");
    assert_eq!(bed.postmaster(), running);
    client.batch_execute("SELECT 1").await.unwrap();
    drop(client);
    assert_eq!(here.leave().await.unwrap(), Left::Stopped);
}

/// An image has names of its own for the same numbers: who came first must not be locked out by who joins.
#[tokio::test]
async fn a_member_that_knows_the_server_s_user_by_another_name_locks_nobody_out() {
    if !namespaces() || !is_root() {
        return;
    }
    let bed = Bed::new();
    let here = bed.join().await;
    let service = fs::metadata(bed.data_dir().join("pg")).unwrap().uid();
    assert_eq!(psql(&here, service).stdout, b"in\n");
    let passwd = bed.dir.join("passwd");
    let renamed = format!(
        "sed -E 's/^[^:]+(:[^:]*:{service}:)/othername\\1/' /etc/passwd > {0}\nmount --bind {0} /etc/passwd",
        passwd.display()
    );
    let mut apart = Member::spawn_apart(&bed, &[CONTAINER, &["--mount"]].concat(), &renamed);
    assert!(!apart.joined());
    let ident = fs::read_to_string(bed.data_dir().join("conf/pg_ident.conf")).unwrap();
    assert!(ident.contains("othername"), "{ident}");
    assert_eq!(psql(&here, service).stdout, b"in\n");
    assert_eq!(apart.leave(), "OthersRemain");
    assert_eq!(here.leave().await.unwrap(), Left::Stopped);
}

#[tokio::test]
async fn a_read_only_root_file_system_will_do() {
    if !namespaces() {
        return;
    }
    let bed = Bed::new();
    let read_only = "mount -o remount,bind,ro /\n\
                     if touch /tmp/vartai-probe 2>/dev/null; then echo 'refused nothing: / is writable'; exit 1; fi";
    let mut member = Member::spawn_apart(&bed, &["--mount"], read_only);
    assert!(member.joined());
    assert_eq!(member.leave(), "Stopped");
    assert_eq!(bed.postmaster(), None);
}

/// PostgreSQL's own guard against backends that outlived their postmaster is shared memory, which another IPC namespace
/// doesn't have.
#[tokio::test]
async fn a_backend_that_outlived_its_postmaster_in_another_ipc_namespace_is_waited_for() {
    if !namespaces() {
        return;
    }
    let bed = Bed::new();
    let here = bed.join().await;
    let client = connect(&here.config()).await.unwrap();
    keep_an_answer(&client).await;
    let backend: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let backend: u32 = backend.try_into().unwrap();
    signal("STOP", backend);
    signal("KILL", bed.postmaster().unwrap());
    until("the postmaster is dead", || bed.postmaster().is_none()).await;
    assert!(!bed.is_free("postmaster.lock"), "a backend lives and nothing says so");
    let mut apart = Member::spawn_apart(&bed, CONTAINER, "");
    until("the other waits for its turn to start", || !bed.is_free("cluster.lock")).await;
    assert!(!bed.is_free("postmaster.lock"));
    assert_eq!(bed.log().matches("starting PostgreSQL").count(), 1, "{}", bed.log());
    signal("KILL", backend);
    assert!(apart.joined());
    assert_eq!(answer(&here).await, 42);
    assert_eq!(here.leave().await.unwrap(), Left::OthersRemain);
    assert_eq!(apart.leave(), "Stopped");
}

/// A server that an older version started, or a person: it holds no lock.
#[tokio::test]
async fn a_server_without_the_lock_is_joined_or_refused_and_never_doubled() {
    if !namespaces() {
        return;
    }
    let bed = Bed::new();
    let made = bed.join().await;
    let socket_dir = made.socket_dir().to_owned();
    let postgres = fs::read_link(format!("/proc/{}/exe", bed.postmaster().unwrap())).unwrap();
    assert_eq!(made.leave().await.unwrap(), Left::Stopped);
    let (pgdata, conf) = (bed.data_dir().join("pg"), bed.data_dir().join("conf/postgresql.conf"));
    let as_its_user = "exec setpriv --reuid=\"$(stat -c %u \"$1\")\" --regid=\"$(stat -c %g \"$1\")\" --clear-groups";
    let mut command = Command::new("unshare");
    command.args(CONTAINER).args(["sh", "-ec", &format!("{as_its_user} \"$0\" -D \"$1\" -c config_file=\"$2\"")]);
    command.arg(&postgres).arg(&pgdata).arg(&conf).stdout(Stdio::null()).stderr(Stdio::null());
    let mut by_hand = command.spawn().unwrap();
    until("it listens", || socket_dir.join(".s.PGSQL.5432").exists()).await;
    let here = bed.join().await;
    assert!(!here.started_here());
    keep_an_answer(&connect(&here.config()).await.unwrap()).await;

    let hide = format!("mount -t tmpfs none '{}'", socket_dir.display());
    let refused = Member::spawn_apart(&bed, &[CONTAINER, &["--mount"]].concat(), &hide).refused();
    assert!(refused.contains("other processes of vartai") && refused.contains("stop them"), "{refused}");
    assert_eq!(answer(&here).await, 42);
    // From here its process is to be seen, by another number than it knows itself.
    assert_eq!(here.leave().await.unwrap(), Left::Stopped);
    assert!(by_hand.wait().unwrap().success());
}
