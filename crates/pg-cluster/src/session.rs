//! Talking to the server while joining.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error, NoTls};

/// The database that every cluster has.
pub(crate) const MAINTENANCE: &str = "postgres";
/// How long one attempt to connect may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// Short connections to the server, from a thread that may block.
pub(crate) struct Sessions {
    runtime: Runtime,
    config: Config,
}

/// Why a session did not come about.
#[derive(Debug)]
pub(crate) enum NoSession {
    /// The server is not there, or not ready: worth another try.
    NotYet(String),
    /// The server is there, and starts, recovers or stops.
    Starting(String),
    /// The server refuses, and will go on refusing.
    Refused(String),
}

impl NoSession {
    /// What was said.
    pub(crate) fn into_words(self) -> String {
        let (Self::NotYet(said) | Self::Starting(said) | Self::Refused(said)) = self;
        said
    }
}

impl Sessions {
    /// Sessions with these parameters, on a runtime of their own: the caller's thread is not one of a runtime.
    pub(crate) fn new(config: Config) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, config })
    }

    /// Runs `work` in a session with `database`, within `allowed`.
    pub(crate) fn run<T>(
        &self,
        database: &str,
        allowed: Duration,
        work: impl AsyncFnOnce(&Client) -> Result<T, Error>,
    ) -> Result<T, NoSession> {
        let mut config = self.config.clone();
        config.dbname(database);
        let session = async {
            let connected = tokio::time::timeout(ATTEMPT, config.connect(NoTls)).await;
            let (client, connection) = connected.map_err(|_| NoSession::NotYet("no answer".to_owned()))??;
            let driver = tokio::spawn(connection);
            let result = work(&client).await;
            drop(client);
            if let Ok(Err(error)) = driver.await {
                tracing::debug!(%error, "a session ended badly");
            }
            Ok(result?)
        };
        let timed = async { tokio::time::timeout(allowed, session).await };
        let timed_out = |_| Err(NoSession::NotYet("no answer".to_owned()));
        self.runtime.block_on(timed).unwrap_or_else(timed_out)
    }
}

impl From<Error> for NoSession {
    /// Without a code the server did not speak: it is not there yet, or gone.
    fn from(error: Error) -> Self {
        let Some(said) = error.as_db_error() else {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            return Self::NotYet(cause.unwrap_or_else(|| error.to_string()));
        };
        if said.code() == &SqlState::CANNOT_CONNECT_NOW {
            return Self::Starting(said.to_string());
        }
        let waits = [&SqlState::TOO_MANY_CONNECTIONS, &SqlState::ADMIN_SHUTDOWN, &SqlState::CRASH_SHUTDOWN];
        if waits.contains(&said.code()) { Self::NotYet(said.to_string()) } else { Self::Refused(said.to_string()) }
    }
}

/// The process that listens at a socket, by its number in our PID namespace; `None` if it has none there, or if nobody
/// listens. Nothing is said to it.
pub(crate) fn listener(socket: &Path) -> Option<u32> {
    let pid = peer(socket).ok()??;
    // The kernel writes 0 for a process that this namespace doesn't see.
    pid.try_into().ok().filter(|pid| *pid > 0)
}

/// Whether somebody listens at a socket, also one who is too busy to take a connection.
pub(crate) fn listens(socket: &Path) -> bool {
    let nobody = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused, io::ErrorKind::PermissionDenied];
    peer(socket).map_or_else(|error| !nobody.contains(&error.kind()), |_| true)
}

/// Connects, without waiting for one who is too busy; the process number that the kernel says the other side has.
fn peer(socket: &Path) -> io::Result<Option<i32>> {
    let connect = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async { Ok(UnixStream::connect(socket).await?.peer_cred()?.pid()) })
    };
    // A membership may be dropped on a thread that drives a runtime already.
    let connected = std::thread::scope(|scope| scope.spawn(connect).join());
    connected.unwrap_or_else(|_| Err(io::Error::other("the thread that connects panicked")))
}

/// Whether the server survives a crash of the machine.
pub(crate) async fn has_fsync(client: &Client) -> Result<bool, Error> {
    client.query_one("SELECT current_setting('fsync')::boolean", &[]).await?.try_get(0)
}

/// Creates a database unless it is there. The name is a plain one. Nobody else creates it meanwhile: we hold the
/// start-stop lock.
pub(crate) async fn create_database(client: &Client, name: &str) -> Result<(), Error> {
    if client.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&name]).await?.is_none() {
        client.batch_execute(&format!("CREATE DATABASE \"{name}\"")).await?;
        tracing::info!(name, "created a database");
    }
    Ok(())
}

/// When the server was started, for people.
pub(crate) async fn started_at(client: &Client) -> Result<String, Error> {
    let sql = "SELECT to_char(pg_postmaster_start_time() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC'";
    client.query_one(sql, &[]).await?.try_get(0)
}

/// When the configuration that new sessions get was loaded, in microseconds.
pub(crate) async fn configuration_loaded(client: &Client) -> Result<i64, Error> {
    let sql = "SELECT (extract(epoch FROM pg_conf_load_time()) * 1000000)::bigint";
    client.query_one(sql, &[]).await?.try_get(0)
}

/// Has the server read its configuration again, some time soon.
pub(crate) async fn reload(client: &Client) -> Result<(), Error> {
    client.batch_execute("SELECT pg_reload_conf()").await
}
