//! The provisioner inside another process: a thread of its own, so that neither waits for the other.

use std::{io, thread};

use store::Database;
use tokio::{
    runtime::Builder,
    sync::{oneshot, watch},
};

use crate::{WorkerSettings, run, worker::stopping};

/// A provisioner on a thread of its own. Dropping it tells it to stop, without waiting.
pub struct Provisioner {
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<()>,
}

/// The provisioner's thread ended of itself, through a fault of its own; its leases run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provisioner has died")]
pub struct Died;

/// Starts [`run`] on a thread of its own. `database` stays on the runtime it was opened on.
///
/// # Errors
/// When the operating system gives no thread.
pub fn spawn(database: Database, settings: WorkerSettings) -> io::Result<Provisioner> {
    // The database's sockets belong to its own runtime; this one has those of drivers.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (stop, mut stopped) = watch::channel(false);
    let (tell, ended) = oneshot::channel();
    let work = move || {
        runtime.block_on(run(database, settings, async move { stopping(&mut stopped).await }));
        // Nobody may be waiting any more.
        let _ = tell.send(());
    };
    thread::Builder::new().name("provisioner".into()).spawn(work)?;
    Ok(Provisioner { stop, ended })
}

impl Provisioner {
    /// Tells it to drain (see [`run`]) and waits until it has ended.
    ///
    /// # Errors
    /// [`Died`].
    pub async fn stop(mut self) -> Result<(), Died> {
        self.stop.send_replace(true);
        self.ended().await
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
