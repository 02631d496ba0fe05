//! One member: making, starting and readying the server, and leaving it.

use std::io;
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_postgres::Config;

use crate::cluster::Left;
use crate::conf::{self, Users};
use crate::deadline::Deadline;
use crate::error::{ClusterError, FileContext};
use crate::initdb;
use crate::layout::Layout;
use crate::liveness::{self, Liveness};
use crate::locks::{Membership, ServerLock, StartStop};
use crate::process::{self, Log};
use crate::programs::Programs;
use crate::revivals;
use crate::server::{self, Guards};
use crate::session::{self, MAINTENANCE, NoSession, Sessions};
use crate::settings::{Durability, Recovery, Settings};

/// How long a postmaster that has stopped may take to be gone from the process table.
const REAPING: Duration = Duration::from_secs(5);
/// A server that says it is ready, without a socket for so long, has it where we don't see it.
const HIDDEN: Duration = Duration::from_secs(5);
/// How long a revival waits for others who start or stop it: they may be bringing it back.
const TURN: Duration = Duration::from_secs(5);
/// How often the log says that a recovery is waited for.
const TELL_RECOVERY: Duration = Duration::from_secs(30);

/// A member of a cluster.
#[derive(Debug)]
pub(crate) struct Member {
    layout: Layout,
    programs: Programs,
    settings: Settings,
    membership: Option<Membership>,
    /// The server, if we started it: ours to wait for when it ends.
    child: Option<Child>,
    cancelled: Arc<AtomicBool>,
}

/// Why a member has the server up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occasion {
    Joining,
    Reviving,
}

impl Member {
    /// Joins, with the server up. Blocks its thread.
    pub(crate) fn join(settings: Settings, cancelled: Arc<AtomicBool>) -> Result<Self, ClusterError> {
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
        let mut member = Self { layout, programs, settings, membership, child: None, cancelled };
        let ready = member.bring_up(&held, Occasion::Joining);
        if let Err(ClusterError::Recovering { .. }) = ready {
            // Stopped, it would begin its recovery anew, and never come to its end.
            member.settings.stay = true;
        }
        // A cluster that did not come up is dropped here, and so left, which takes the lock.
        drop(held);
        ready.map(|()| member)
    }

    /// Has the server up again, whoever starts it. Blocks its thread.
    pub(crate) fn revive(&mut self) -> Result<(), ClusterError> {
        let held = StartStop::acquire(&self.layout, TURN.min(self.settings.patience))?;
        self.bring_up(&held, Occasion::Reviving)
    }

    /// Whether the server, or what is left of it, lives.
    pub(crate) fn server_lives(&self) -> Result<bool, ClusterError> {
        liveness::lives(&self.layout)
    }

    /// Ends what is left of a server whose postmaster is gone: it would keep another from starting for as long as it is
    /// at something. Answers how many were told to.
    pub(crate) fn end_orphans(&self, signal: &str) -> usize {
        let orphans = liveness::orphans(&self.layout);
        for pid in &orphans {
            // It may have ended by itself meanwhile.
            if let Err(error) = server::send(&self.layout, &self.programs, signal, *pid, REAPING) {
                tracing::debug!(%error, pid, "no signal to a process of a dead PostgreSQL");
            }
        }
        orphans.len()
    }

    /// Where everything is.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Whether this member started the server.
    pub(crate) fn started(&self) -> bool {
        self.child.is_some()
    }

    /// How to connect as the owner.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::new();
        let Settings { owner, database, .. } = &self.settings;
        config.host_path(&self.layout.socket_dir).port(5432).user(owner).dbname(database);
        config
    }

    /// The directory of the socket.
    pub(crate) fn socket_dir(&self) -> &Path {
        &self.layout.socket_dir
    }

    /// Starts the server if need be, and readies it for this member.
    fn bring_up(&mut self, held: &StartStop, occasion: Occasion) -> Result<(), ClusterError> {
        let sessions = Sessions::new(self.config()).context("start a runtime for", &self.layout.data_dir)?;
        let deadline = Deadline::after(self.settings.patience);
        // One that has died is not the one that is to be started.
        self.reap();
        let running_before = self.child.is_some();
        let last_words = Log::last_words(&self.layout);
        let fsync = self.await_ready(held, &sessions, &deadline)?;
        if self.settings.durability == Durability::Durable && !fsync {
            return Err(ClusterError::NotDurable { data_dir: self.layout.data_dir.clone() });
        }
        self.admit_roles(&sessions, &deadline)?;
        let name = &self.settings.database;
        self.session(&sessions, &deadline, async |client| session::create_database(client, name).await)?;
        if self.started()
            && !running_before
            && let Err(error) = self.record(held, occasion, &sessions, &deadline, &last_words)
        {
            tracing::warn!(%error, "how often PostgreSQL was brought back is not counted");
        }
        Ok(())
    }

    /// Keeps in mind that the server died and was brought back; a start in order begins the count anew.
    fn record(
        &self,
        held: &StartStop,
        occasion: Occasion,
        sessions: &Sessions,
        deadline: &Deadline,
        last_words: &str,
    ) -> Result<(), ClusterError> {
        if occasion == Occasion::Joining && !self.has_company(held)? {
            return revivals::clear(&self.layout);
        }
        let at = self.session(sessions, deadline, session::started_at)?;
        revivals::add(&self.layout, &at, last_words)
    }

    fn has_company(&self, held: &StartStop) -> Result<bool, ClusterError> {
        self.membership.as_ref().map_or(Ok(false), |membership| membership.has_company(&self.layout, held))
    }

    fn reap(&mut self) {
        if self.child.as_mut().is_some_and(|child| child.try_wait().is_ok_and(|status| status.is_some())) {
            self.child = None;
        }
    }

    /// Waits until the server accepts connections: it is asked first, and started only where none lives. Answers
    /// whether it has fsync.
    fn await_ready(
        &mut self,
        held: &StartStop,
        sessions: &Sessions,
        deadline: &Deadline,
    ) -> Result<bool, ClusterError> {
        let mut log = Log::mark(&self.layout);
        let mut told = Deadline::after(TELL_RECOVERY);
        let hidden = Deadline::after(HIDDEN.min(deadline.remaining()));
        loop {
            let outcome = sessions.run(MAINTENANCE, deadline.remaining().max(REAPING), session::has_fsync);
            let refusal = match outcome {
                Ok(fsync) => return Ok(fsync),
                Err(NoSession::Refused(reason)) => return Err(self.refused(reason)),
                Err(unready) => unready,
            };
            self.ensure_started(held, &mut log)?;
            if hidden.is_over() && self.is_hidden() {
                return Err(ClusterError::SocketHidden { socket: self.layout.socket() });
            }
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(ClusterError::Interrupted("asked to stop".to_owned()));
            }
            let recovers = matches!(refusal, NoSession::Starting(_));
            if recovers && told.is_over() {
                tracing::info!(seconds = deadline.elapsed().as_secs(), "PostgreSQL recovers from a crash");
                told = Deadline::after(TELL_RECOVERY);
            }
            if deadline.rest() {
                continue;
            }
            if !recovers {
                return Err(log.not_ready(deadline, refusal.into_words()));
            }
            if self.settings.recovery == Recovery::Bounded {
                let (seconds, log) = (deadline.seconds(), self.layout.log());
                return Err(ClusterError::Recovering { seconds, log });
            }
            Deadline::pause();
        }
    }

    /// Whether a server that we did not start takes connections at a socket that isn't here.
    fn is_hidden(&self) -> bool {
        self.child.is_none() && liveness::says_ready(&self.layout) && !self.layout.socket().exists()
    }

    /// Starts the server where it is certain that none lives.
    fn ensure_started(&mut self, held: &StartStop, log: &mut Log) -> Result<(), ClusterError> {
        let ended = match self.child.as_mut().map(Child::try_wait) {
            Some(Ok(None)) => return Ok(()),
            Some(Ok(Some(status))) => Some(status),
            Some(Err(error)) => return Err(log.failure("postgres", format!("cannot be waited for ({error})"))),
            None => None,
        };
        let vacant = match liveness::look(&self.layout, held)? {
            // If ours has ended, someone who was killed while starting it had started it after all: theirs lives.
            Liveness::Lives => {
                self.child = None;
                return Ok(());
            }
            Liveness::Unseen(_) if self.has_company(held)? => {
                return Err(ClusterError::Unseen { data_dir: self.layout.data_dir.clone() });
            }
            Liveness::Unseen(lock) => (lock, Guards::InForce),
            Liveness::Ended(lock) => (lock, Guards::Overruled),
        };
        match ended {
            Some(status) if !server::predecessor_lingers(log) => {
                Err(log.failure("postgres", format!("ended while starting ({status})")))
            }
            Some(_) | None => self.start(vacant, log),
        }
    }

    fn start(&mut self, vacant: (ServerLock, Guards), log: &mut Log) -> Result<(), ClusterError> {
        if let Err(error) = Log::bound(&self.layout) {
            tracing::warn!(%error, "PostgreSQL's log grows");
        }
        *log = Log::mark(&self.layout);
        self.child = Some(server::start(&self.layout, &self.programs, &self.settings, vacant, log)?);
        Ok(())
    }

    /// Lets this member's roles in if the server was started without them.
    fn admit_roles(&self, sessions: &Sessions, deadline: &Deadline) -> Result<(), ClusterError> {
        if !conf::write_ident(&self.layout, &self.settings, Users::OursAndPresent)? {
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
        // A recovery may have taken all of the patience.
        sessions.run(MAINTENANCE, deadline.remaining().max(REAPING), work).map_err(|error| match error {
            NoSession::NotYet(last) | NoSession::Starting(last) => log.not_ready(deadline, last),
            NoSession::Refused(reason) => self.refused(reason),
        })
    }

    fn refused(&self, reason: String) -> ClusterError {
        ClusterError::Refused { data_dir: self.layout.data_dir.clone(), reason }
    }

    /// Leaves, and stops the server if nobody else is left. Once is enough. Blocks its thread.
    pub(crate) fn leave(&mut self) -> Result<Left, ClusterError> {
        if self.membership.is_none() {
            return Ok(Left::OthersRemain);
        }
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
        if !server::stop(&self.layout, &self.programs, &self.settings, self.child.as_mut())? {
            tracing::warn!("PostgreSQL runs in another container or PID namespace, and goes on running there");
            return Ok(Left::RunsElsewhere);
        }
        if let Some(child) = &mut self.child {
            process::wait(child, &Deadline::after(REAPING)).context("wait for", &self.layout.pgdata())?;
        }
        Ok(Left::Stopped)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Err(error) = self.leave() {
            tracing::warn!(%error, "PostgreSQL stays");
        }
    }
}

/// Whether the server's user can get to the data directory, and may run the programs: by trying.
fn check_reach(layout: &Layout, programs: &Programs) -> Result<(), ClusterError> {
    let mut command = process::command(&programs.path("postgres"), &layout.identity);
    let log = Log::mark(layout);
    let user = || layout.identity.service.name.clone();
    match command.arg("--version").current_dir(&layout.data_dir).status() {
        Ok(_) => Ok(()),
        // Both are of the kind PermissionDenied: EPERM is about becoming another user, EACCES about files.
        Err(error) if layout.identity.root && error.raw_os_error() == Some(EPERM) => {
            Err(ClusterError::NoOtherUser { user: user() })
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(ClusterError::Unreachable { user: user(), blocked_at: layout.blocked_at() })
        }
        Err(error) => Err(log.failure("postgres", format!("cannot be run ({error})"))),
    }
}

/// The number of "operation not permitted" on Linux.
const EPERM: i32 = 1;
