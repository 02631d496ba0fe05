//! The calls that the page shows: made in a scratch realm, through the dispatcher that answers everybody.

mod cast;
mod codes;
mod picks;
mod scenario;
mod stage;

use std::{collections::BTreeMap, io, num::NonZeroU32, time::Duration};

use domain::catalogue::Catalogue;
use gateway_http::auth::AuthSettings;
use provisioner::WorkerSettings;
use store::{
    Error, catalogue,
    db::{ConnectSettings, Rules, Scratch},
};

use self::stage::Stage;
use tokio::sync::oneshot;
use tracing::subscriber::NoSubscriber;

use crate::model::{Exchange, Facts, Provoked, Surface, Worked};

/// What was called and answered.
#[derive(Debug, Clone, Default)]
pub struct Captured {
    commands: BTreeMap<(Surface, &'static str), Exchange>,
    codes: BTreeMap<String, Provoked>,
    /// A price that was answered, worked out.
    pub worked: Option<Worked>,
    /// What was answered otherwise than it should have been.
    pub problems: Vec<String>,
}

impl Captured {
    /// The call of a command.
    #[must_use]
    pub fn command(&self, surface: Surface, name: &str) -> Option<&Exchange> {
        self.commands.iter().find(|((of, known), _)| *of == surface && *known == name).map(|(_, exchange)| exchange)
    }

    /// How a code was provoked, by its element id.
    #[must_use]
    pub fn code(&self, anchor: &str) -> Provoked {
        self.codes.get(anchor).cloned().unwrap_or(Provoked::Not("why_not_run", None))
    }
}

/// Why there are no examples.
#[derive(Debug, thiserror::Error)]
pub enum NoExamples {
    /// The database.
    #[error("the database: {0}")]
    Store(#[from] Error),
    /// No thread to work on, no randomness, no hash.
    #[error("{0}")]
    System(#[from] io::Error),
    /// A randomness or hash that can't be had.
    #[error("{0}")]
    Secret(String),
    /// A task was not done in time.
    #[error("{0} was not done in time")]
    TooSlow(&'static str),
}

/// Makes the calls in a scratch realm of their own, which is dropped afterwards whatever comes of them. The catalogue is
/// the one that they were made with.
///
/// The future is not `Send`: commands' are not.
///
/// # Errors
/// [`NoExamples`].
pub async fn capture(
    connect: &ConnectSettings,
    rules: Rules,
    facts: &Facts,
) -> Result<(Captured, Catalogue), NoExamples> {
    let scratch = Scratch::create(connect, rules).await?;
    let made = Box::pin(play(&scratch, facts)).await;
    if let Err(error) = scratch.remove().await {
        tracing::warn!(%error, "a scratch realm is left for the next to sweep");
    }
    made
}

async fn play(scratch: &Scratch, facts: &Facts) -> Result<(Captured, Catalogue), NoExamples> {
    // What happens here is nobody's: wrong passwords and tasks of examples have no place in the installation's log.
    let muted = tracing::subscriber::set_default(NoSubscriber::default());
    let played = Box::pin(act(scratch, facts)).await;
    drop(muted);
    for problem in played.iter().flat_map(|(captured, _)| &captured.problems) {
        tracing::warn!(problem, "the reference page lacks an example");
    }
    played
}

async fn act(scratch: &Scratch, facts: &Facts) -> Result<(Captured, Catalogue), NoExamples> {
    let (hide_unknown_logins, test_requests_per_minute) = (facts.hide_unknown_logins, NonZeroU32::MAX);
    let auth = AuthSettings { hide_unknown_logins, test_requests_per_minute, ..AuthSettings::default() };
    cast::add(&scratch.database).await?;
    let catalogue = scratch.database.test.read(async |c| catalogue::newest(&scratch.database.test, c).await).await?;
    let stage = Stage::new(scratch.database.clone(), facts, auth)?;
    let mut captured = Captured::default();
    let (done, stopped) = oneshot::channel::<()>();
    let playing = async {
        // Dropped at the end, it stops the worker.
        let _done = done;
        // Each on the heap: together they would fill a thread's stack.
        let server = Box::pin(scenario::apih(&stage, &catalogue, &mut captured)).await?;
        let server = server.as_deref();
        Box::pin(scenario::json(&stage, &catalogue, server, &mut captured)).await?;
        Box::pin(codes::apih(&stage, &catalogue, server, &mut captured)).await;
        Box::pin(codes::json(&stage, server, &mut captured)).await;
        Box::pin(scenario::clock(&stage, &mut captured)).await;
        Ok::<_, NoExamples>(())
    };
    let working = provisioner::run(scratch.database.clone(), quick(), async { drop(stopped.await) });
    let (playing, working) = (Box::pin(playing), Box::pin(working));
    let (played, ()) = tokio::join!(playing, working);
    played.map(|()| (captured, Catalogue::clone(&catalogue)))
}

/// A simulated hypervisor that loses no time.
fn quick() -> WorkerSettings {
    WorkerSettings {
        concurrency: 2,
        poll: Duration::from_millis(10),
        operation_time: Duration::from_millis(1),
        sample_every: Duration::from_millis(200),
        ..WorkerSettings::default()
    }
}
