//! Processes of the program: what they say, and how they end.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::SocketAddr,
    process::{Child, Command, ExitStatus},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use serde_json::Value;

use super::bed::signal;
use crate::support::until;

/// What a process says on one of its outputs, as it says it.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<String>>);

impl Heard {
    /// Listens in a thread: a process that nobody listens to stops when the pipe is full.
    fn listen(to: impl Read + Send + 'static) -> (Self, JoinHandle<()>) {
        let heard = Self::default();
        let kept = heard.clone();
        let listening = std::thread::spawn(move || {
            let mut reader = BufReader::new(to);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                kept.0.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        (heard, listening)
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

/// A process that ended.
#[derive(Debug)]
pub struct Outcome {
    /// `None` when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// Its one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON document: {error}: {self:?}"))
    }

    /// Its error, if it ended as errors do: with this exit code, one line on stderr and nothing on stdout.
    pub fn error(&self, code: i32) -> &str {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{self:?}");
        self.one_line()
    }

    /// What it told before it ended, among all that it logged.
    pub fn told(&self) -> &str {
        let mut told = self.stderr.lines().filter(|line| line.starts_with("vartai: "));
        told.next_back().unwrap_or_else(|| panic!("it told nothing: {self:?}"))
    }

    /// What stands on stderr, one line.
    pub fn one_line(&self) -> &str {
        let line = self.stderr.strip_suffix('\n').unwrap_or_default();
        assert!(line.starts_with("vartai: ") && !line.contains('\n'), "{self:?}");
        line
    }
}

/// A process that runs. Dropping it kills it.
pub struct Running {
    child: Child,
    stdout: Heard,
    stderr: Heard,
    listening: Vec<JoinHandle<()>>,
    /// Where it serves, once it said so.
    pub gateway: SocketAddr,
    /// Where its private port is, once it said so.
    pub admin: SocketAddr,
}

impl Running {
    /// Starts a command, and listens to those of its outputs that are piped.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (stdout, first) = child.stdout.take().map(Heard::listen).unzip();
        let (stderr, second) = child.stderr.take().map(Heard::listen).unzip();
        let listening = first.into_iter().chain(second).collect();
        let (stdout, stderr) = (stdout.unwrap_or_default(), stderr.unwrap_or_default());
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        Self { child, stdout, stderr, listening, gateway: nowhere, admin: nowhere }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Puts something on its stdin, and ends that.
    pub fn write(&mut self, text: &str) {
        self.child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Waits until it has said where it is.
    pub async fn greeted(&mut self) {
        until("it greets", async || {
            let status = self.child.try_wait().unwrap();
            assert!(status.is_none(), "it ended ({status:?}): {}", self.stderr.text());
            self.stdout.text().contains("Ctrl-C stops.\n")
        })
        .await;
        let greeting = self.stdout.text();
        let address = |before: &str, after: &str| {
            let found = greeting.split_once(before).and_then(|(_, rest)| rest.split_once(after));
            found.and_then(|(address, _)| address.parse().ok()).unwrap_or_else(|| panic!("{greeting}"))
        };
        self.gateway = address("reseller gateway  http://", "/apih.php\n");
        self.admin = address("health, metrics   http://", "/readyz");
    }

    /// What it has said on stdout.
    pub fn said(&self) -> String {
        self.stdout.text()
    }

    /// What it has logged.
    pub fn logged(&self) -> String {
        self.stderr.text()
    }

    /// Waits until it ends.
    pub async fn end(mut self) -> Outcome {
        let mut ended: Option<ExitStatus> = None;
        until("it ends", async || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        })
        .await;
        // Not before the listeners have all of it; whoever inherited the pipes is no concern of theirs.
        until("its last words are heard", async || self.listening.iter().all(JoinHandle::is_finished)).await;
        Outcome { code: ended.and_then(|status| status.code()), stdout: self.stdout.text(), stderr: self.stderr.text() }
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(self) -> Outcome {
        signal("TERM", self.child.id());
        self.end().await
    }

    /// Sends it a signal, by its name.
    pub fn signal(&self, name: &str) {
        signal(name, self.child.id());
    }

    /// Kills it with no chance to leave anything in order.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
