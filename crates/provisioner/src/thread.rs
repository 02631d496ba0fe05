//! The provisioner inside another process: a thread of its own, so that neither waits for the other.

use std::{io, thread};

use store::Database;
use tokio::{
    runtime::Builder,
    sync::{oneshot, watch},
};

use crate::{
    WorkerSettings,
    worker::{Shutdown, run_until},
};

/// A provisioner on a thread of its own. Dropping it tells it to stop, without waiting.
pub struct Provisioner {
    shutdown: watch::Sender<Shutdown>,
    ended: oneshot::Receiver<()>,
}

/// The provisioner's thread ended of itself, through a fault of its own; its leases run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provisioner has died")]
pub struct Died;

/// Starts [`crate::run`] on a thread of its own. `database` stays on the runtime it was opened on.
///
/// # Errors
/// When the operating system gives no thread.
pub fn spawn(database: Database, settings: WorkerSettings) -> io::Result<Provisioner> {
    // The database's sockets belong to its own runtime; this one has those of drivers.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (shutdown, asked) = watch::channel(Shutdown::None);
    let (tell, ended) = oneshot::channel();
    let work = move || {
        runtime.block_on(run_until(database, settings, asked));
        // Nobody may be waiting any more.
        let _ = tell.send(());
    };
    thread::Builder::new().name("provisioner".into()).spawn(work)?;
    Ok(Provisioner { shutdown, ended })
}

impl Provisioner {
    /// Tells it to drain (see [`crate::run`]) and waits until it has ended.
    ///
    /// # Errors
    /// [`Died`].
    pub async fn stop(self) -> Result<(), Died> {
        self.stop_hurried_by(std::future::pending()).await
    }

    /// The same; once `hurry` returns, what is still under way is given back at once.
    ///
    /// # Errors
    /// [`Died`].
    pub async fn stop_hurried_by(mut self, hurry: impl Future<Output = ()>) -> Result<(), Died> {
        self.shutdown.send_replace(Shutdown::Drain);
        let shutdown = self.shutdown.clone();
        let hurrying = async {
            hurry.await;
            shutdown.send_replace(Shutdown::Hurry);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            ended = self.ended() => ended,
            () = hurrying => Ok(()),
        }
    }

    /// Returns once it has ended: without having been told to, only by dying. It can be awaited again if dropped, but
    /// not after it has returned.
    ///
    /// # Errors
    /// [`Died`].
    pub async fn ended(&mut self) -> Result<(), Died> {
        (&mut self.ended).await.map_err(|_| Died)
    }
}
