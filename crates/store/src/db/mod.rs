//! Connections, realms, transactions, migrations: what all queries stand on.

mod connect;
mod error;
mod health;
mod migrate;
mod realm;
mod scratch;
mod transaction;
mod wake;

pub use connect::{ConnectSettings, Connector, RoleAuth};
pub use error::Error;
pub use health::Monitor;
pub use migrate::{MigrationReport, grant_roles, migrate, migrations_fingerprint, pending_migrations, roles};
pub use realm::{Database, Realm, RealmKind, Rules};
pub use scratch::Scratch;
pub use transaction::{AsStoreError, Tx};
pub use wake::Listener;

/// A connection to PostgreSQL.
pub type Conn = diesel_async::AsyncPgConnection;
