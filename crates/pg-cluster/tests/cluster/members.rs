//! Several members: who starts, who stops, and what a crash leaves.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::Duration;

use pg_cluster::{Cluster, Left, Settings};

use crate::bed::{Bed, Member, acted_as_member, connect, is_root, signal, until};

#[tokio::test]
async fn the_last_one_out_stops_it() {
    let bed = Bed::new();
    let first = bed.join().await;
    let mut second = Member::spawn(&bed, None);
    assert!(!second.joined());
    let running = bed.postmaster();
    assert_eq!(first.leave().await.unwrap(), Left::OthersRemain);
    let third = bed.join().await;
    assert!(!third.started_here());
    assert_eq!(second.leave(), "OthersRemain");
    assert_eq!(bed.postmaster(), running);
    connect(&third.config()).await.unwrap();
    drop(third);
    assert_eq!(bed.postmaster(), None);
}

#[tokio::test]
async fn first_joins_at_once_start_one_server() {
    let bed = Bed::new();
    let mut members: Vec<Member> = (0..4).map(|_| Member::spawn(&bed, None)).collect();
    let started = members.iter_mut().map(Member::joined).filter(|started| *started).count();
    assert_eq!(started, 1);
    assert_eq!(bed.log().matches("ready to accept connections").count(), 1, "{}", bed.log());
    let left: Vec<String> = members.into_iter().map(Member::leave).collect();
    assert_eq!(left, ["OthersRemain", "OthersRemain", "OthersRemain", "Stopped"]);
    assert_eq!(bed.postmaster(), None);
}

#[tokio::test]
async fn joining_while_the_last_one_leaves() {
    let bed = Bed::new();
    let mut current = bed.join().await;
    for _ in 0..5 {
        let settings = bed.settings();
        let (left, next) = tokio::join!(current.leave(), Cluster::join(&settings));
        current = next.unwrap();
        // Whoever came first, the newcomer has a server that works.
        assert_eq!(current.started_here(), left.unwrap() == Left::Stopped);
        connect(&current.config()).await.unwrap().batch_execute("SELECT 1").await.unwrap();
    }
    assert_eq!(current.leave().await.unwrap(), Left::Stopped);
}

/// Also the member that other tests have run as a process of its own.
#[tokio::test]
async fn a_killed_member_leaves_the_server_running_for_the_next() {
    if acted_as_member().await {
        return;
    }
    let bed = Bed::new();
    let mut member = Member::spawn(&bed, None);
    assert!(member.joined());
    let running = bed.postmaster().unwrap();
    let process_group = |pid: &str| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit_once(')').unwrap().1.split_whitespace().nth(2).unwrap().to_owned()
    };
    assert_ne!(process_group(&running.to_string()), process_group("self"));
    member.kill();
    assert_eq!(bed.postmaster(), Some(running));
    let next = bed.join().await;
    assert!(!next.started_here());
    connect(&next.config()).await.unwrap();
    assert_eq!(next.leave().await.unwrap(), Left::Stopped);
    assert_eq!(bed.postmaster(), None);
}

#[tokio::test]
async fn the_server_inherits_its_own_lock_and_no_other_and_no_pipe() {
    let bed = Bed::new();
    let mut member = Member::spawn(&bed, None);
    assert!(member.joined());
    let open = fs::read_dir(format!("/proc/{}/fd", bed.postmaster().unwrap())).unwrap();
    let open: Vec<_> = open.map(|entry| fs::read_link(entry.unwrap().path()).unwrap()).collect();
    let data_dir = fs::canonicalize(bed.data_dir()).unwrap();
    assert!(open.contains(&data_dir.join("postgres.log")), "{open:?}");
    let locks: Vec<_> = open.iter().filter(|path| path.extension().is_some_and(|e| e == "lock")).collect();
    assert_eq!(locks, [&data_dir.join("postmaster.lock")]);
    let ours: Vec<_> = ["0", "1"].map(|fd| fs::read_link(format!("/proc/{}/fd/{fd}", member.pid())).unwrap()).into();
    assert!(ours.iter().all(|pipe| pipe.to_string_lossy().starts_with("pipe:") && !open.contains(pipe)), "{open:?}");
    assert_eq!(member.leave(), "Stopped");
}

#[tokio::test]
async fn killed_while_making_it_leaves_nothing_half_done() {
    let bed = Bed::new();
    let member = Member::spawn(&bed, None);
    until("initdb runs", || {
        let entries = fs::read_dir(bed.data_dir()).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).any(|path| path.join("PG_VERSION").exists() && !path.ends_with("pg"))
    })
    .await;
    member.kill();
    let cluster = bed.join().await;
    assert!(cluster.started_here());
    connect(&cluster.config()).await.unwrap();
    assert_eq!(cluster.leave().await.unwrap(), Left::Stopped);
}

#[tokio::test]
async fn a_join_that_nobody_waits_for_leaves() {
    let bed = Bed::new();
    let settings = bed.settings();
    let join = tokio::spawn(async move { Cluster::join(&settings).await });
    until("the join is under way", || bed.data_dir().join("cluster.lock").exists()).await;
    join.abort();
    assert!(join.await.unwrap_err().is_cancelled());
    until("it was a member, and is none, and no server runs", || {
        let was_member = bed.data_dir().join("users.lock").exists();
        was_member && bed.is_free("cluster.lock") && bed.is_free("postmaster.lock")
    })
    .await;
    assert_eq!(bed.postmaster(), None);
    assert_eq!(bed.join().await.leave().await.unwrap(), Left::Stopped);
}

#[tokio::test]
async fn a_session_that_does_not_end_does_not_keep_it_running() {
    let bed = Bed::new();
    let impatient = Settings { patience: Duration::from_secs(16), ..bed.settings() };
    let cluster = Cluster::join(&impatient).await.unwrap();
    let client = connect(&cluster.config()).await.unwrap();
    client.batch_execute("CREATE TABLE kept AS SELECT 42 AS answer").await.unwrap();
    client.batch_execute("CHECKPOINT").await.unwrap();
    let backend: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    signal("STOP", backend.try_into().unwrap());
    assert_eq!(cluster.leave().await.unwrap(), Left::Stopped);
    assert_eq!(bed.postmaster(), None);
    let cluster = bed.join().await;
    let client = connect(&cluster.config()).await.unwrap();
    let answer: i32 = client.query_one("SELECT answer FROM kept", &[]).await.unwrap().get(0);
    assert_eq!(answer, 42);
    assert_eq!(cluster.leave().await.unwrap(), Left::Stopped);
}

/// A process of the server's user that has nothing to do with the server.
struct Bystander(Child);

impl Drop for Bystander {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test]
async fn a_crash_whose_process_number_is_taken_again() {
    let bed = Bed::new();
    let cluster = Cluster::join(&Settings { stay: true, ..bed.settings() }).await.unwrap();
    let client = connect(&cluster.config()).await.unwrap();
    client.batch_execute("CREATE TABLE kept AS SELECT 42 AS answer").await.unwrap();
    client.batch_execute("CHECKPOINT").await.unwrap();
    let running = bed.postmaster().unwrap();
    assert_eq!(cluster.leave().await.unwrap(), Left::KeptRunning);
    signal("KILL", running);
    until("it is dead", || bed.postmaster().is_none()).await;

    let pid_file = bed.data_dir().join("pg/postmaster.pid");
    let mut command = Command::new("sleep");
    command.arg("600");
    if is_root() {
        command.uid(fs::metadata(&pid_file).unwrap().uid());
    }
    let mut bystander = Bystander(command.spawn().unwrap());
    let text = fs::read_to_string(&pid_file).unwrap();
    let number = bystander.0.id().to_string();
    for path in [pid_file, bed.data_dir().join("run/.s.PGSQL.5432.lock")] {
        fs::write(path, text.replacen(&running.to_string(), &number, 1)).unwrap();
    }

    let cluster = bed.join().await;
    assert!(cluster.started_here());
    let client = connect(&cluster.config()).await.unwrap();
    let answer: i32 = client.query_one("SELECT answer FROM kept", &[]).await.unwrap().get(0);
    assert_eq!(answer, 42);
    assert_eq!(cluster.leave().await.unwrap(), Left::Stopped);
    assert!(bystander.0.try_wait().unwrap().is_none(), "the bystander was taken for the server");
}
