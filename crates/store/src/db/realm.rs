//! Realms: the live one and those for trying things out, each in a schema of its own behind a role of its own.

use std::{sync::Arc, time::Duration};

use deadpool::{Runtime, managed::QueueMode};
use diesel_async::{
    AsyncPgConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{Object, Pool, PoolError},
    },
};
use domain::{
    billing::Party,
    customers::Prices,
    dunning::Policy,
    orders::BillingMode,
    tasks::{Capabilities, ProvisioningRules},
    vat::VatRules,
};
use futures_util::FutureExt;
use jiff::tz::TimeZone;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};

use super::{Conn, ConnectSettings, Connector, Error, Monitor, own::OwnRealms, wake::Wakes};
use crate::{catalogue::CatalogueCache, seal::Keyring};

/// Which realm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RealmKind {
    /// Customers' money and machines.
    Live,
    /// Test access (CONTRACT 1.6).
    Test,
}

impl RealmKind {
    /// All of them.
    pub const ALL: [RealmKind; 2] = [RealmKind::Live, RealmKind::Test];

    /// Its schema, and the last part of its role's name.
    #[must_use]
    pub const fn schema(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// Whether it charges.
    #[must_use]
    pub const fn billing(self) -> BillingMode {
        match self {
            Self::Live => BillingMode::Charging,
            Self::Test => BillingMode::Waived,
        }
    }

    /// Its role's name.
    #[must_use]
    pub fn role(self, prefix: &str) -> String {
        format!("{prefix}_{}", self.schema())
    }
}

/// Connections for renewing leases.
const LEASE_CONNECTIONS: usize = 1;
/// One connection of so many is kept for what only reads.
const RESERVED_PART: usize = 4;
/// How long anybody waits for a free connection.
const PATIENCE: Duration = Duration::from_secs(6);
/// Connections for telling workers that a task was queued.
const WAKE_CONNECTIONS: usize = 1;

/// The company's rules that every decision needs.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The company's time zone: days begin and moments are written in it (CONTRACT 1.2).
    pub zone: TimeZone,
    /// Whether the catalogue's prices contain the VAT (`billing.prices`).
    pub prices: Prices,
    /// Which VAT whose invoices have (`billing.vat`); without it, what staff set of each customer.
    pub vat: Option<VatRules>,
    /// What becomes of orders when nobody calls.
    pub policy: Policy,
    /// The company, as the seller on what is issued from now on (`[company]`).
    pub seller: Party,
    /// What the provisioner does by itself (`provisioner`).
    pub provisioning: ProvisioningRules,
    /// What drivers can do (`drivers.NAME.operations`). The test realm's can do everything.
    pub capabilities: Capabilities,
}

/// One realm: its pool, as its own role, which can't reach another realm.
#[derive(Clone)]
pub struct Realm {
    kind: RealmKind,
    schema: Arc<str>,
    /// A customer's own.
    own: bool,
    pool: Pool<AsyncPgConnection>,
    /// Places for transactions, fewer than there are connections: those wait for each other, and what only reads must
    /// not wait for them.
    writing: Arc<Semaphore>,
    /// For renewing leases alone; made when it is first needed.
    leases: Pool<AsyncPgConnection>,
    wakes: Arc<Wakes>,
    monitor: Monitor,
    keys: Arc<Keyring>,
    catalogue: Arc<CatalogueCache>,
    rules: Arc<Rules>,
}

/// The database with its realms.
#[derive(Clone)]
pub struct Database {
    /// Customers' money and machines.
    pub live: Realm,
    /// Test access.
    pub test: Realm,
    own: Arc<OwnRealms>,
}

/// What all realms of a database stand on.
#[derive(Clone)]
pub(super) struct Ground {
    pub(super) settings: ConnectSettings,
    pub(super) runtime: Handle,
    monitor: Monitor,
    keys: Arc<Keyring>,
    catalogue: Arc<CatalogueCache>,
    rules: Arc<Rules>,
}

impl Ground {
    /// A realm behind a connector, with up to so many connections.
    pub(super) fn realm(
        &self,
        kind: RealmKind,
        schema: &str,
        connector: &Connector,
        connections: usize,
    ) -> Result<Realm, Error> {
        let Self { runtime, monitor, keys, catalogue, rules, .. } = self.clone();
        let telling = pool(connector.clone(), WAKE_CONNECTIONS)?;
        let wakes = Arc::new(Wakes::start(connector.clone(), telling, format!("{schema} tasks"), &runtime));
        let leases = pool(connector.clone(), LEASE_CONNECTIONS)?;
        let pool = pool(connector.clone(), connections)?;
        let writing = Arc::new(Semaphore::new(connections - connections / RESERVED_PART));
        Ok(Realm {
            kind,
            schema: schema.into(),
            own: false,
            pool,
            writing,
            leases,
            wakes,
            monitor,
            keys,
            catalogue,
            rules,
        })
    }
}

impl Database {
    /// Pools of up to `connections` for each realm. Nothing is connected yet.
    ///
    /// # Errors
    /// [`Error::Failed`] when a pool can't be built.
    pub fn open(
        settings: &ConnectSettings,
        connections: usize,
        keys: Arc<Keyring>,
        rules: Rules,
    ) -> Result<Self, Error> {
        let at = |kind: RealmKind| (kind.schema().to_owned(), kind.role(&settings.role_prefix));
        Self::open_at(settings, connections, keys, rules, at, false)
    }

    /// The same, where `at` tells each realm's schema and role. In a scratch realm the test realm stands for customers'
    /// own.
    pub(super) fn open_at(
        settings: &ConnectSettings,
        connections: usize,
        keys: Arc<Keyring>,
        rules: Rules,
        at: impl Fn(RealmKind) -> (String, String),
        is_scratch: bool,
    ) -> Result<Self, Error> {
        let runtime = Handle::current();
        let connector = |kind: RealmKind| {
            let (schema, role) = at(kind);
            Connector::new(settings, Some(&role), &format!("{schema}, catalogue, pg_temp"), runtime.clone())
        };
        let monitor = Monitor::start(connector(RealmKind::Live), &runtime);
        let (catalogue, rules) = (Arc::new(CatalogueCache::default()), Arc::new(rules));
        let ground = Ground { settings: settings.clone(), runtime: runtime.clone(), monitor, keys, catalogue, rules };
        let realm = |kind: RealmKind| ground.realm(kind, &at(kind).0, &connector(kind), connections);
        let (live, test) = (realm(RealmKind::Live)?, realm(RealmKind::Test)?);
        let own = OwnRealms::new(ground.clone(), is_scratch.then(|| test.clone()));
        Ok(Self { live, test, own: Arc::new(own) })
    }

    /// A customer's own test realm, by its name. Nothing is connected yet.
    ///
    /// # Errors
    /// [`Error`] when no realm can have this name, or a pool can't be built.
    pub fn own_realm(&self, name: &str) -> Result<Realm, Error> {
        self.own.get(name)
    }

    /// Whether it is a scratch realm's, where the test realm stands for customers' own.
    pub(crate) fn is_scratch(&self) -> bool {
        self.own.is_scratch()
    }

    /// How to connect as the owner.
    pub(crate) fn settings(&self) -> &ConnectSettings {
        self.own.settings()
    }

    /// The realm of that kind.
    #[must_use]
    pub const fn realm(&self, kind: RealmKind) -> &Realm {
        match kind {
            RealmKind::Live => &self.live,
            RealmKind::Test => &self.test,
        }
    }

    /// Whether the database answers.
    #[must_use]
    pub const fn monitor(&self) -> &Monitor {
        &self.live.monitor
    }
}

fn pool(connector: Connector, connections: usize) -> Result<Pool<AsyncPgConnection>, Error> {
    let longest = connector.longest();
    let mut config = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |_| {
        let connector = connector.clone();
        async move { connector.connect_for_pool().await }.boxed()
    });
    let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new_with_config("", config);
    Pool::builder(manager)
        .max_size(connections)
        // The one used last is the one whose plans, caches and memory are at hand.
        .queue_mode(QueueMode::Lifo)
        .runtime(Runtime::Tokio1)
        .create_timeout(Some(longest))
        .wait_timeout(Some(PATIENCE))
        .build()
        .map_err(|error| Error::Failed(error.to_string()))
}

impl Realm {
    /// Which realm this is.
    #[must_use]
    pub const fn kind(&self) -> RealmKind {
        self.kind
    }

    /// Its schema, which names it in logs.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// Whether it is a customer's own test realm.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        self.own
    }

    /// The same as a customer's own.
    pub(super) fn into_own(self) -> Self {
        Self { own: true, ..self }
    }

    /// This realm through connections that nothing else uses: a lease is renewed also while all others are taken.
    #[must_use]
    pub fn for_leases(&self) -> Self {
        let writing = Arc::new(Semaphore::new(LEASE_CONNECTIONS));
        Self { pool: self.leases.clone(), writing, ..self.clone() }
    }

    /// The company's rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What seals secrets at rest.
    #[must_use]
    pub fn keys(&self) -> &Keyring {
        &self.keys
    }

    pub(crate) fn catalogue_cache(&self) -> &CatalogueCache {
        &self.catalogue
    }

    /// A connection for queries that need no transaction. It fails at once while the database doesn't answer, and
    /// `work` is dropped, with its connection, when the database goes away meanwhile.
    ///
    /// # Errors
    /// [`Error::Unreachable`], and what `work` returns.
    pub async fn read<T, E: From<Error>>(&self, work: impl AsyncFnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
        let mut connection = self.connection().await?;
        let outcome = tokio::select! {
            outcome = work(&mut connection) => Some(outcome),
            () = self.monitor.gone() => None,
        };
        match outcome {
            Some(outcome) => outcome,
            None => {
                drop(Object::take(connection));
                Err(self.trouble().into())
            }
        }
    }

    /// A place for a transaction.
    pub(super) async fn place_for_writing(&self) -> Result<OwnedSemaphorePermit, Error> {
        match time::timeout(PATIENCE, self.writing.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(Error::Unreachable("no free connection for a transaction".into())),
        }
    }

    /// A connection out of the pool.
    pub(super) async fn connection(&self) -> Result<Object<AsyncPgConnection>, Error> {
        if !self.monitor.is_up() {
            return Err(self.trouble());
        }
        tokio::select! {
            got = self.fresh_connection() => got.map_err(|error| match error {
                PoolError::Timeout(kind) => Error::Unreachable(format!("no free connection: {kind:?}")),
                other => Error::Unreachable(other.to_string()),
            }),
            () = self.monitor.gone() => Err(self.trouble()),
        }
    }

    /// A connection that has seen no outage: one from before may lead to a server that was demoted meanwhile.
    async fn fresh_connection(&self) -> Result<Object<AsyncPgConnection>, PoolError> {
        loop {
            let got = self.pool.get().await?;
            if !self.monitor.went_away_since(Object::metrics(&got).created) {
                return Ok(got);
            }
            drop(Object::take(got));
        }
    }

    pub(super) const fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    pub(super) fn wakes(&self) -> &Wakes {
        &self.wakes
    }

    /// What is wrong with the database.
    pub(super) fn trouble(&self) -> Error {
        self.monitor.trouble()
    }

    /// Waits until the database answers and takes writes, at most `patience`.
    pub async fn wait_until_up(&self, patience: Duration) -> bool {
        time::timeout(patience, self.monitor.back()).await.is_ok()
    }
}
