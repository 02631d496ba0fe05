//! Joining and leaving.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_postgres::Config;

use crate::error::{ClusterError, FileContext};
use crate::keeper::Keeper;
use crate::member::Member;
use crate::settings::Settings;

/// What became of the server when a member left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// This was the last member: the server is stopped.
    Stopped,
    /// Other members still use the server.
    OthersRemain,
    /// This was the last member, and [`Settings::stay`] leaves the server running.
    KeptRunning,
    /// This was the last member, and the server is in a PID namespace that can't be seen from here: it goes on
    /// running until its container ends or somebody there joins and leaves.
    RunsElsewhere,
}

/// A membership of the cluster. While there is one, no other member stops the server.
///
/// Dropping it leaves, too, but blocks its thread for that, and errors go to the log only: prefer [`Cluster::leave`].
#[derive(Debug)]
pub struct Cluster {
    config: Config,
    socket_dir: PathBuf,
    started_here: bool,
    cancelled: Arc<AtomicBool>,
    member: Arc<Mutex<Member>>,
    keeper: Option<Keeper>,
}

impl Cluster {
    /// Joins the cluster of `settings.data_dir` (`CONTRACT 3`): makes it if there is none, starts it if it does not
    /// run, waits until it accepts connections, and creates the database.
    ///
    /// # Errors
    /// Each says what to do; see [`ClusterError`].
    pub async fn join(settings: &Settings) -> Result<Self, ClusterError> {
        let settings = settings.clone();
        let abandoned = Abandoned::default();
        let cancelled = abandoned.0.clone();
        // If the caller stops waiting, the thread goes on, and what it returns is dropped, which leaves.
        let joined = tokio::task::spawn_blocking(move || Self::join_blocking(settings, cancelled)).await;
        abandoned.not();
        joined.map_err(|error| ClusterError::Interrupted(error.to_string()))?
    }

    /// Whether there is a cluster in `data_dir`. Nothing is made.
    ///
    /// # Errors
    /// The directory is there and can't be looked into.
    pub fn exists(data_dir: &Path) -> Result<bool, ClusterError> {
        let pgdata = data_dir.join("pg");
        match fs::symlink_metadata(&pgdata) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).context("look at", &pgdata),
        }
    }

    fn join_blocking(settings: Settings, cancelled: Arc<AtomicBool>) -> Result<Self, ClusterError> {
        let member = Member::join(settings, cancelled.clone())?;
        Ok(Self {
            config: member.config(),
            socket_dir: member.socket_dir().to_owned(),
            started_here: member.started(),
            cancelled,
            member: Arc::new(Mutex::new(member)),
            keeper: None,
        })
    }

    /// Has a thread bring the server back whenever it has ended without being told to, for as long as this membership
    /// lasts, and keep its log bounded. Of several members that do so one is first, and the others join what it
    /// started.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub fn keep(&mut self) -> Result<(), ClusterError> {
        if self.keeper.is_none() {
            self.keeper = Some(Keeper::start(self.member.clone())?);
        }
        Ok(())
    }

    /// How to connect: through the socket, as the owner, to the database of the settings.
    pub fn config(&self) -> Config {
        self.config.clone()
    }

    /// The directory of the socket, for programs such as `psql --host`.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// Whether this member started the server when it joined, rather than finding it running.
    pub fn started_here(&self) -> bool {
        self.started_here
    }

    /// Leaves, and stops the server if nobody else is left. Connections of our own are cut then: close them before.
    ///
    /// # Errors
    /// The server cannot be stopped; we are out all the same, and it goes on running until someone joins and leaves.
    pub async fn leave(mut self) -> Result<Left, ClusterError> {
        let left = tokio::task::spawn_blocking(move || self.leave_blocking()).await;
        left.map_err(|error| ClusterError::Interrupted(error.to_string()))?
    }

    fn leave_blocking(&mut self) -> Result<Left, ClusterError> {
        self.cancelled.store(true, Ordering::Relaxed);
        // Ends it, and waits for that.
        drop(self.keeper.take());
        self.member.lock().unwrap_or_else(PoisonError::into_inner).leave()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = self.leave_blocking() {
            tracing::warn!(%error, "PostgreSQL stays");
        }
    }
}

/// Tells the thread that joins when nobody waits for it any more.
#[derive(Default)]
struct Abandoned(Arc<AtomicBool>);

impl Abandoned {
    fn not(self) {
        std::mem::forget(self);
    }
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
