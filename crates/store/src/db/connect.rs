//! How connections are made: as which role, with which settings, over which transport.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use hmac::{Hmac, KeyInit, Mac};
use rustls::RootCertStore;
use secrecy::{ExposeSecret, SecretBox};
use tokio::runtime::Handle;
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};
use tokio_postgres_rustls::MakeRustlsConnect;

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

/// Where the database is and how to come in.
#[derive(Clone)]
pub struct ConnectSettings {
    /// The owner's connection: used by migrations, catalogue and staff commands that need it.
    pub owner: Config,
    /// The realms' roles are named after it.
    pub role_prefix: String,
    /// How they prove who they are.
    pub auth: RoleAuth,
}

/// Makes connections of one role with one search path.
#[derive(Clone)]
pub struct Connector {
    config: Config,
    search_path: String,
    /// What each session becomes once it is logged in.
    becomes: Option<String>,
    runtime: Handle,
    tls: MakeRustlsConnect,
}

/// A statement that takes longer than this is stopped by the server.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(8);
/// A lock that is not had within this is given up, and the transaction tried again.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

impl Connector {
    /// A connector as `role` (the owner when `None`), whose names are found in `search_path`.
    ///
    /// Connections live on `runtime`, whichever runtime asks for them.
    #[must_use]
    pub fn new(settings: &ConnectSettings, role: Option<&str>, search_path: &str, runtime: Handle) -> Self {
        let mut config = settings.owner.clone();
        config.connect_timeout(Duration::from_secs(2)).application_name("vartai");
        config.keepalives_idle(Duration::from_secs(30)).tcp_user_timeout(Duration::from_secs(10));
        if let Some(role) = role {
            config.user(role);
            if let Some(password) = settings.auth.password(role) {
                config.password(password);
            }
        }
        let tls = tls_config(is_local(&settings.owner));
        Self { config, search_path: search_path.to_owned(), becomes: None, runtime, tls: MakeRustlsConnect::new(tls) }
    }

    /// The same, whose sessions become another role, which has to let them.
    #[must_use]
    pub(super) fn becoming(self, role: &str) -> Self {
        Self { becomes: Some(role.to_owned()), ..self }
    }

    /// A new connection.
    ///
    /// # Errors
    /// When none of the hosts takes it.
    pub async fn connect(&self) -> ConnectionResult<AsyncPgConnection> {
        let this = self.clone();
        // Spawned, so that its socket belongs to the main runtime and not to the web worker that asked first.
        let made = self.runtime.spawn(async move { this.establish().await }).await;
        made.unwrap_or_else(|gone| Err(ConnectionError::BadConnection(gone.to_string())))
    }

    async fn establish(&self) -> ConnectionResult<AsyncPgConnection> {
        let (client, connection) = self
            .config
            .connect(self.tls.clone())
            .await
            .map_err(|error| ConnectionError::BadConnection(chain(&error)))?;
        let mut connection = AsyncPgConnection::try_from_client_and_connection(client, connection).await?;
        let role = self.becomes.as_ref().map(|role| format!("set role \"{role}\"; ")).unwrap_or_default();
        let session = format!(
            "{role}set search_path to {}; set statement_timeout to {}; set lock_timeout to {}; \
             set idle_in_transaction_session_timeout to 15000; set timezone to 'UTC'",
            self.search_path,
            STATEMENT_TIMEOUT.as_millis(),
            LOCK_TIMEOUT.as_millis()
        );
        connection.batch_execute(&session).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(connection)
    }

    /// Whether connections go over TLS only.
    #[must_use]
    pub fn requires_tls(&self) -> bool {
        self.config.get_ssl_mode() == SslMode::Require
    }
}

/// An error with its causes: tokio-postgres keeps the useful part in the source.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Whether all hosts are Unix sockets, which have no TLS.
fn is_local(config: &Config) -> bool {
    config.get_hostaddrs().is_empty() && config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)))
}

/// Trusts the machine's root certificates; a certificate that can't be read is left out. Reading them takes a while, so
/// they are read once, and not for connections without TLS.
fn tls_config(local: bool) -> rustls::ClientConfig {
    static ROOTS: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    });
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    #[expect(
        clippy::expect_used,
        reason = "ring has the default protocol versions; a start that fails here is a build error"
    )]
    let builder = versions.expect("ring supports the default TLS versions");
    let roots = if local { Arc::new(RootCertStore::empty()) } else { ROOTS.clone() };
    builder.with_root_certificates(roots).with_no_client_auth()
}
