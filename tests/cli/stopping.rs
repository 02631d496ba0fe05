//! A process is asked to stop while it has much to do, and another takes over.

use std::{
    collections::VecDeque,
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    bed::{Bed, signal},
    client::{Client, get},
    process::Running,
};
use crate::support::{raw, until};

/// The demo, whose machines are made by a program that takes an hour for anything.
async fn with_tasks_of_an_hour() -> Bed {
    let bed = Bed::new().with("HTTP__DRAIN_SECONDS", "3600").with("WORKER__DRAIN_SECONDS", "3600");
    let hook = bed.dir.join("hook");
    fs::write(&hook, "#!/bin/sh\n[ \"$1\" = probe ] || exec sleep 3600\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(bed.dir.join("vartai.toml"), format!("[drivers.slow]\nkind = \"exec\"\nhook = {hook:?}\n")).unwrap();
    bed.json(&["demo", "load"]).await;
    let file = bed.json(&["catalogue", "show"]).await["file"].as_str().unwrap().to_owned();
    fs::write(bed.dir.join("slow.toml"), file.replace("driver = \"simulated\"", "driver = \"slow\"")).unwrap();
    assert_eq!(bed.json(&["catalogue", "apply", "slow.toml"]).await["applied"], true);
    bed
}

/// Orders a server whose creation is under way.
async fn order_under_way(bed: &Bed, demo: &Client) -> String {
    let order = demo.order("").await;
    until("its creation is under way", async || state(bed, &order).await == "running").await;
    order
}

async fn state(bed: &Bed, order: &str) -> String {
    let tasks = bed.json(&["task", "list", "--order", order]).await;
    tasks[0]["state"].as_str().unwrap_or_default().to_owned()
}

async fn ready(serving: &Running) -> u16 {
    get(serving.admin, "/readyz").await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_while_it_drains_and_a_second_signal_hurries() {
    let bed = with_tasks_of_an_hour().await;
    let serving = bed.serve(&["--with-worker"]).await;
    let demo = Client::demo(serving.gateway);
    let order = order_under_way(&bed, &demo).await;
    assert_eq!(ready(&serving).await, 200);
    serving.signal("TERM");
    until("it is not ready any more", async || ready(&serving).await == 503).await;
    // Nobody else may be there: it still does what it is asked, and asks to be connected to anew.
    let asked = b"GET /apih.php?command=getBalance&login=demo&apikey=demo-key HTTP/1.1\r\nHost: x\r\n\r\n";
    let answered = raw(serving.gateway, asked).await;
    assert_eq!((answered.status, answered.header("connection")), (200, Some("close")));
    let late = demo.order("").await;
    assert_eq!((state(&bed, &order).await, state(&bed, &late).await), ("running".to_owned(), "queued".to_owned()));
    serving.signal("TERM");
    let ended = serving.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // What was under way is given back, and that try counts for nothing.
    let task = bed.json(&["task", "list", "--order", &order]).await[0].clone();
    assert_eq!(task["state"], "queued", "{task}");
    let tries = bed.json(&["task", "log", &task["id"].to_string()]).await["tries"].clone();
    assert_eq!((tries.as_array().unwrap().len(), &tries[0]["outcome"]), (1, &"released".into()), "{tries}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_alone_is_hurried_by_a_second_signal_too() {
    let bed = with_tasks_of_an_hour().await;
    let serving = bed.serve(&[]).await;
    let worker = bed.start(&["worker"]);
    let order = order_under_way(&bed, &Client::demo(serving.gateway)).await;
    worker.signal("TERM");
    until("it drains", async || worker.logged().contains("takes no new task")).await;
    assert_eq!(state(&bed, &order).await, "running");
    worker.signal("INT");
    assert_eq!(worker.end().await.code, Some(0));
    assert_eq!(state(&bed, &order).await, "queued");
}

/// A reseller who asks without a pause, each time on a connection of his own.
struct Caller {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU32>,
    calling: tokio::task::JoinHandle<(Duration, u32)>,
}

impl Caller {
    fn start(address: SocketAddr) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let (stopped, counted) = (stop.clone(), answered.clone());
        let calling = tokio::spawn(async move {
            let (mut longest, mut last, mut refused) = (Duration::ZERO, Instant::now(), 0);
            while !stopped.load(Ordering::Relaxed) {
                match ask(address).await {
                    true => {
                        longest = longest.max(last.elapsed());
                        last = Instant::now();
                        counted.fetch_add(1, Ordering::Relaxed);
                    }
                    false => refused += 1,
                }
            }
            (longest.max(last.elapsed()), refused)
        });
        Self { stop, answered, calling }
    }

    /// Waits until so many more are answered.
    async fn answered(&self, more: u32) {
        let before = self.answered.load(Ordering::Relaxed);
        until("requests are answered", async || self.answered.load(Ordering::Relaxed) >= before + more).await;
    }

    /// For how long no request was answered, at the longest, and how many were not.
    async fn end(self) -> (Duration, u32) {
        self.stop.store(true, Ordering::Relaxed);
        self.calling.await.unwrap()
    }
}

/// Whether a request is answered.
async fn ask(address: SocketAddr) -> bool {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let asking = async {
        let mut stream = tokio::net::TcpStream::connect(address).await?;
        let request = "GET /apih.php?command=getBalance&login=demo&apikey=demo-key&json=1 HTTP/1.0\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    asking.await.is_ok_and(|answer| answer.contains("\"balance\""))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_port_are_restarted_without_a_second_of_silence() {
    let mut bed = with_tasks_of_an_hour().await;
    // The first is the default, the second shorter than it: the task has an hour to go either way.
    bed.set("HTTP__DRAIN_SECONDS", "1");
    bed.set("WORKER__DRAIN_SECONDS", "2");
    bed.set("HTTP__SHARE_PORT", "true");
    let first = bed.serve(&["--with-worker"]).await;
    bed.set("HTTP__BIND", &first.gateway.to_string());
    let second = bed.serve(&["--with-worker"]).await;
    let address = first.gateway;
    order_under_way(&bed, &Client::demo(address)).await;
    let callers: Vec<Caller> = (0..4).map(|_| Caller::start(address)).collect();
    let mut running = VecDeque::from([first, second]);
    for _ in 0..2 {
        let serving = running.pop_front().unwrap();
        callers[0].answered(20).await;
        assert_eq!(serving.stop().await.code, Some(0));
        callers[0].answered(20).await;
        running.push_back(bed.serve(&["--with-worker"]).await);
        callers[0].answered(20).await;
    }
    for caller in callers {
        let (longest, refused) = caller.end().await;
        println!("no answer for {longest:?} at the longest; {refused} requests refused");
        assert!(longest < Duration::from_secs(1), "{longest:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_is_shared_only_where_both_say_so() {
    let mut bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let first = bed.serve(&[]).await;
    bed.set("HTTP__BIND", &first.gateway.to_string());
    let refused = bed.run(&["serve"]).await;
    assert!(refused.told().contains("set another address in VARTAI_HTTP__BIND"), "{refused:?}");
    bed.set("HTTP__SHARE_PORT", "true");
    let refused = bed.run(&["serve"]).await;
    assert!(refused.told().contains("http.share_port also for the process that has it"), "{refused:?}");
}

/// Listens, and runs a program twice, one after the other, which it hands the socket to as systemd does.
const SUPERVISOR: &str = "
import os, socket, subprocess, sys
listening = socket.create_server(('127.0.0.1', 0))
print('%s:%s' % listening.getsockname(), flush=True)
os.dup2(listening.fileno(), 3, inheritable=True)
shell = 'LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\"'
for _ in range(2):
    running = subprocess.Popen(['sh', '-c', shell] + sys.argv[1:], pass_fds=[3])
    print('pid', running.pid, flush=True)
    assert running.wait() == 0, running.returncode
";

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_a_supervisor_holds_refuses_nobody_while_one_follows_another() {
    let bed = Bed::new().with("HTTP__DRAIN_SECONDS", "0").with("HTTP__BIND", "192.0.2.1:1");
    bed.json(&["demo", "load"]).await;
    let vartai = bed.command(&["serve"]);
    let mut command = Command::new("python3");
    command.args(["-c", SUPERVISOR]).arg(vartai.get_program()).args(vartai.get_args());
    for (name, value) in vartai.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.current_dir(&bed.dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let supervisor = Running::start(command);
    let pids = || -> Vec<u32> {
        supervisor.said().lines().filter_map(|line| line.strip_prefix("pid ")?.parse().ok()).collect()
    };
    until("it listens", async || !pids().is_empty()).await;
    let address = supervisor.said().lines().next().unwrap().parse().unwrap();
    let caller = Caller::start(address);
    caller.answered(5).await;
    signal("TERM", pids()[0]);
    until("the next one runs", async || pids().len() == 2).await;
    caller.answered(5).await;
    let postmaster = bed.postmaster().unwrap();
    let files = fs::read_dir(format!("/proc/{postmaster}/fd")).unwrap().flatten();
    let sockets = files.filter(|file| fs::read_link(file.path()).is_ok_and(|to| to == socket_of(&supervisor)));
    assert_eq!(sockets.count(), 0, "PostgreSQL has inherited the socket");
    let (longest, refused) = caller.end().await;
    println!("no answer for {longest:?} at the longest");
    assert_eq!(refused, 0);
    signal("TERM", pids()[1]);
    let ended = supervisor.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains(&format!("http://{address}/apih.php")), "{ended:?}");
}

fn socket_of(supervisor: &Running) -> std::path::PathBuf {
    fs::read_link(format!("/proc/{}/fd/3", supervisor.pid())).unwrap()
}
