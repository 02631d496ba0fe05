//! Whether the database answers: asked all the time, so that a request need not wait to find out.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use diesel_async::SimpleAsyncConnection;
use tokio::{sync::watch, task::AbortHandle, time};

use super::{Conn, Connector};

/// Asks this often.
const INTERVAL: Duration = Duration::from_millis(250);
/// Gives up on an answer after this. With the interval it stays below the two seconds of CONTRACT 1.4.
const PATIENCE: Duration = Duration::from_millis(1400);

/// A server that was demoted answers, but nothing can be written there: it counts as gone.
const QUESTION: &str = "do $$ begin if pg_is_in_recovery() then raise 'this server is a standby'; end if; end $$";

/// Knows whether the database answers.
#[derive(Clone)]
pub struct Monitor {
    up: watch::Receiver<bool>,
    last_outage: Arc<Mutex<Option<Instant>>>,
    _asker: Arc<Asker>,
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
        let last_outage = Arc::new(Mutex::new(None));
        let asker = runtime.spawn(ask_for_ever(connector, tell, last_outage.clone()));
        Self { up, last_outage, _asker: Arc::new(Asker(asker.abort_handle())) }
    }

    /// Whether it answered last time.
    #[must_use]
    pub fn is_up(&self) -> bool {
        *self.up.borrow()
    }

    /// Whether the database has gone away since `moment`: a connection from before may lead to a server that is none
    /// any more.
    #[must_use]
    pub fn went_away_since(&self, moment: Instant) -> bool {
        self.last_outage.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|outage| outage >= moment)
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

async fn ask_for_ever(connector: Connector, tell: watch::Sender<bool>, last_outage: Arc<Mutex<Option<Instant>>>) {
    let mut connection: Option<Conn> = None;
    loop {
        let answered = time::timeout(PATIENCE, ask(&connector, &mut connection)).await;
        let up = matches!(answered, Ok(true));
        if !up {
            connection = None;
            *last_outage.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
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
        Some(connection) => connection.batch_execute(QUESTION).await.is_ok(),
        None => false,
    }
}
