//! Whether commits are answered. One that waits for a synchronous standby that is gone waits for ever, and so does each
//! that comes after it; so once one hangs, a single one is waited for, and all else is refused at once.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use tokio::{task::JoinHandle, time};

use super::{Conn, Connector, outcome::new_token, sql};

/// Where commits wait for standbys, one is tried when none has been answered for so long.
const QUIET: Duration = Duration::from_secs(5);
/// A try that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is known of commits.
pub(super) struct Writes(Mutex<State>);

struct State {
    /// When one was answered last.
    answered: Instant,
    /// Whether one was not, and none since.
    hangs: bool,
    probe: Option<Probe>,
}

/// A commit that is tried.
struct Probe {
    began: Instant,
    under_way: JoinHandle<Result<(), String>>,
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.under_way.abort();
    }
}

impl Writes {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { answered: Instant::now(), hangs: false, probe: None }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A commit was answered.
    pub(super) fn committed(&self) {
        let mut state = self.state();
        (state.answered, state.hangs) = (Instant::now(), false);
    }

    /// A commit was not answered.
    pub(super) fn hang(&self) {
        self.state().hangs = true;
    }

    /// The server is gone, and what waited there with it.
    pub(super) fn give_up(&self) {
        let mut state = self.state();
        (state.hangs, state.probe) = (false, None);
    }

    /// Whether commits are answered, as far as is known; what they wait for is asked through `asked`.
    ///
    /// # Errors
    /// What they wait for.
    pub(super) async fn look(
        &self,
        connector: &Connector,
        asked: &mut Conn,
        has_standbys: bool,
    ) -> Result<(), &'static str> {
        if !self.hold(connector, has_standbys).await {
            return Ok(());
        }
        Err(match waits_for_standby(asked).await {
            true => "commits wait for a synchronous standby that does not confirm them (synchronous_standby_names)",
            false => "a commit is not answered",
        })
    }

    /// Looks after the try, and tells whether writes are to wait for it.
    async fn hold(&self, connector: &Connector, has_standbys: bool) -> bool {
        let ended = {
            let mut state = self.state();
            state.probe.take_if(|probe| probe.under_way.is_finished())
        };
        if let Some(mut probe) = ended {
            match (&mut probe.under_way).await {
                Ok(Ok(())) => self.committed(),
                Ok(Err(why)) => tracing::debug!(why, "a commit could not be tried"),
                Err(ended) => tracing::debug!(%ended, "a commit could not be tried"),
            }
        }
        let mut state = self.state();
        let is_due = state.hangs || has_standbys && state.answered.elapsed() >= QUIET;
        if state.probe.is_none() && is_due {
            let (began, connector) = (Instant::now(), connector.clone());
            state.probe = Some(Probe { began, under_way: tokio::spawn(commit_something(connector)) });
        }
        state.hangs |= state.probe.as_ref().is_some_and(|probe| probe.began.elapsed() >= PATIENCE);
        state.hangs
    }
}

/// Writes a token that nobody will look for.
async fn commit_something(connector: Connector) -> Result<(), String> {
    let mut connection = connector.connect().await.map_err(|error| error.why)?;
    let token = new_token().map_err(|error| error.to_string())?;
    let written = sql("insert into commit_token (token) values ($1)")
        .bind::<sql_types::Uuid, _>(token)
        .execute(&mut connection)
        .await;
    written.map(|_| ()).map_err(|error| error.to_string())
}

#[derive(QueryableByName)]
struct Waits {
    #[diesel(sql_type = sql_types::Bool)]
    waits: bool,
}

/// Whether a session of this role waits for a standby: only of its own does a role see what they wait for.
async fn waits_for_standby(connection: &mut Conn) -> bool {
    let query = "select exists (select from pg_stat_activity where wait_event = 'SyncRep') as waits";
    let answer = time::timeout(PATIENCE, sql(query).get_result(connection)).await;
    matches!(answer, Ok(Ok(Waits { waits: true })))
}
