//! Workers: they take tasks out of a realm's queue, have them done, and end when told to.

use std::{cell::Cell, rc::Rc, sync::Arc, time::Duration};

use futures_util::future::join5;
use store::{
    Database, Error, Realm,
    tasks::{self, Claim, Lease},
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, watch},
    task::{JoinError, JoinSet, LocalSet},
    time::{self, Instant},
};
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    WorkerSettings,
    attempt::attempt,
    backoff::{DATABASE, random},
    driver::{Drivers, SimulatedDriver},
    jobs, lease, own,
};

/// Giving back what did not end in time takes no longer than this.
const GIVE_BACK: Duration = Duration::from_secs(5);

/// Works on the queues of all realms and on the scheduled jobs until `shutdown`, then drains: no new task is taken,
/// running ones have [`WorkerSettings::drain_for`] to end and are given back uncounted after that. It outlives the
/// database going away. Any number of processes may run it. Dropped, it is a worker that died: its leases run out.
///
/// The future is not `Send`: it is for a thread of its own (see [`crate::spawn`]) or a current-thread runtime.
pub async fn run(database: Database, settings: WorkerSettings, shutdown: impl Future<Output = ()>) {
    let (tell, asked) = watch::channel(Shutdown::None);
    let telling = async {
        shutdown.await;
        tell.send_replace(Shutdown::Drain);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = run_until(database, settings, asked) => {}
        () = telling => {}
    }
}

/// Whether a worker is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shutdown {
    /// It is not.
    None,
    /// Once what is under way has ended, or had its time.
    Drain,
    /// At once: what is under way is given back.
    Hurry,
}

/// [`run`], which can be hurried while it drains.
pub(crate) async fn run_until(database: Database, settings: WorkerSettings, mut asked: watch::Receiver<Shutdown>) {
    let (stop, stopped) = watch::channel(false);
    let hurry = asked.clone();
    let simulated = |realm: &Realm| SimulatedDriver::new(realm.clone(), settings.operation_time);
    let live = Drivers::live(simulated(&database.live), &settings.drivers);
    let test = Drivers::Test(simulated(&database.test));
    let sampled = [
        (&database.live, Drivers::live(simulated(&database.live), &settings.drivers)),
        (&database.test, Drivers::Test(simulated(&database.test))),
    ];
    let live = RealmWorker::new(database.live.clone(), live, &settings, hurry.clone());
    let test = RealmWorker::new(database.test.clone(), test, &settings, hurry.clone());
    let work = async {
        let jobs = jobs::run(&database, &sampled, &settings, stopped.clone());
        let own = own::run(&database, &settings, stopped.clone(), hurry.clone());
        let notices = jobs::run_notices(&database, &settings, stopped.clone());
        join5(live.run(stopped.clone()), test.run(stopped.clone()), own, jobs, notices).await;
    };
    let tell = async {
        ending(&mut asked).await;
        tracing::info!("the provisioner takes no new task and waits for those under way");
        stop.send_replace(true);
        // Jobs under way end by themselves, as a rule soon; one that doesn't is as one whose worker died.
        hurried(&mut asked).await;
        time::sleep(GIVE_BACK).await;
    };
    LocalSet::new()
        .run_until(async {
            tokio::select! {
                () = work => {}
                () = tell => tracing::warn!("the provisioner ends with something under way"),
            }
        })
        .await;
    tracing::info!("the provisioner has ended");
}

/// The worker of one realm.
pub(crate) struct RealmWorker {
    realm: Realm,
    drivers: Drivers,
    settings: WorkerSettings,
    /// New for each process and realm: a worker that comes back under the same name is another one.
    id: Uuid,
    slots: Arc<Semaphore>,
    /// Something may be due: a task has ended, so that the next of its order has its turn, or one was queued.
    look: Notify,
    /// Whether the newest claim found something: then there may be more, and it is not asked first.
    found: Cell<bool>,
    /// Becomes true when running tasks are to be given back.
    halt: watch::Sender<bool>,
    hurry: watch::Receiver<Shutdown>,
}

impl RealmWorker {
    pub(crate) fn new(
        realm: Realm,
        drivers: Drivers,
        settings: &WorkerSettings,
        hurry: watch::Receiver<Shutdown>,
    ) -> Rc<Self> {
        Rc::new(Self {
            realm,
            drivers,
            settings: settings.clone(),
            id: Uuid::new_v4(),
            slots: Arc::new(Semaphore::new(settings.concurrency.max(1))),
            look: Notify::new(),
            found: Cell::new(false),
            halt: watch::Sender::new(false),
            hurry,
        })
    }

    pub(crate) async fn run(self: Rc<Self>, mut stop: watch::Receiver<bool>) {
        let mut running = JoinSet::new();
        let this = self.clone();
        let listening = tokio::task::spawn_local(async move { this.listen().await });
        while let Some((claim, since, slot)) = self.next(&mut stop).await {
            let this = self.clone();
            running.spawn_local(async move {
                this.attend(&claim, since).await;
                drop(slot);
                this.look.notify_one();
            });
            while let Some(ended) = running.try_join_next() {
                log_panic(ended);
            }
        }
        listening.abort();
        self.drain(running).await;
    }

    /// Has the worker look as soon as a task is queued, wherever; and whenever it may not have been told. It looks by
    /// itself all the same.
    async fn listen(&self) {
        let mut failures = 0;
        loop {
            match self.realm.listen().await {
                Ok(mut listener) => {
                    failures = 0;
                    self.look.notify_one();
                    while listener.heard().await.is_ok() {
                        self.look.notify_one();
                    }
                }
                Err(error) => tracing::debug!(%error, failures, "nobody can say yet what is queued"),
            }
            failures += 1;
            time::sleep(DATABASE.half_jitter(failures, random())).await;
        }
    }

    /// The next task with a slot to do it in; `None` once the worker is to stop. A claim under way is never dropped:
    /// its task would be nobody's until the lease runs out.
    async fn next(&self, stop: &mut watch::Receiver<bool>) -> Option<(Claim, Instant, OwnedSemaphorePermit)> {
        let slot = tokio::select! {
            slot = self.slots.clone().acquire_owned() => slot.ok()?,
            () = stopping(stop) => return None,
        };
        let mut failures = 0;
        while !*stop.borrow() {
            let since = Instant::now();
            let pause = match self.claim().await {
                Ok(Some(claim)) => return Some((claim, since, slot)),
                Ok(None) => {
                    failures = 0;
                    around(self.settings.poll)
                }
                Err(error) => {
                    failures += 1;
                    store::log_failure!(warn, error, realm = self.realm.schema(), failures, "the queue can't be asked");
                    DATABASE.half_jitter(failures, random())
                }
            };
            tokio::select! {
                () = time::sleep(pause) => {}
                () = self.look.notified(), if failures == 0 => {}
                () = stopping(stop) => {}
            }
        }
        None
    }

    async fn claim(&self) -> Result<Option<Claim>, Error> {
        if !self.found.replace(false) && !self.realm.read(async |connection| tasks::is_due(connection).await).await? {
            return Ok(None);
        }
        match self.realm.transaction("claim task", async |tx| tasks::claim(tx, self.id).await).await {
            Err(error) if tasks::is_lost_race(&error) => Ok(None),
            claimed => {
                self.found.set(matches!(claimed, Ok(Some(_))));
                claimed
            }
        }
    }

    /// Has a claimed task done as long as its lease is sure.
    async fn attend(&self, claim: &Claim, since: Instant) {
        let (lease, operation) = match claim {
            Claim::Ready(task) => (&task.lease, task.operation.name()),
            Claim::Unreadable { lease, .. } => (lease, "unreadable"),
        };
        let span = tracing::info_span!(
            "task",
            realm = self.realm.schema(),
            task = lease.id.0,
            order = lease.order.0,
            operation,
            attempt = lease.attempt,
            fence = lease.fence,
        );
        let mut halt = self.halt.subscribe();
        let asked_before = matches!(claim, Claim::Ready(task) if task.cancel_asked);
        let (cancel, cancelled) = watch::channel(asked_before);
        async {
            tokio::select! {
                () = attempt(&self.realm, &self.drivers, claim, &self.settings, cancelled) => {}
                () = lease::lost(&self.realm, lease, &self.settings, since, &cancel) => {
                    tracing::warn!("the lease is lost, and the work with it: another worker does it");
                }
                () = stopping(&mut halt) => self.release(lease).await,
            }
        }
        .instrument(span)
        .await;
    }

    async fn release(&self, lease: &Lease) {
        match self.realm.transaction("release task", async |tx| tasks::release(tx, lease).await).await {
            Ok(true) => tracing::info!("the task did not end in time and is given back"),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the task can't be given back; its lease runs out"),
        }
    }

    async fn drain(&self, mut running: JoinSet<()>) {
        let mut hurry = self.hurry.clone();
        tokio::select! {
            () = all(&mut running) => return,
            () = time::sleep(self.settings.drain_for) => {}
            () = hurried(&mut hurry) => {}
        }
        self.halt.send_replace(true);
        if time::timeout(GIVE_BACK, all(&mut running)).await.is_err() {
            tracing::warn!(tasks = running.len(), "tasks could not be given back; their leases run out");
        }
    }
}

async fn all(running: &mut JoinSet<()>) {
    while let Some(ended) = running.join_next().await {
        log_panic(ended);
    }
}

/// Panics of drivers are caught before; this is for our own.
fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "work on a task broke off; its lease runs out");
    }
}

/// Returns once it is to end, or nobody is left who could say so.
async fn ending(asked: &mut watch::Receiver<Shutdown>) {
    let _gone = asked.wait_for(|asked| *asked != Shutdown::None).await.is_err();
}

/// Returns once it is to end at once.
async fn hurried(asked: &mut watch::Receiver<Shutdown>) {
    if asked.wait_for(|asked| *asked == Shutdown::Hurry).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Returns once `stop` is true, or nobody is left who could make it so.
pub(crate) async fn stopping(stop: &mut watch::Receiver<bool>) {
    // An error says that the sender is gone: then it is time to stop, too.
    let _gone = stop.wait_for(|stop| *stop).await.is_err();
}

/// Around `period`, a quarter more or less: many workers need not ask all at once.
pub(crate) fn around(period: Duration) -> Duration {
    let spread = u64::try_from((period / 2).as_millis()).unwrap_or(u64::MAX);
    period * 3 / 4 + Duration::from_millis(random() % spread.saturating_add(1))
}
