//! The installation, opened: the database reached, its schema up to date, its keys at hand.

use std::{
    fs::{File, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
    time::Duration,
};

use domain::{dunning::Policy, tasks::ProvisioningRules};
use gateway_http::auth::password;
use pg_cluster::Cluster;
use secrecy::SecretString;
use store::{
    Database, RealmKind,
    customers::{self, CustomerRow},
    db::{
        ConnectSettings, Connector, MigrationReport, Patience, RoleAuth, Rules, Witness, foreign_words, migrate,
        pending_migrations, refuse_pooler, roles,
    },
    seal::Keyring,
};
use tokio::{runtime::Handle, time};
use tokio_postgres::Config;

use crate::{existence, failure::Failure, key_file, settings::Settings, signals};

pub use crate::existence::{Access, Creates, Presence};

/// The login and the password of test access (CONTRACT 1.6).
pub const TEST_ACCESS: &str = "test";

/// How long another process may take to open the installation, migrations and all.
const TURN: Duration = Duration::from_secs(120);
/// How often is looked whether it is done.
const TURN_POLL: Duration = Duration::from_millis(20);

/// What to do when the schema is not up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrations {
    /// Bring it up to date.
    Run {
        /// Give the realms' roles their passwords anew, though they have others.
        renew_roles: bool,
    },
    /// Do so in a private cluster, which nobody else looks after; refuse elsewhere.
    Expect,
}

/// An installation that is ready for work.
pub struct Installation {
    /// Its configuration.
    pub settings: Settings,
    /// How to connect as the owner.
    pub connect: ConnectSettings,
    /// Its realms.
    pub database: Database,
    /// What bringing the schema up to date did.
    pub migrated: MigrationReport,
}

/// Runs `work` with the installation open, and closes it, whatever comes of the work; the last one out stops a
/// private cluster. Being asked to stop ends the opening; `work` sees to itself.
///
/// # Errors
/// What opening, `work` or closing fails with, the first of them.
pub async fn with<T>(
    settings: Settings,
    access: Access,
    migrations: Migrations,
    work: impl AsyncFnOnce(Installation) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let private = settings.database.url.is_none();
    at_database(&settings.clone(), access, async |owner| {
        let opening = async {
            let turn = if private { Some(take_turn(&settings.data_dir).await?) } else { None };
            let opened = open(settings, owner, access, migrations).await;
            drop(turn);
            opened
        };
        work(signals::interruptible(opening).await?).await
    })
    .await
}

/// Runs `work` with the owner's way to the database. A private cluster is joined for as long, and looked after by what
/// serves.
///
/// # Errors
/// What joining, `work` or leaving fails with, the first of them.
pub async fn at_database<T>(
    settings: &Settings,
    access: Access,
    work: impl AsyncFnOnce(Config) -> Result<T, Failure>,
) -> Result<T, Failure> {
    if let Some(url) = &settings.database.url {
        return work(url.config().clone()).await;
    }
    existence::check(settings, access.creates)?;
    let wanted = cluster_settings(settings, access.presence);
    let joining = async { Ok(Cluster::join(&wanted).await?) };
    let mut cluster = signals::interruptible(joining).await?;
    if access.presence == Presence::Serves {
        cluster.keep()?;
    }
    let outcome = work(cluster.config()).await;
    let left = cluster.leave().await;
    let done = outcome?;
    left?;
    Ok(done)
}

/// What is asked of a private cluster: room for a few processes, each with both realms' connections and those of
/// customers' own and scratch realms that it may be using.
pub fn cluster_settings(settings: &Settings, presence: Presence) -> pg_cluster::Settings {
    let mut wanted = pg_cluster::Settings::new(&settings.data_dir);
    if presence == Presence::Serves {
        wanted.recovery = pg_cluster::Recovery::Awaited;
    }
    wanted.roles = roles(&settings.database.role_prefix.0);
    let of_one = settings.database.connections.get().saturating_mul(2).saturating_add(48);
    wanted.archive = settings.backup.archive();
    wanted.max_connections = wanted.max_connections.max(of_one.saturating_mul(4));
    wanted
}

/// How to connect, before the keys are known.
pub fn as_owner(settings: &Settings, owner: Config, presence: Presence) -> ConnectSettings {
    let patience = match presence {
        Presence::Serves => Patience::Serving,
        Presence::Visits => Patience::Staff,
    };
    ConnectSettings { patience, ..ConnectSettings::new(owner, settings.database.role_prefix.0.clone(), RoleAuth::Peer) }
}

/// The realms' roles prove themselves by the socket in a private cluster, else by a password out of the root key.
///
/// # Errors
/// There is no key.
pub fn role_auth(settings: &Settings, keys: &Keyring) -> Result<RoleAuth, Failure> {
    match settings.database.url {
        None => Ok(RoleAuth::Peer),
        Some(_) => Ok(RoleAuth::Derived(Arc::new(keys.root().map_err(Failure::failed)?))),
    }
}

/// What is wrong where [`lacks_vat_rules`].
pub const NO_VAT_RULES: &str = "company.vat_code is set, so the company charges VAT, and [billing.vat] does not say \
                                which: no invoice can be issued. Set billing.vat.country and billing.vat.rates";

/// Whether the company has a VAT code and no rules for the VAT of its invoices, so that they would have none.
pub fn lacks_vat_rules(settings: &Settings) -> bool {
    settings.company.vat_code.is_some() && settings.billing.vat.country.is_none()
}

/// What to do about a server that speaks another language.
pub const FOREIGN_WORDS: &str = "some of them are not understood, and answered with code 2 in place of 1 or of another \
                                 try: on the server, as its administrator, `alter system set lc_messages = 'C'` and \
                                 `select pg_reload_conf()`";

/// Whether the live realm's role can log in with the password that comes of the key file. Migrating with another key
/// file would lock out every other host, so it is asked before.
///
/// # Errors
/// It can't, and what to do about it.
pub async fn check_role(connect: &ConnectSettings, settings: &Settings) -> Result<(), Failure> {
    let role = RealmKind::Live.role(&connect.role_prefix);
    let connector = Connector::new(connect, Some(&role), "pg_temp", Handle::current());
    let Err(why) = connector.connect().await else { return Ok(()) };
    if !why.refused_login {
        return Err(Failure::failed(format!("there is no connection to the database as {role}: {why}")));
    }
    Err(Failure::failed(format!(
        "the role {role} can't log in ({why}): put back the key file that the database was set up with, in place of \
         {}; if this is the one, run `vartai migrate --renew-roles`",
        settings.key_file().display()
    )))
}

/// The company's rules.
pub fn rules(settings: &Settings) -> Rules {
    let of = &settings.provisioner;
    let provisioning = ProvisioningRules {
        refund_failed: of.refund_failed.0,
        open_tasks_per_server: of.open_tasks_per_server.get().into(),
        destructive_per_hour: of.destructive_per_hour,
        destroy_grace_hours: of.destroy_grace_hours.into(),
        unavailable_hours: of.unavailable_hours.get().into(),
    };
    Rules {
        zone: settings.billing.time_zone.0.clone(),
        prices: settings.billing.prices.0,
        seller: settings.company.seller(),
        // Loading them refused what can't be.
        vat: settings.billing.vat.rules().ok().flatten(),
        policy: Policy { remind_days: settings.notices.remind_days.0, ..settings.billing.policy() },
        provisioning,
        capabilities: settings.drivers.capabilities(),
    }
}

/// Whether nothing was ever stored: the live realm's first migration has not been run.
pub fn is_new(pending: &[String]) -> bool {
    pending.iter().any(|migration| migration.starts_with("live 0001"))
}

/// Processes that share a private cluster open it one after the other, so that one of them sets a new one up and the
/// others find it so. The kernel gives the turn back when a process dies.
async fn take_turn(data_dir: &Path) -> Result<File, Failure> {
    let path = data_dir.join("opening.lock");
    let wrong = |error: io::Error| {
        let advice = match error.kind() {
            io::ErrorKind::PermissionDenied => ": it must belong to the owner of the directory that it is in",
            _ => "",
        };
        Failure::failed(format!("{} can't be locked: {error}{advice}", path.display()))
    };
    let file = File::options().create(true).append(true).mode(0o600).open(&path).map_err(wrong)?;
    pg_cluster::hand_over(&path, data_dir)?;
    let waiting = async {
        loop {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => time::sleep(TURN_POLL).await,
                Err(TryLockError::Error(error)) => return Err(wrong(error)),
                Ok(()) => return Ok(()),
            }
        }
    };
    match time::timeout(TURN, waiting).await {
        Ok(taken) => taken.map(|()| file),
        Err(_) => Err(Failure::failed(format!(
            "another process has been opening the installation for {} s: see who holds {} (`fuser`)",
            TURN.as_secs(),
            path.display()
        ))),
    }
}

async fn open(
    settings: Settings,
    owner: Config,
    Access { creates, presence }: Access,
    migrations: Migrations,
) -> Result<Installation, Failure> {
    if presence == Presence::Serves && lacks_vat_rules(&settings) {
        return Err(Failure::failed(NO_VAT_RULES));
    }
    let private = settings.database.url.is_none();
    let mut connect = as_owner(&settings, owner, presence);
    connect.witness = Arc::new(Witness::open(&settings.witness_file())?);
    let asked = matches!(migrations, Migrations::Run { .. });
    if !private && (asked || presence == Presence::Serves) {
        refuse_pooler(&connect).await?;
    }
    let pending = pending_migrations(&connect).await?;
    if !pending.is_empty() && !private && !asked {
        return Err(Failure::failed(format!(
            "the database's schema is not up to date ({} migrations to run): run `vartai migrate`",
            pending.len()
        )));
    }
    let path = settings.key_file();
    if is_new(&pending) {
        existence::may_set_up(&settings, creates)?;
    }
    let were_there = path.exists();
    // New keys would open nothing that an older installation sealed.
    let keys = if is_new(&pending) { key_file::read_or_make(&path) } else { key_file::read(&path) };
    let keys = Arc::new(keys.map_err(Failure::failed)?);
    // Whoever serves must be able to read what root has made. One that is root's elsewhere may be so on purpose.
    if settings.data_dir.exists() && (!were_there || path.starts_with(&settings.data_dir)) {
        pg_cluster::hand_over(&path, &settings.data_dir)?;
    }
    if let Err(why) = key_file::check_permissions(&path) {
        tracing::warn!(%why, "the keys are in danger");
    }
    connect.auth = role_auth(&settings, &keys)?;
    let renewing = migrations == Migrations::Run { renew_roles: true };
    if !private && !renewing && !is_new(&pending) {
        check_role(&connect, &settings).await?;
    }
    let migrated = match asked || !pending.is_empty() {
        true => migrate(&connect).await?,
        false => MigrationReport::default(),
    };
    if !private
        && presence == Presence::Serves
        && let Some(words) = foreign_words(&connect).await?
    {
        tracing::warn!(words, "the database words its errors in another language than English: {FOREIGN_WORDS}");
    }
    let connections = settings.database.connections.get().into();
    let database = Database::open(&connect, connections, keys, rules(&settings))?;
    ensure_test_access(&database).await?;
    Ok(Installation { settings, connect, database, migrated })
}

/// Test access is always there (CONTRACT 1.6).
async fn ensure_test_access(database: &Database) -> Result<(), Failure> {
    let found = database.test.read(async |connection| customers::by_login(connection, TEST_ACCESS).await).await;
    match found {
        Ok(_) => Ok(()),
        Err(store::Error::NotFound(_)) => {
            let hash = password_hash(SecretString::from(TEST_ACCESS)).await?;
            let add = async |tx: &mut store::Tx| customers::ensure_test_customer(tx, TEST_ACCESS, &hash).await;
            Ok(database.test.transaction("ensure test access", add).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// A password's hash, made on a thread that may block.
///
/// # Errors
/// It is too long, or there is no randomness.
pub async fn password_hash(password: SecretString) -> Result<String, Failure> {
    let hashing = tokio::task::spawn_blocking(move || password::hash(&password));
    hashing.await.map_err(Failure::failed)?.map_err(Failure::failed)
}

impl Installation {
    /// An installation out of its parts.
    pub fn opened(settings: Settings, connect: ConnectSettings, database: Database) -> Self {
        Self { settings, connect, database, migrated: MigrationReport::default() }
    }

    /// The realm of that kind.
    pub fn realm(&self, kind: RealmKind) -> &store::Realm {
        self.database.realm(kind)
    }

    /// The customer of that login.
    ///
    /// # Errors
    /// There is none.
    pub async fn customer(&self, login: &str) -> Result<CustomerRow, Failure> {
        let found = self.database.live.read(async |connection| customers::by_login(connection, login).await).await;
        Ok(found?)
    }

    /// A moment as people of the company read it.
    pub fn moment(&self, at: jiff::Timestamp) -> String {
        domain::calendar::moment_text(at, &self.settings.billing.time_zone.0)
    }
}
