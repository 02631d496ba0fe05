//! PostgreSQL's own programs: pg_dump and pg_restore.

use std::{path::Path, process::Stdio};

use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
};
use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};

use crate::failure::Failure;

/// What the programs say on stderr, at the most, that is told on.
const TOLD: u64 = 4096;

/// Where a database is, for libpq: without the password, which other users could read on a command line.
struct Place {
    conninfo: String,
    password: Option<SecretString>,
}

fn place(config: &Config) -> Place {
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let hosts: Vec<String> = match config.get_hosts() {
        [] => config.get_hostaddrs().iter().map(ToString::to_string).collect(),
        hosts => hosts.iter().map(host).collect(),
    };
    let ports: Vec<String> = config.get_ports().iter().map(ToString::to_string).collect();
    let sslmode = match config.get_ssl_mode() {
        SslMode::Disable => "disable",
        // As our own connections do: whoever insists on TLS has the certificate checked.
        SslMode::Require => "verify-full",
        _ => "prefer",
    };
    let session = match config.get_target_session_attrs() {
        TargetSessionAttrs::ReadWrite => "read-write",
        TargetSessionAttrs::ReadOnly => "read-only",
        _ => "any",
    };
    let parts = [
        ("host", hosts.join(",")),
        ("port", ports.join(",")),
        ("user", config.get_user().unwrap_or_default().to_owned()),
        ("dbname", config.get_dbname().unwrap_or_default().to_owned()),
        ("sslmode", sslmode.to_owned()),
        ("sslrootcert", if sslmode == "verify-full" { certificates() } else { String::new() }),
        ("target_session_attrs", session.to_owned()),
        ("application_name", "vartai backup".to_owned()),
    ];
    let parts = parts.iter().filter(|(_, value)| !value.is_empty());
    let conninfo: Vec<String> = parts.map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    let password = config.get_password().map(|password| String::from_utf8_lossy(password).into_owned().into());
    Place { conninfo: conninfo.join(" "), password }
}

/// Whose certificates are trusted: libpq before 16 has no word for the machine's own.
fn certificates() -> String {
    let named = std::env::var("SSL_CERT_FILE").ok().filter(|file| !file.is_empty());
    named.unwrap_or_else(|| "/etc/ssl/certs/ca-certificates.crt".to_owned())
}

fn host(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    }
}

/// One of the programs, which ends when nobody waits for it any more.
fn command(program: &Path, config: &Config) -> Command {
    let Place { conninfo, password } = place(config);
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").arg("--dbname").arg(conninfo);
    if let Some(password) = password {
        command.env("PGPASSWORD", password.expose_secret());
    }
    command.arg("--no-password").current_dir("/").kill_on_drop(true).stderr(Stdio::piped());
    command
}

fn start(mut command: Command, program: &Path) -> Result<Child, Failure> {
    command.spawn().map_err(|error| Failure::failed(format!("{} can't be run: {error}", program.display())))
}

/// Dumps a snapshot of a database, handing over what comes in pieces of up to `piece` bytes.
pub async fn dump(
    program: &Path,
    config: &Config,
    snapshot: &str,
    piece: usize,
    mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<(), Failure> {
    let mut command = command(program, config);
    command.args(["--format=custom", "--no-owner", "--no-privileges", "--exclude-schema=scratch_*", "--snapshot"]);
    command.arg(snapshot).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = start(command, program)?;
    let mut stdout = child.stdout.take().ok_or_else(|| Failure::failed("pg_dump has no output"))?;
    let said = tokio::spawn(words(child.stderr.take()));
    let mut buffer = Vec::with_capacity(piece);
    loop {
        let room = u64::try_from(piece.saturating_sub(buffer.len())).map_err(Failure::failed)?;
        let read = (&mut stdout).take(room).read_to_end(&mut buffer).await?;
        if read == 0 && !buffer.is_empty() || buffer.len() >= piece {
            take(&buffer).map_err(|error| Failure::failed(format!("the backup can't be written: {error}")))?;
            buffer.clear();
        }
        if read == 0 {
            break;
        }
    }
    ended("pg_dump", &mut child, said).await
}

/// Restores a dump, all or nothing, from what `feed` writes.
pub async fn restore(
    program: &Path,
    config: &Config,
    feed: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()> + Send + 'static,
) -> Result<(), Failure> {
    let mut command = command(program, config);
    command.args(["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = start(command, program)?;
    let mut stdin = child.stdin.take().ok_or_else(|| Failure::failed("pg_restore has no input"))?;
    let said = tokio::spawn(words(child.stderr.take()));
    let (mut pieces, feeding) = pipe(feed);
    let mut broken = None;
    while let Some(piece) = pieces.recv().await {
        // Why it reads no more it says itself.
        if let Err(error) = stdin.write_all(&piece).await {
            broken = Some(error);
            break;
        }
    }
    drop((stdin, pieces));
    let fed = feeding.await.map_err(Failure::failed)?;
    ended("pg_restore", &mut child, said).await?;
    match broken {
        None => fed.map_err(|error| Failure::failed(format!("the backup can't be read: {error}"))),
        Some(error) => Err(Failure::failed(format!("pg_restore did not read to the end: {error}"))),
    }
}

/// Runs what writes on a thread that may block, a few pieces ahead of who reads.
fn pipe(
    feed: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()> + Send + 'static,
) -> (tokio::sync::mpsc::Receiver<Vec<u8>>, tokio::task::JoinHandle<std::io::Result<()>>) {
    struct Pieces(tokio::sync::mpsc::Sender<Vec<u8>>);
    impl std::io::Write for Pieces {
        fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
            self.0.blocking_send(data.to_vec()).map_err(|_| std::io::ErrorKind::BrokenPipe)?;
            Ok(data.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    (
        receiver,
        tokio::task::spawn_blocking(move || feed(&mut std::io::BufWriter::with_capacity(1 << 20, Pieces(sender)))),
    )
}

async fn words(stderr: Option<tokio::process::ChildStderr>) -> String {
    let mut said = Vec::new();
    if let Some(mut stderr) = stderr {
        // What can't be read is not told; the rest is read away, so that nobody waits.
        drop((&mut stderr).take(TOLD).read_to_end(&mut said).await);
        drop(tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await);
    }
    String::from_utf8_lossy(&said).into_owned()
}

async fn ended(name: &str, child: &mut Child, said: tokio::task::JoinHandle<String>) -> Result<(), Failure> {
    let status = child.wait().await?;
    let said = said.await.unwrap_or_default();
    match status.success() {
        true => Ok(()),
        false => Err(Failure::failed(format!("{name} failed ({status}): {said}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn a_place_is_told_without_its_password() {
        let url = "postgres://o'x:pass%20word@db1,db2:5433/com?sslmode=require&target_session_attrs=read-write";
        let place = place(&url.parse().unwrap());
        let parts = ["host='db1,db2'", "user='o\\'x'", "dbname='com'", "sslmode='verify-full'", "='read-write'"];
        assert!(parts.iter().all(|part| place.conninfo.contains(part)), "{}", place.conninfo);
        assert!(!place.conninfo.contains("word"));
    }
}
