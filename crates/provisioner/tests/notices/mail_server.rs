//! The mail server of these tests.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde::Deserialize;
use tempfile::TempDir;

/// A message, as the server took it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Taken {
    pub from: String,
    pub to: Vec<String>,
    /// As it came.
    pub raw: String,
    /// Decoded.
    pub headers: Vec<(String, String)>,
    /// Decoded.
    pub text: String,
    /// Decoded.
    pub html: String,
}

impl Taken {
    /// A header that is there once.
    pub fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(of, _)| of.eq_ignore_ascii_case(name));
        let value = found.next().unwrap_or_else(|| panic!("no {name} in {}", self.raw));
        assert!(found.next().is_none(), "{name} twice in {}", self.raw);
        &value.1
    }
}

/// aiosmtpd, in a process of its own.
pub struct MailServer {
    pub port: u16,
    directory: TempDir,
    process: Option<Child>,
}

impl MailServer {
    pub fn new() -> Self {
        let mut server = Self { port: 0, directory: TempDir::new().unwrap(), process: None };
        server.mode("accept");
        server.start();
        server
    }

    /// What it does from now on (`smtpd.py`).
    pub fn mode(&self, mode: &str) {
        let path = self.directory.path().join("mode");
        fs::write(path.with_extension("new"), mode).unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    }

    /// Starts it, on the port that it had before.
    pub fn start(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notices/smtpd.py");
        let mut command = Command::new("/usr/bin/python3");
        command.arg("-B").arg(script).arg(self.directory.path()).arg(self.port.to_string());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("ready ").and_then(|port| port.parse().ok());
        self.port = port
            .unwrap_or_else(|| panic!("no mail server: these tests need aiosmtpd (apt-get install python3-aiosmtpd)"));
        self.process = Some(process);
    }

    /// Stops it: nobody listens on its port.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have died already.
            process.kill().ok();
            process.wait().ok();
        }
    }

    /// All that it took.
    pub fn taken(&self) -> Vec<Taken> {
        let text = fs::read_to_string(self.directory.path().join("taken")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.stop();
    }
}
