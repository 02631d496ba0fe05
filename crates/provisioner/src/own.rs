//! Customers' own test realms: those that are in use have a worker and their jobs, the others sleep.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::future::join;
use store::{Database, Error, Realm, customers};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{self, Instant},
};

use crate::{
    WorkerSettings,
    driver::{Drivers, SimulatedDriver},
    jobs,
    worker::{RealmWorker, Shutdown, around, stopping},
};

/// How often is looked who has woken up.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// So many realms a worker looks after at once; those that were used last.
const AWAKE: usize = 8;
/// A realm's worker does so many tasks at a time.
const TASKS: usize = 2;

/// Looks after the realms that are in use until told to stop.
pub(crate) async fn run(
    database: &Database,
    settings: &WorkerSettings,
    mut stop: watch::Receiver<bool>,
    hurry: watch::Receiver<Shutdown>,
) {
    let mut served: BTreeMap<String, watch::Sender<bool>> = BTreeMap::new();
    let mut serving = JoinSet::new();
    let mut complained: Option<Instant> = None;
    while !*stop.borrow() {
        match awake(database).await {
            Ok(names) => {
                for name in &names {
                    if served.contains_key(name) {
                        continue;
                    }
                    match database.own_realm(name) {
                        Ok(realm) => {
                            let (halt, halted) = watch::channel(false);
                            served.insert(name.clone(), halt);
                            serving.spawn_local(serve(realm, settings.clone(), halted, hurry.clone()));
                        }
                        Err(error) => {
                            store::log_failure!(warn, error, realm = name, "a customer's test realm can't be reached")
                        }
                    }
                }
                for (_, halt) in served.iter().filter(|(name, _)| !names.contains(*name)) {
                    halt.send_replace(true);
                }
                complained = None;
            }
            Err(error) if complained.is_none() => {
                store::log_failure!(warn, error, "it can't be asked whose test realms are in use");
                complained = Some(Instant::now());
            }
            Err(_) => {}
        }
        while let Some(ended) = serving.try_join_next() {
            match ended {
                Ok(name) => drop(served.remove(&name)),
                Err(error) => tracing::error!(%error, "work on a customer's test realm broke off"),
            }
        }
        tokio::select! {
            () = time::sleep(around(LOOK_EVERY)) => {}
            () = stopping(&mut stop) => {}
        }
    }
    for halt in served.values() {
        halt.send_replace(true);
    }
    while serving.join_next().await.is_some() {}
}

async fn awake(database: &Database) -> Result<BTreeSet<String>, Error> {
    let names = database.live.read(async |connection| customers::awake(connection).await).await?;
    Ok(names.into_iter().take(AWAKE).collect())
}

/// One realm's worker and jobs, until they are to halt. Returns whose they were.
async fn serve(
    realm: Realm,
    settings: WorkerSettings,
    halted: watch::Receiver<bool>,
    hurry: watch::Receiver<Shutdown>,
) -> String {
    let settings = WorkerSettings { concurrency: TASKS, ..settings };
    let drivers = Drivers::Test(SimulatedDriver::new(realm.clone(), settings.operation_time));
    let worker = RealmWorker::new(realm.clone(), drivers, &settings, hurry);
    join(worker.run(halted.clone()), jobs::run_own(&realm, &settings, halted)).await;
    realm.schema().to_owned()
}
