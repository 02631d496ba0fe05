//! Telling workers, of this process and others, that a task was queued.
//!
//! Beside the transaction, not in it: a commit with a NOTIFY holds a lock of the whole server until it is on the disk,
//! so all that queue something would wait for one another's disks. Whoever is not told finds it by looking.

use std::{pin::pin, time::Duration};

use diesel::sql_types;
use diesel_async::{
    AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection,
    pooled_connection::deadpool::{Object, Pool},
};
use futures_util::StreamExt;
use tokio::{
    runtime::Handle,
    sync::mpsc::{self, error::TrySendError},
    time,
};

use super::{Conn, Connector, Error, Monitor, Realm, sql};

/// A listener that hears nothing asks so often whether its connection is still there.
const STILL_THERE: Duration = Duration::from_secs(30);

/// The way between those who queue tasks and those who do them.
pub(super) struct Wakes {
    /// For listeners: each has a connection of its own.
    connector: Connector,
    /// What is told on.
    channel: String,
    asked: mpsc::Sender<()>,
}

impl Wakes {
    /// Tells on `channel`, through a connection out of `pool`, on `runtime`; until nobody has it any more. What is
    /// asked for while it tells is told together.
    pub(super) fn start(
        connector: Connector,
        pool: Pool<AsyncPgConnection>,
        channel: String,
        runtime: &Handle,
    ) -> Self {
        let (asked, mut asks) = mpsc::channel(1);
        let told_on = channel.clone();
        runtime.spawn(async move {
            while asks.recv().await.is_some() {
                tell(&pool, &told_on).await;
            }
        });
        Self { connector, channel, asked }
    }

    /// Has it told, soon.
    pub(super) fn wake(&self) {
        match self.asked.try_send(()) {
            // Full: it is about to be told.
            Ok(()) | Err(TrySendError::Full(())) => {}
            Err(TrySendError::Closed(())) => tracing::debug!("nobody tells workers any more"),
        }
    }
}

/// Twice, because the connection may be from before an outage. Nothing hangs on it, so it need not be on the disk.
async fn tell(pool: &Pool<AsyncPgConnection>, channel: &str) {
    for _ in 0..2 {
        let Ok(mut connection) = pool.get().await else { return };
        let told = sql("select set_config('synchronous_commit', 'off', true), pg_notify($1, '')")
            .bind::<sql_types::Text, _>(channel)
            .execute(&mut connection)
            .await;
        match told {
            Ok(_) => return,
            Err(error) => {
                tracing::debug!(%error, "workers could not be told that a task was queued");
                drop(Object::take(connection));
            }
        }
    }
}

/// Hears that tasks were queued.
pub struct Listener {
    connection: Conn,
    monitor: Monitor,
}

impl Realm {
    /// Listens for what is queued from now on, through a connection of its own.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn listen(&self) -> Result<Listener, Error> {
        let Wakes { connector, channel, .. } = self.wakes();
        let mut connection = connector.connect().await?;
        connection.batch_execute(&format!("listen \"{channel}\"")).await?;
        Ok(Listener { connection, monitor: self.monitor().clone() })
    }
}

impl Listener {
    /// Returns once something was queued.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when nothing can be heard any more.
    pub async fn heard(&mut self) -> Result<(), Error> {
        loop {
            let heard = {
                let mut notifications = pin!(self.connection.notifications_stream());
                tokio::select! {
                    heard = time::timeout(STILL_THERE, notifications.next()) => heard,
                    () = self.monitor.gone() => return Err(self.monitor.trouble()),
                }
            };
            match heard {
                Ok(Some(Ok(_))) => return Ok(()),
                Ok(Some(Err(error))) => return Err(error.into()),
                Ok(None) => return Err(self.monitor.trouble()),
                Err(_) => self.connection.batch_execute("select 1").await?,
            }
        }
    }
}
