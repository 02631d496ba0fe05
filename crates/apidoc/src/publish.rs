//! Keeping the page: made at the start and whenever another catalogue comes into force, in the background.

use std::{
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
/// After a failure the page is made again so much later.
const RETRY_AFTER: Duration = Duration::from_secs(5);

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

async fn keep(source: &Source, published: &Published, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        let made = tokio::select! {
            made = make(source) => made,
            // The scratch realm is left for the next to sweep.
            _ = stopped.changed() => return,
        };
        let pause = match made {
            Ok((model, catalogue)) => {
                published.publish(Pages::of(&model));
                tokio::select! {
                    () = until_another(source, &catalogue) => continue,
                    _ = stopped.changed() => return,
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the reference page can't be made");
                sleep(RETRY_AFTER)
            }
        };
        tokio::select! {
            () = pause => {}
            _ = stopped.changed() => return,
        }
    }
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
