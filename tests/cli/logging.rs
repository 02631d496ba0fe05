//! A log that can't be written costs lines, and nothing else.

use std::{
    fs::File,
    io::{self, Read},
    net::SocketAddr,
    process::Stdio,
    sync::{Arc, Mutex},
};

use super::{
    bed::Bed,
    client::{Client, get},
    process::Running,
};
use crate::support::{code, until};

/// What takes nothing, as a disk that is full.
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// A pipe whose reader is gone.
fn closed() -> Stdio {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// `vartai` with its log somewhere else, once it says where it is.
async fn serve(bed: &Bed, arguments: &[&str], log: Stdio) -> Running {
    let mut command = bed.command(&[&["serve"], arguments].concat());
    command.stderr(log);
    let mut serving = Running::start(command);
    serving.greeted().await;
    serving
}

/// How many lines it says that it has lost.
async fn lost(admin: SocketAddr) -> u64 {
    let metrics = String::from_utf8(get(admin, "/metrics").await.body).unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix("vartai_log_lines_lost_total "));
    line.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_room_or_reader_costs_no_request_and_no_task() {
    for log in [full, closed] {
        let bed = Bed::new();
        bed.json(&["demo", "load"]).await;
        let serving = serve(&bed, &["--with-worker"], log()).await;
        let demo = Client::demo(serving.gateway);
        let stranger = Client::new(serving.gateway, "demo", "apikey=wrong");
        for _ in 0..20 {
            assert_eq!(stranger.code().await, Some(7));
        }
        demo.processed(&demo.order("").await).await;
        // Of failed logins, so many are written in a minute.
        assert!(lost(serving.admin).await >= 10);
        assert_eq!(serving.stop().await.code, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_log_is_lost_works_on() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&[]).await;
    let mut command = bed.command(&["worker"]);
    command.stderr(full());
    let worker = Running::start(command);
    let demo = Client::demo(serving.gateway);
    for _ in 0..2 {
        demo.processed(&demo.order("").await).await;
    }
    assert_eq!(worker.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_holds_up_nobody_and_says_what_it_lost_when_it_is_read() {
    let mut bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    bed.set("LOG__LEVEL", "trace");
    let (mut reader, writer) = io::pipe().unwrap();
    let serving = serve(&bed, &["--with-worker"], writer.into()).await;
    let demo = Client::demo(serving.gateway);
    until("the log has lost lines", async || {
        assert_eq!(demo.code().await, None);
        lost(serving.admin).await > 0
    })
    .await;
    demo.processed(&demo.order("").await).await;

    let read = Arc::new(Mutex::new(Vec::new()));
    let reading = read.clone();
    let reader = std::thread::spawn(move || {
        let mut part = [0; 65536];
        while let Ok(length @ 1..) = reader.read(&mut part) {
            reading.lock().unwrap().extend_from_slice(&part[..length]);
        }
    });
    until("the loss is told", async || {
        let read = read.lock().unwrap();
        read.windows(16).any(|part| part == b"lines were lost ")
    })
    .await;
    assert_eq!(serving.stop().await.code, Some(0));
    reader.join().unwrap();
    let text = String::from_utf8(read.lock().unwrap().clone()).unwrap();
    assert!(text.contains("stopping: requests and tasks under way"), "its last words are not there");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_also_where_it_can_say_nothing_at_all() {
    let mut bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    // The port is held without being listened on, so that it is known without a greeting.
    let held = tokio::net::TcpSocket::new_v4().unwrap();
    held.set_reuseport(true).unwrap();
    held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = held.local_addr().unwrap();
    bed.set("HTTP__BIND", &address.to_string());
    bed.set("HTTP__SHARE_PORT", "true");
    let mut command = bed.command(&["serve"]);
    command.stdout(full()).stderr(full());
    let serving = Running::start(command);
    until("it listens", async || tokio::net::TcpStream::connect(address).await.is_ok()).await;
    assert_eq!(Client::demo(address).code().await, None);
    assert_eq!(Client::new(address, "demo", "apikey=wrong").code().await, Some(7));
    assert_eq!(serving.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_nobody_listens_to_ends_as_it_would() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let end = async |arguments: &[&str], stdout: Stdio, stderr: Stdio| {
        let mut command = bed.command(arguments);
        command.stdout(stdout).stderr(stderr);
        Running::start(command).end().await
    };
    let listed = end(&["customer", "list"], closed(), Stdio::piped()).await;
    assert_eq!((listed.code, listed.stderr.as_str()), (Some(0), ""), "`| head` is no failure");
    let full_disk = end(&["customer", "list"], full(), Stdio::piped()).await;
    assert_eq!(full_disk.code, Some(1));
    assert!(full_disk.one_line().contains("stdout: "), "{full_disk:?}");
    for (arguments, wanted) in [(&["bogus"][..], 2), (&["order", "list", "nobody"], 1)] {
        for stderr in [full, closed] {
            assert_eq!(end(arguments, Stdio::piped(), stderr()).await.code, Some(wanted), "{arguments:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_there_has_lost_nothing() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&[]).await;
    let wrong = Client::new(serving.gateway, "demo", "apikey=wrong").call("getBalance", "").await;
    assert_eq!(code(&wrong), Some(7));
    assert_eq!(lost(serving.admin).await, 0);
    let ended = serving.stop().await;
    assert!(ended.stderr.contains("not authenticated") && ended.stderr.contains("stopping: "), "{ended:?}");
}
