//! Whether the database answers: asked all the time, so that a request need not wait to find out.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use tokio::{sync::watch, task::AbortHandle, time};

use super::{Conn, Connector};

/// Asks this often.
const INTERVAL: Duration = Duration::from_millis(250);
/// Gives up on an answer after this. With the interval it stays below the two seconds of CONTRACT 1.4.
const PATIENCE: Duration = Duration::from_millis(1400);

/// Knows whether the database answers.
#[derive(Clone)]
pub struct Monitor {
    up: watch::Receiver<bool>,
    _asker: std::sync::Arc<Asker>,
}

struct Asker(AbortHandle);

impl Drop for Asker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Monitor {
    /// Starts asking, on `runtime`. Until the first answer the database counts as up.
    #[must_use]
    pub fn start(connector: Connector, runtime: &tokio::runtime::Handle) -> Self {
        let (tell, up) = watch::channel(true);
        let asker = runtime.spawn(ask_for_ever(connector, tell));
        Self { up, _asker: std::sync::Arc::new(Asker(asker.abort_handle())) }
    }

    /// Whether it answered last time.
    #[must_use]
    pub fn is_up(&self) -> bool {
        *self.up.borrow()
    }

    /// Returns once the database doesn't answer.
    pub async fn gone(&self) {
        let mut up = self.up.clone();
        if up.wait_for(|up| !up).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns once the database answers.
    pub async fn back(&self) {
        let mut up = self.up.clone();
        if up.wait_for(|up| *up).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn ask_for_ever(connector: Connector, tell: watch::Sender<bool>) {
    let mut connection: Option<Conn> = None;
    loop {
        let answered = time::timeout(PATIENCE, ask(&connector, &mut connection)).await;
        let up = matches!(answered, Ok(true));
        if !up {
            connection = None;
        }
        tell.send_if_modified(|was| {
            let changed = *was != up;
            if changed && up {
                tracing::info!("the database answers again");
            } else if changed {
                tracing::error!("the database does not answer");
            }
            *was = up;
            changed
        });
        time::sleep(INTERVAL).await;
    }
}

async fn ask(connector: &Connector, connection: &mut Option<Conn>) -> bool {
    if connection.is_none() {
        match connector.connect().await {
            Ok(made) => *connection = Some(made),
            Err(error) => {
                tracing::debug!(%error, "no connection to the database");
                return false;
            }
        }
    }
    match connection {
        Some(connection) => connection.batch_execute("select 1").await.is_ok(),
        None => false,
    }
}
