//! Joining and leaving.

use std::io;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use tokio_postgres::Config;

use crate::conf;
use crate::deadline::Deadline;
use crate::error::{ClusterError, FileContext};
use crate::initdb;
use crate::layout::Layout;
use crate::locks::{Membership, StartStop};
use crate::process::{self, Log};
use crate::programs::Programs;
use crate::server;
use crate::session::{self, NoSession, Sessions};
use crate::settings::{Durability, Settings};

/// The database that every cluster has.
const MAINTENANCE: &str = "postgres";
/// How long a postmaster that has stopped may take to be gone from the process table.
const REAPING: Duration = Duration::from_secs(5);

/// What became of the server when a member left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// This was the last member: the server is stopped.
    Stopped,
    /// Other members still use the server.
    OthersRemain,
    /// This was the last member, and [`Settings::stay`] leaves the server running.
    KeptRunning,
}

/// A membership of the cluster. While there is one, no other member stops the server.
///
/// Dropping it leaves, too, but blocks its thread for that, and errors go to the log only: prefer [`Cluster::leave`].
#[derive(Debug)]
pub struct Cluster {
    layout: Layout,
    programs: Programs,
    settings: Settings,
    membership: Option<Membership>,
    /// The server, if we started it: ours to wait for when it ends.
    child: Option<Child>,
}

impl Cluster {
    /// Joins the cluster of `settings.data_dir` (`CONTRACT 3`): makes it if there is none, starts it if it does not
    /// run, waits until it accepts connections, and creates the database.
    ///
    /// # Errors
    /// Each says what to do; see [`ClusterError`].
    pub async fn join(settings: &Settings) -> Result<Self, ClusterError> {
        let settings = settings.clone();
        // If the caller stops waiting, the thread goes on, and what it returns is dropped, which leaves.
        let joined = tokio::task::spawn_blocking(move || Self::join_blocking(settings)).await;
        joined.map_err(|error| ClusterError::Interrupted(error.to_string()))?
    }

    /// How to connect: through the socket, as the owner, to the database of the settings.
    pub fn config(&self) -> Config {
        config(&self.layout, &self.settings)
    }

    /// The directory of the socket, for programs such as `psql --host`.
    pub fn socket_dir(&self) -> &Path {
        &self.layout.socket_dir
    }

    /// Whether this member started the server, rather than finding it running.
    pub fn started_here(&self) -> bool {
        self.child.is_some()
    }

    /// Leaves, and stops the server if nobody else is left. Connections of our own are cut then: close them before.
    ///
    /// # Errors
    /// The server cannot be stopped; we are out all the same, and it goes on running until someone joins and leaves.
    pub async fn leave(mut self) -> Result<Left, ClusterError> {
        let left = tokio::task::spawn_blocking(move || self.leave_blocking()).await;
        left.map_err(|error| ClusterError::Interrupted(error.to_string()))?
    }

    fn join_blocking(settings: Settings) -> Result<Self, ClusterError> {
        settings.check()?;
        let layout = Layout::establish(&settings.data_dir)?;
        let held = StartStop::acquire(&layout, settings.patience.saturating_mul(3))?;
        // Only now: who held the lock before may have made the cluster, and so decided whose it is.
        let layout = Layout::establish(&layout.data_dir)?;
        let made_by = layout.made_by()?;
        let programs = Programs::find(settings.programs.as_deref(), made_by.as_deref(), &layout.data_dir)?;
        check_reach(&layout, &programs)?;
        if made_by.is_none() {
            initdb::make(&layout, &programs, &settings)?;
        }
        let membership = Some(Membership::enter(&layout, &held)?);
        let mut cluster = Self { layout, programs, settings, membership, child: None };
        let ready = cluster.bring_up();
        // A cluster that did not come up is dropped here, and so left, which takes the lock.
        drop(held);
        ready.map(|()| cluster)
    }

    /// Starts the server if need be, and readies it for this member.
    fn bring_up(&mut self) -> Result<(), ClusterError> {
        let config = config(&self.layout, &self.settings);
        let sessions = Sessions::new(config).context("start a runtime for", &self.layout.data_dir)?;
        let deadline = Deadline::after(self.settings.patience);
        let fsync = self.await_ready(&sessions, &deadline)?;
        if self.settings.durability == Durability::Durable && !fsync {
            return Err(ClusterError::NotDurable { data_dir: self.layout.data_dir.clone() });
        }
        self.admit_roles(&sessions, &deadline)?;
        let name = &self.settings.database;
        self.session(&sessions, &deadline, async |client| session::create_database(client, name).await)
    }

    /// Waits until the server accepts connections, starting it whenever it does not run. Answers whether it has fsync.
    fn await_ready(&mut self, sessions: &Sessions, deadline: &Deadline) -> Result<bool, ClusterError> {
        let mut log = Log::mark(&self.layout);
        loop {
            self.ensure_started(&mut log)?;
            match sessions.run(MAINTENANCE, deadline.remaining(), session::has_fsync) {
                Ok(fsync) => return Ok(fsync),
                Err(NoSession::Refused(reason)) => return Err(self.refused(reason)),
                Err(NoSession::NotYet(_)) if deadline.rest() => {}
                Err(NoSession::NotYet(last)) => return Err(log.not_ready(deadline, last)),
            }
        }
    }

    /// Starts the server unless it runs or is about to.
    fn ensure_started(&mut self, log: &mut Log) -> Result<(), ClusterError> {
        if let Some(child) = &mut self.child {
            match child.try_wait() {
                Ok(None) => return Ok(()),
                Ok(Some(status)) if server::running(&self.layout).is_none() && !server::predecessor_lingers(log) => {
                    return Err(log.failure("postgres", format!("ended while starting ({status})")));
                }
                // Someone who was killed while starting it had started it after all: theirs runs.
                Ok(Some(_)) => self.child = None,
                Err(error) => return Err(log.failure("postgres", format!("cannot be waited for ({error})"))),
            }
        }
        if server::running(&self.layout).is_none() {
            Log::rotate(&self.layout)?;
            *log = Log::mark(&self.layout);
            self.child = Some(server::start(&self.layout, &self.programs, &self.settings, log)?);
        }
        Ok(())
    }

    /// Lets this member's roles in if the server was started without them.
    fn admit_roles(&self, sessions: &Sessions, deadline: &Deadline) -> Result<(), ClusterError> {
        if !conf::write_ident(&self.layout, &self.settings)? {
            return Ok(());
        }
        let log = Log::mark(&self.layout);
        let before = self.session(sessions, deadline, session::configuration_loaded)?;
        self.session(sessions, deadline, session::reload)?;
        while self.session(sessions, deadline, session::configuration_loaded)? == before {
            if !deadline.rest() {
                return Err(log.not_ready(deadline, "the new roles were not read".to_owned()));
            }
        }
        Ok(())
    }

    fn session<T>(
        &self,
        sessions: &Sessions,
        deadline: &Deadline,
        work: impl AsyncFnOnce(&tokio_postgres::Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, ClusterError> {
        let log = Log::mark(&self.layout);
        sessions.run(MAINTENANCE, deadline.remaining(), work).map_err(|error| match error {
            NoSession::NotYet(last) => log.not_ready(deadline, last),
            NoSession::Refused(reason) => self.refused(reason),
        })
    }

    fn refused(&self, reason: String) -> ClusterError {
        ClusterError::Refused { data_dir: self.layout.data_dir.clone(), reason }
    }

    fn leave_blocking(&mut self) -> Result<Left, ClusterError> {
        let held = StartStop::acquire(&self.layout, self.settings.patience.saturating_mul(3));
        let left = held.and_then(|held| self.withdraw(&held));
        // Whatever happened: out is out.
        self.membership = None;
        left
    }

    /// Gives up the membership and stops the server if that was the last one.
    fn withdraw(&mut self, held: &StartStop) -> Result<Left, ClusterError> {
        let Some(membership) = self.membership.take() else { return Ok(Left::OthersRemain) };
        if !membership.exit(&self.layout, held)? {
            return Ok(Left::OthersRemain);
        }
        if self.settings.stay {
            return Ok(Left::KeptRunning);
        }
        server::stop(&self.layout, &self.programs, &self.settings)?;
        if let Some(child) = &mut self.child {
            process::wait(child, &Deadline::after(REAPING)).context("wait for", &self.layout.pgdata())?;
        }
        Ok(Left::Stopped)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.membership.is_some()
            && let Err(error) = self.leave_blocking()
        {
            tracing::warn!(%error, "PostgreSQL stays");
        }
    }
}

fn config(layout: &Layout, settings: &Settings) -> Config {
    let mut config = Config::new();
    config.host_path(&layout.socket_dir).port(5432).user(&settings.owner).dbname(&settings.database);
    config
}

/// Whether the server's user can get to the data directory, and may run the programs: by trying.
fn check_reach(layout: &Layout, programs: &Programs) -> Result<(), ClusterError> {
    let mut command = process::command(&programs.path("postgres"), &layout.identity);
    let log = Log::mark(layout);
    match command.arg("--version").current_dir(&layout.data_dir).status() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(ClusterError::Unreachable {
            user: layout.identity.service.name.clone(),
            blocked_at: layout.blocked_at(),
        }),
        Err(error) => Err(log.failure("postgres", format!("cannot be run ({error})"))),
    }
}
