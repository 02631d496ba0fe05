//! The mail server of these tests.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
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
    /// "starttls" or "tls"; in the clear without.
    security: Option<&'static str>,
    process: Option<Child>,
}

impl MailServer {
    pub fn new() -> Self {
        Self::of(None)
    }

    /// One that speaks TLS, for 127.0.0.1, with a certificate that a company of its own signed (`ca`), and lets vartai in
    /// with "a right password".
    pub fn with_tls(security: &'static str) -> Self {
        Self::of(Some(security))
    }

    fn of(security: Option<&'static str>) -> Self {
        let mut server = Self { port: 0, directory: TempDir::new().unwrap(), security, process: None };
        server.mode("accept");
        if security.is_some() {
            server.certify("127.0.0.1");
        }
        server.start();
        server
    }

    /// Has its certificate be for this address, from its next start on.
    pub fn certify(&self, address: &str) {
        let extension = format!("subjectAltName = IP:{address}\nextendedKeyUsage = serverAuth\n");
        fs::write(self.directory.path().join("extensions"), extension).unwrap();
        for line in [
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem",
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=mail -keyout key.pem -out request.pem",
            "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out cert.pem",
        ] {
            let made =
                Command::new("openssl").args(line.split(' ')).current_dir(self.directory.path()).output().unwrap();
            assert!(made.status.success(), "{line}: {}", String::from_utf8_lossy(&made.stderr));
        }
    }

    /// Who signed its certificate.
    pub fn ca(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// Who tried to log in and was refused.
    pub fn refused(&self) -> Vec<String> {
        let text = fs::read_to_string(self.directory.path().join("refused")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
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
        command
            .args(["-B", "-W", "ignore"])
            .arg(script)
            .arg(self.directory.path())
            .arg(self.port.to_string())
            .args(self.security);
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
