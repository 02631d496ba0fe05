//! Whether the database answers and takes writes: asked all the time, so that a request need not wait to find out.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use tokio::{
    sync::watch,
    task::{AbortHandle, JoinHandle},
    time,
};

use super::{Conn, Connector, Error, Unconnected, Witness, sql, writes::Writes};

/// Asks this often. With [`super::Patience::Serving`] an outage is known within the two seconds of CONTRACT 1.4.
const INTERVAL: Duration = Duration::from_millis(250);
/// How far the database is, is kept this often.
const KEEP: Duration = Duration::from_secs(1);
/// That something is wrong still is said this often.
const REMIND: Duration = Duration::from_secs(60);

/// How the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It answers and takes writes.
    Up,
    /// It answers, and takes no writes: why.
    ReadOnly(Arc<str>),
    /// It lacks what was acknowledged, and is not used: what it lacks.
    Behind(Arc<str>),
    /// It does not answer: why.
    Gone(Arc<str>),
}

impl Condition {
    /// What it is called in metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::ReadOnly(_) => "read_only",
            Self::Behind(_) => "behind",
            Self::Gone(_) => "gone",
        }
    }

    /// The names of all conditions.
    pub const NAMES: [&'static str; 4] = ["up", "read_only", "behind", "gone"];

    /// What is wrong with it; nothing while it is up.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        match self {
            Self::Up => None,
            Self::ReadOnly(why) => Some(format!("the database takes no writes: {why}")),
            Self::Behind(why) => Some(format!("the database is behind: {why}")),
            Self::Gone(why) => Some(format!("the database does not answer: {why}")),
        }
    }

    const fn answers(&self) -> bool {
        matches!(self, Self::Up | Self::ReadOnly(_))
    }

    fn gone(why: &str) -> Self {
        Self::Gone(why.into())
    }
}

/// Knows how the database is.
#[derive(Clone)]
pub struct Monitor {
    shared: Arc<Shared>,
    _asker: Arc<Asker>,
}

struct Shared {
    condition: watch::Sender<Condition>,
    last_outage: Mutex<Option<Instant>>,
    writes: Writes,
    witness: Option<Arc<Witness>>,
}

struct Asker {
    task: AbortHandle,
    shared: Arc<Shared>,
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(witness) = &self.shared.witness {
            witness.keep();
        }
    }
}

impl Monitor {
    /// Starts asking, on `runtime`. Until the first answer the database counts as up.
    #[must_use]
    pub fn start(connector: Connector, runtime: &tokio::runtime::Handle) -> Self {
        let shared = Arc::new(Shared {
            condition: watch::Sender::new(Condition::Up),
            last_outage: Mutex::new(None),
            writes: Writes::new(),
            witness: connector.witness().cloned(),
        });
        let moves = connector.moves();
        let asking = Asking { connector, shared: shared.clone(), connection: None, connecting: None, moves };
        let task = runtime.spawn(asking.for_ever()).abort_handle();
        Self { _asker: Arc::new(Asker { task, shared: shared.clone() }), shared }
    }

    /// How it is.
    #[must_use]
    pub fn condition(&self) -> Condition {
        self.shared.condition.borrow().clone()
    }

    /// Whether it answered last time, if only to what reads.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.shared.condition.borrow().answers()
    }

    /// Whether the database has gone away since `moment`: a connection from before may lead to a server that is none
    /// any more.
    #[must_use]
    pub fn went_away_since(&self, moment: Instant) -> bool {
        let last_outage = self.shared.last_outage.lock().unwrap_or_else(PoisonError::into_inner);
        last_outage.is_some_and(|outage| outage >= moment)
    }

    /// Returns once the database doesn't answer.
    pub async fn gone(&self) {
        self.wait_for(|condition| !condition.answers()).await;
    }

    /// Returns once nothing can be written.
    pub async fn writes_nothing(&self) {
        self.wait_for(|condition| *condition != Condition::Up).await;
    }

    /// Returns once the database answers and takes writes.
    pub async fn back(&self) {
        self.wait_for(|condition| *condition == Condition::Up).await;
    }

    async fn wait_for(&self, wanted: impl FnMut(&Condition) -> bool) {
        let mut condition = self.shared.condition.subscribe();
        if condition.wait_for(wanted).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// What is wrong with it, for whoever can't go on.
    pub(super) fn trouble(&self) -> Error {
        let trouble = self.condition().trouble();
        Error::Unreachable(trouble.unwrap_or_else(|| "the database was away for a moment".to_owned()))
    }

    /// A commit was answered.
    pub(super) fn committed(&self) {
        self.shared.writes.committed();
    }

    /// A commit was not answered in time: until one is, nothing else is begun.
    pub(super) fn commit_hangs(&self) {
        self.shared.writes.hang();
        self.shared.tell(Condition::ReadOnly("a commit is not answered".into()));
    }

    pub(super) fn witness(&self) -> Option<&Witness> {
        self.shared.witness.as_deref()
    }
}

impl Shared {
    /// Returns whether it is another condition than before.
    fn tell(&self, condition: Condition) -> bool {
        self.condition.send_if_modified(|was| {
            let changed = was.name() != condition.name();
            match (condition.trouble(), was.trouble()) {
                (Some(trouble), _) if changed => tracing::error!("{trouble}"),
                (None, Some(was)) => tracing::info!(was, "the database answers and takes writes again"),
                _ => {}
            }
            *was = condition;
            changed
        })
    }
}

struct Asking {
    connector: Connector,
    shared: Arc<Shared>,
    connection: Option<Conn>,
    /// A connection that is being made: it outlives the patience of one look.
    connecting: Option<JoinHandle<Result<Conn, Unconnected>>>,
    /// How often the host had changed when it was looked last.
    moves: usize,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = sql_types::Bool)]
    is_standby: bool,
    #[diesel(sql_type = sql_types::Bool)]
    is_read_only: bool,
    #[diesel(sql_type = sql_types::Bool)]
    has_standbys: bool,
}

impl Asking {
    async fn for_ever(mut self) {
        let (mut kept, mut since, mut told) = (Instant::now(), Instant::now(), Instant::now());
        loop {
            let condition = self.look().await;
            if !condition.answers() {
                self.connection = None;
                *self.shared.last_outage.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
            let trouble = condition.trouble();
            if self.shared.tell(condition) {
                (since, told) = (Instant::now(), Instant::now());
            } else if let Some(trouble) = trouble.filter(|_| told.elapsed() >= REMIND) {
                told = Instant::now();
                tracing::error!(for_seconds = since.elapsed().as_secs(), "still: {trouble}");
            }
            if kept.elapsed() >= KEEP {
                kept = Instant::now();
                self.keep().await;
            }
            time::sleep(INTERVAL).await;
        }
    }

    async fn look(&mut self) -> Condition {
        let patience = self.connector.patience().answer();
        let answer = match time::timeout(patience, self.ask()).await {
            Ok(answer) => answer,
            Err(_) => {
                self.connection = None;
                Err(Condition::gone(&format!("nothing was heard of it for {} s", patience.as_secs_f32())))
            }
        };
        // Whoever still waits for the host before waits in vain.
        let moves = std::mem::replace(&mut self.moves, self.connector.moves());
        match answer {
            Ok(_) if moves != self.moves => Condition::gone("another host takes writes now"),
            Err(condition) => {
                self.shared.writes.give_up();
                condition
            }
            // A server that was demoted answers, but it is none any more.
            Ok(Answer { is_standby: true, .. }) => Condition::gone("this server is a standby"),
            Ok(Answer { is_read_only: true, .. }) => {
                Condition::ReadOnly("it is told to take none (transaction_read_only is on)".into())
            }
            Ok(Answer { has_standbys, .. }) => {
                let Some(asked) = &mut self.connection else { return Condition::gone("the connection is gone") };
                match self.shared.writes.look(&self.connector, asked, has_standbys).await {
                    Ok(()) => Condition::Up,
                    Err(why) => Condition::ReadOnly(why.into()),
                }
            }
        }
    }

    async fn ask(&mut self) -> Result<Answer, Condition> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Self::connection(&self.connector, &mut self.connecting).await.map_err(|error| {
                if error.is_behind {
                    self.shared.witness.as_ref().inspect(|witness| witness.reread());
                    return Condition::Behind(error.why.into());
                }
                Condition::gone(&error.why)
            })?),
        };
        let question = "select pg_is_in_recovery() as is_standby, current_setting('transaction_read_only') = 'on' as \
                        is_read_only, current_setting('synchronous_standby_names') <> '' as has_standbys";
        let answer = sql(question).get_result(connection).await;
        answer.map_err(|error| {
            self.connection = None;
            Condition::gone(&error.to_string())
        })
    }

    async fn connection(
        connector: &Connector,
        connecting: &mut Option<JoinHandle<Result<Conn, Unconnected>>>,
    ) -> Result<Conn, Unconnected> {
        let under_way = connecting.get_or_insert_with(|| {
            let connector = connector.clone();
            tokio::spawn(async move { connector.connect().await })
        });
        let made = under_way.await;
        *connecting = None;
        made.unwrap_or_else(|ended| Err(Unconnected::because(ended.to_string())))
    }

    async fn keep(&self) {
        let Some(witness) = self.shared.witness.clone() else { return };
        if let Err(error) = tokio::task::spawn_blocking(move || witness.keep()).await {
            tracing::warn!(%error, "how far the database is could not be kept");
        }
    }
}
