//! How connections are made: as which role, with which settings, over which transport, to which of several servers.

use std::{future::Future, sync::Arc, time::Duration};

use diesel::{ConnectionError, ConnectionResult, sql_types};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use tokio::{runtime::Handle, time};
use tokio_postgres::{Client, Config, Connection, SimpleQueryMessage, Socket, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    Unconnected,
    hosts::{Preferred, Target, first_of},
    outcome::TOKENS_KEPT,
    server::{ServerState, question},
    sql, tls,
    unconnected::all_of,
    witness::Witness,
};

/// How the realms' roles prove who they are.
#[derive(Clone)]
pub enum RoleAuth {
    /// The operating system's word (a private cluster's Unix socket).
    Peer,
    /// A password derived from the installation's key, set by the migration.
    Derived(Arc<SecretBox<[u8; 32]>>),
}

impl RoleAuth {
    /// The password of a role, where roles have one.
    #[must_use]
    pub fn password(&self, role: &str) -> Option<String> {
        let Self::Derived(key) = self else { return None };
        let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(key.expose_secret()).ok()?;
        mac.update(b"vartai database role ");
        mac.update(role.as_bytes());
        Some(mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect())
    }
}

/// How long the database is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Somebody waits for an answer over HTTP, and is told within two seconds that there is none (CONTRACT 1.4).
    Serving,
    /// A member of staff or a scheduled command waits, on a machine that may be busy.
    Staff,
}

impl Patience {
    /// For an answer of a server that is connected to.
    pub(super) const fn answer(self) -> Duration {
        match self {
            Self::Serving => Duration::from_millis(1400),
            Self::Staff => Duration::from_secs(10),
        }
    }

    /// For one host to take a connection, unless the URL says otherwise (`connect_timeout`).
    const fn host(self) -> Duration {
        match self {
            Self::Serving => Duration::from_secs(2),
            Self::Staff => Duration::from_secs(4),
        }
    }
}

/// Where the database is and how to come in.
#[derive(Clone)]
pub struct ConnectSettings {
    /// The owner's connection: used by migrations, catalogue and staff commands that need it.
    pub owner: Config,
    /// The realms' roles are named after it.
    pub role_prefix: String,
    /// How they prove who they are.
    pub auth: RoleAuth,
    /// How long it is waited for.
    pub patience: Patience,
    /// What was acknowledged so far; a server that is behind it is not used.
    pub witness: Arc<Witness>,
    /// Which host was connected to last: it is tried first.
    pub preferred: Arc<Preferred>,
}

impl ConnectSettings {
    /// Settings of somebody who serves, and who keeps nothing in a file of what was acknowledged.
    #[must_use]
    pub fn new(owner: Config, role_prefix: String, auth: RoleAuth) -> Self {
        let (witness, preferred) = (Arc::default(), Arc::default());
        Self { owner, role_prefix, auth, patience: Patience::Serving, witness, preferred }
    }
}

/// Makes connections of one role with one search path.
#[derive(Clone)]
pub struct Connector {
    targets: Arc<[Target]>,
    preferred: Arc<Preferred>,
    /// How long a host may take, from its name to a session that can be used.
    host_timeout: Duration,
    patience: Patience,
    witness: Option<Arc<Witness>>,
    search_path: String,
    /// What each session becomes once it is logged in.
    becomes: Option<String>,
    runtime: Handle,
    tls: MakeRustlsConnect,
}

/// How one of the hosts of a URL is.
#[derive(Debug, Clone)]
pub struct HostReport {
    /// As people write it: `db1:5432`.
    pub name: String,
    /// What it is, or why it can't be used.
    pub found: Result<HostState, Unconnected>,
}

/// What a host that answers is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostState {
    /// The one that writes.
    Primary,
    /// It follows another.
    Standby,
}

/// A statement that takes longer than this is stopped by the server.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(8);
/// A lock that is not had within this is given up, and the transaction tried again.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// A transaction waits for nobody outside of the database, so one that says nothing for so long is abandoned: its locks
/// keep others waiting.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// Some errors are told apart by the server's words (`error.rs`). Where a role may not choose their language, the
/// server's own is kept, and the doctor looks at it.
const ENGLISH: &str = "do $$ begin perform set_config('lc_messages', 'C', false); \
                       exception when insufficient_privilege then null; end $$";

/// A session with a server.
struct Session {
    client: Client,
    connection: Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>,
    state: ServerState,
}

impl Connector {
    /// A connector as `role` (the owner when `None`), whose names are found in `search_path`.
    ///
    /// Connections live on `runtime`, whichever runtime asks for them.
    #[must_use]
    pub fn new(settings: &ConnectSettings, role: Option<&str>, search_path: &str, runtime: Handle) -> Self {
        let mut config = settings.owner.clone();
        config.application_name("vartai");
        config.keepalives_idle(Duration::from_secs(30)).tcp_user_timeout(Duration::from_secs(10));
        if let Some(role) = role {
            config.user(role);
            if let Some(password) = settings.auth.password(role) {
                config.password(password);
            }
        }
        let host_timeout = settings.owner.get_connect_timeout().copied().unwrap_or(settings.patience.host());
        Self {
            targets: Target::all(&config).into(),
            preferred: settings.preferred.clone(),
            host_timeout,
            patience: settings.patience,
            // The owner looks at and repairs what realms don't use.
            witness: role.is_some().then(|| settings.witness.clone()),
            search_path: search_path.to_owned(),
            becomes: None,
            runtime,
            tls: MakeRustlsConnect::new(tls::client_config(&config)),
        }
    }

    /// The same, whose sessions become another role, which has to let them.
    #[must_use]
    pub(super) fn becoming(self, role: &str) -> Self {
        Self { becomes: Some(role.to_owned()), ..self }
    }

    /// The same, also as the owner held to what was acknowledged.
    #[must_use]
    pub fn guarded(self, settings: &ConnectSettings) -> Self {
        Self { witness: Some(settings.witness.clone()), ..self }
    }

    /// How long answers are waited for.
    pub(super) const fn patience(&self) -> Patience {
        self.patience
    }

    /// How long the making of a connection may take, with every host but one silent.
    pub(super) fn longest(&self) -> Duration {
        self.host_timeout.max(self.patience.answer()) + Duration::from_millis(500)
    }

    /// How often another host than before was connected to.
    pub(super) fn moves(&self) -> usize {
        self.preferred.moves()
    }

    /// How far the database is known to be.
    pub(super) const fn witness(&self) -> Option<&Arc<Witness>> {
        self.witness.as_ref()
    }

    /// A new connection, as the pools ask for it.
    ///
    /// # Errors
    /// When none of the hosts takes it.
    pub(super) async fn connect_for_pool(&self) -> ConnectionResult<AsyncPgConnection> {
        self.connect().await.map_err(|error| ConnectionError::BadConnection(error.why))
    }

    /// A new connection, to the first of the hosts that takes writes.
    ///
    /// # Errors
    /// When none of the hosts takes it.
    pub async fn connect(&self) -> Result<AsyncPgConnection, Unconnected> {
        let this = self.clone();
        // Spawned, so that its socket belongs to the main runtime and not to the web worker that asked first.
        let made = self.runtime.spawn(async move { this.establish().await }).await;
        made.unwrap_or_else(|gone| Err(Unconnected::because(gone.to_string())))
    }

    async fn establish(&self) -> Result<AsyncPgConnection, Unconnected> {
        let order = self.preferred.order(self.targets.len());
        let mut attempts = Vec::with_capacity(order.len());
        for target in order.iter().filter_map(|at| self.targets.get(*at)) {
            attempts.push(self.to_primary(target).boxed());
        }
        match first_of(attempts).await {
            Ok((nth, connection)) => {
                self.preferred.is(order.get(nth).copied().unwrap_or_default());
                Ok(connection)
            }
            Err(failed) => Err(all_of(failed)),
        }
    }

    /// How each host is, all of them asked at once.
    pub async fn hosts(&self) -> Vec<HostReport> {
        let asked = self.targets.iter().map(|target| async move {
            let expected = self.witness.as_ref().map(|witness| witness.expected());
            let state = async {
                let (_, state) = self.reach(target).await?;
                if let (ServerState::Primary(place), Some(expected)) = (&state, expected) {
                    expected.check(place).map_err(Unconnected::behind)?;
                }
                Ok(match state {
                    ServerState::Primary(_) => HostState::Primary,
                    ServerState::Standby => HostState::Standby,
                })
            };
            HostReport { name: target.name.clone(), found: state.await }
        });
        futures_util::future::join_all(asked).await
    }

    /// A connection to a host that takes writes and has what was acknowledged.
    async fn to_primary(&self, target: &Target) -> Result<AsyncPgConnection, Unconnected> {
        let expected = self.witness.as_ref().map(|witness| (witness, witness.expected()));
        let usable = async {
            let (mut connection, state) = self.reach(target).await?;
            match state {
                // Where there is no other, whoever uses it finds out, and what only reads may work.
                ServerState::Standby if self.targets.len() == 1 => {}
                ServerState::Standby => return Err(Unconnected::because("it is a standby")),
                ServerState::Primary(place) => {
                    if let Some((witness, expected)) = &expected {
                        expected.check(&place).map_err(Unconnected::behind)?;
                        self.has_the_last(witness, &mut connection).await?;
                        witness.saw(&place);
                    }
                }
            }
            Ok(connection)
        };
        usable.await.map_err(|error| error.at(target))
    }

    /// A session with a host, ready to be used, and what the host is.
    async fn reach(&self, target: &Target) -> Result<(AsyncPgConnection, ServerState), Unconnected> {
        self.within(async {
            let Session { client, connection, state } = self.reach_simply(target).await?;
            let connection = AsyncPgConnection::try_from_client_and_connection(client, connection).await;
            Ok((connection.map_err(|error| Unconnected::because(error.to_string()))?, state))
        })
        .await
    }

    /// A session in which nothing was prepared yet.
    async fn reach_simply(&self, target: &Target) -> Result<Session, Unconnected> {
        let ways = target.ways().await.map_err(Unconnected::because)?;
        first_of(ways.into_iter().map(|way| self.session(way))).await.map(|(_, made)| made).map_err(all_of)
    }

    /// A session with whichever host comes first, for simple queries alone: whatever is between it and the server lets
    /// those through.
    pub(super) async fn connect_simply(&self) -> Result<Client, Unconnected> {
        let attempts = self.targets.iter().map(|target| {
            async move { self.within(self.reach_simply(target)).await.map_err(|error| error.at(target)) }.boxed()
        });
        let (_, Session { client, connection, .. }) = first_of(attempts).await.map_err(all_of)?;
        self.runtime.spawn(connection);
        Ok(client)
    }

    async fn within<T>(&self, reaching: impl Future<Output = Result<T, Unconnected>>) -> Result<T, Unconnected> {
        match time::timeout(self.host_timeout, reaching).await {
            Ok(reached) => reached,
            Err(_) => {
                Err(Unconnected::because(format!("it does not answer within {} s", self.host_timeout.as_secs_f32())))
            }
        }
    }

    async fn session(&self, way: Config) -> Result<Session, Unconnected> {
        let made = way.connect(self.tls.clone()).await;
        let (client, mut connection) = made.map_err(|error| Unconnected::of_driver(&error))?;
        let setting_up = self.set_up(&client);
        let answer = tokio::select! {
            answer = setting_up => answer,
            ended = &mut connection => Err(ended.err().map_or_else(
                || Unconnected::because("it closed the connection"),
                |error| Unconnected::of_driver(&error),
            )),
        };
        let state = ServerState::told(&answer?)
            .ok_or_else(|| Unconnected::because("it does not say whether it is a primary"))?;
        Ok(Session { client, connection, state })
    }

    /// Gives a session its settings, and asks what its server is, in one round trip.
    async fn set_up(&self, client: &Client) -> Result<Vec<SimpleQueryMessage>, Unconnected> {
        let role = self.becomes.as_ref().map(|role| format!("set role \"{role}\"; ")).unwrap_or_default();
        let session = format!(
            "{ENGLISH}; {role}set search_path to {}; set statement_timeout to {}; set lock_timeout to {}; \
             set idle_in_transaction_session_timeout to {}; set timezone to 'UTC'; \
             set tcp_keepalives_idle to 5; set tcp_keepalives_interval to 2; set tcp_keepalives_count to 3; {}",
            self.search_path,
            STATEMENT_TIMEOUT.as_millis(),
            LOCK_TIMEOUT.as_millis(),
            IDLE_TIMEOUT.as_millis(),
            question(),
        );
        client.simple_query(&session).await.map_err(|error| Unconnected::of_driver(&error))
    }

    /// A server must have the last transaction of the live realm that was acknowledged. Its position alone does not say
    /// so: two servers that were promoted apart from each other write different histories under the same number.
    async fn has_the_last(&self, witness: &Witness, connection: &mut AsyncPgConnection) -> Result<(), Unconnected> {
        let is_live = self.search_path.starts_with("live,");
        let Some(last) = witness.mark().and_then(|mark| mark.token).filter(|_| is_live) else { return Ok(()) };
        let query = format!(
            "select exists (select from commit_token where token = $1) \
               or clock_timestamp() > $2 + interval '{TOKENS_KEPT}' as has_it"
        );
        let asked = sql(query)
            .bind::<sql_types::Uuid, _>(last.token)
            .bind::<sql_types::Timestamptz, _>(jiff_diesel::Timestamp::from(last.at))
            .get_result(connection);
        match asked.await {
            Ok(Has { has_it: true }) => Ok(()),
            Ok(Has { has_it: false }) => Err(Unconnected::behind(Witness::lacking(&last))),
            Err(error) => Err(Unconnected::because(error.to_string())),
        }
    }
}

#[derive(diesel::QueryableByName)]
struct Has {
    #[diesel(sql_type = sql_types::Bool)]
    has_it: bool,
}
