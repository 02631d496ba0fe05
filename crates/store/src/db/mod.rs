//! Connections, realms, transactions, migrations: what all queries stand on.

mod connect;
mod error;
mod grants;
mod health;
mod log_failure;
mod migrate;
mod own;
mod realm;
mod scratch;
mod sql;
mod transaction;
mod wake;

pub use connect::{ConnectSettings, Connector, RoleAuth};
pub use error::Error;
pub use health::Monitor;
pub use migrate::{MigrationReport, grant_roles, migrate, migrations_fingerprint, pending_migrations, roles};
pub(crate) use own::Hand;
pub use realm::{Database, Realm, RealmKind, Rules};
pub use scratch::Scratch;
pub(crate) use sql::{Sql, sql};
pub use transaction::{AsStoreError, Tx};
pub use wake::Listener;

/// A connection to PostgreSQL.
pub type Conn = diesel_async::AsyncPgConnection;
