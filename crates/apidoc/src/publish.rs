//! Keeping the page: made at the start and whenever another catalogue comes into force, in the background.

use std::{
    fmt::Display,
    io,
    sync::{Arc, PoisonError, RwLock},
    thread,
    time::Duration,
};

use domain::catalogue::Catalogue;
use domain::language::Language;
use store::{
    Database, Error, catalogue,
    db::{ConnectSettings, Rules},
};
use tokio::{
    runtime::Handle,
    sync::{oneshot, watch},
    task::LocalSet,
    time::sleep,
};

use crate::{
    examples::capture,
    machine::{Files, files},
    model::{Facts, Model},
    packed::Packed,
    page::{Page, render},
};

/// How often is looked whether another catalogue is in force.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// After a failure the page is made again so much later, and after each further one after twice as long.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// The longest pause.
const RETRY_AT_LEAST_EVERY: Duration = Duration::from_mins(5);

/// The pages as they are served, one a language.
#[derive(Debug, Clone)]
pub struct Pages {
    ru: Page,
    en: Page,
    lt: Page,
    files: Files,
}

impl Pages {
    /// The pages of a model.
    #[must_use]
    pub fn of(model: &Model) -> Self {
        Self {
            ru: render(model, Language::Ru),
            en: render(model, Language::En),
            lt: render(model, Language::Lt),
            files: files(model),
        }
    }

    /// The file of that path, with its media type.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&(&'static str, Packed)> {
        self.files.get(path)
    }

    /// The page in a language.
    #[must_use]
    pub const fn get(&self, language: Language) -> &Page {
        match language {
            Language::Ru => &self.ru,
            Language::En => &self.en,
            Language::Lt => &self.lt,
        }
    }
}

/// The pages, once they are there.
#[derive(Clone, Default)]
pub struct Published(Arc<RwLock<Option<Arc<Pages>>>>);

impl Published {
    /// The pages; `None` until they were first made.
    #[must_use]
    pub fn pages(&self) -> Option<Arc<Pages>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Publishes pages in place of those before.
    pub fn publish(&self, pages: Pages) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(pages));
    }
}

/// What makes the pages, on a thread of its own.
pub struct Publisher {
    /// The pages.
    pub published: Published,
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<()>,
}

impl Publisher {
    /// Stops making pages; a scratch realm that is in use is dropped before it returns.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        // It has ended also when its end can't be told any more.
        let _ = self.ended.await;
    }
}

/// What pages are made of.
#[derive(Clone)]
pub struct Source {
    /// The database, to see which catalogue is in force.
    pub database: Database,
    /// How to connect as the owner, who makes scratch realms.
    pub connect: ConnectSettings,
    /// The company's rules.
    pub rules: Rules,
    /// What is configured.
    pub facts: Facts,
}

/// Starts making pages. Must be called on a multi-threaded runtime, on which the database's connections live.
///
/// # Errors
/// When the operating system gives no thread.
pub fn start(source: Source) -> io::Result<Publisher> {
    let published = Published::default();
    let (stop, stopped) = watch::channel(false);
    let (tell, ended) = oneshot::channel();
    let (runtime, publishing) = (Handle::current(), published.clone());
    thread::Builder::new().name("apidoc".into()).spawn(move || {
        // Commands' futures are not `Send`, so they are for one thread.
        runtime.block_on(LocalSet::new().run_until(keep(&source, &publishing, stopped)));
        let _ = tell.send(());
    })?;
    Ok(Publisher { published, stop, ended })
}

/// Keeps the pages until told to stop. A scratch realm that is in use then is left for the next to sweep.
async fn keep(source: &Source, published: &Published, mut stopped: watch::Receiver<bool>) {
    let keeping = async {
        let monitor = source.database.monitor();
        loop {
            let made = persist(async || make(source).await, async || monitor.back().await, || monitor.is_up());
            let (model, catalogue) = made.await;
            published.publish(Pages::of(&model));
            until_another(source, &catalogue).await;
        }
    };
    tokio::select! {
        () = keeping => {}
        // An error says that nobody is left who could want pages.
        _ = stopped.wait_for(|stop| *stop) => {}
    }
}

/// Tries until it comes about: less and less often, since each try is work for the database; not at all while there is
/// none.
async fn persist<T, E: Display>(
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
    back: impl AsyncFn(),
    is_up: impl Fn() -> bool,
) -> T {
    let mut failures = 0;
    loop {
        back().await;
        match attempt().await {
            Ok(made) => return made,
            Err(error) if is_up() => {
                failures += 1;
                let pause = pause(failures);
                tracing::warn!(%error, failures, again_in = ?pause, "the reference page can't be made");
                sleep(pause).await;
            }
            Err(error) => {
                tracing::debug!(%error, "the reference page can't be made without a database");
                sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// The pause after so many failures in a row, from 1.
fn pause(failures: u32) -> Duration {
    let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    RETRY_AFTER.saturating_mul(factor).min(RETRY_AT_LEAST_EVERY)
}

/// Makes the calls, and the model with them.
///
/// # Errors
/// [`crate::examples::NoExamples`].
pub async fn make(source: &Source) -> Result<(Model, Catalogue), crate::examples::NoExamples> {
    let (captured, catalogue) = capture(&source.connect, source.rules.clone(), &source.facts).await?;
    Ok((Model::of(source.facts.clone(), &catalogue, &captured), catalogue))
}

/// Returns once another catalogue is in force.
async fn until_another(source: &Source, known: &Catalogue) {
    loop {
        sleep(LOOK_EVERY).await;
        let live = &source.database.live;
        let newest = live.read(async |connection| catalogue::newest(live, connection).await).await;
        match newest {
            Ok(newest) if *newest != *known => return,
            Ok(_) | Err(Error::Unreachable(_)) => {}
            Err(error) => tracing::warn!(%error, "the catalogue can't be looked at"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_fails_is_tried_less_and_less_often() {
        let (began, tries) = (Instant::now(), RefCell::new(Vec::new()));
        let attempt = async || {
            tries.borrow_mut().push(began.elapsed().as_secs());
            if tries.borrow().len() < 10 { Err("no room") } else { Ok(()) }
        };
        persist(attempt, async || {}, || true).await;
        assert_eq!(*tries.borrow(), [0, 5, 15, 35, 75, 155, 315, 615, 915, 1215]);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_tried_while_there_is_no_database() {
        let (began, up, tries) = (Instant::now(), Cell::new(false), RefCell::new(Vec::new()));
        let back = async || {
            if !up.get() {
                sleep(Duration::from_hours(1)).await;
                up.set(true);
            }
        };
        let attempt = async || {
            tries.borrow_mut().push(began.elapsed().as_secs());
            // The second try finds the database gone again.
            match tries.borrow().len() {
                1 => up.set(false),
                _ => return Ok(()),
            }
            Err("the database does not answer")
        };
        persist(attempt, back, || up.get()).await;
        assert_eq!(*tries.borrow(), [3600, 7205]);
    }
}
