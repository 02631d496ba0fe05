//! Connections, realms, transactions, migrations: what all queries stand on.

mod connect;
mod error;
mod grants;
mod health;
mod hosts;
mod language;
mod log_failure;
mod migrate;
mod outcome;
mod own;
mod pooler;
mod realm;
mod scratch;
mod server;
mod sql;
mod tls;
mod transaction;
mod unconnected;
mod wake;
mod witness;
mod writes;

pub use connect::{ConnectSettings, Connector, HostReport, HostState, Patience, RoleAuth};
pub use error::{Error, with_causes};
pub use health::{Condition, Monitor};
pub use hosts::Preferred;
pub use language::foreign_words;
pub(crate) use migrate::owner;
pub use migrate::{MigrationReport, grant_roles, migrate, migrations_fingerprint, pending_migrations, roles};
pub use outcome::forget_tokens;
pub(crate) use own::Hand;
pub use pooler::refuse_pooler;
pub use realm::{Database, Realm, RealmKind, Rules};
pub use scratch::Scratch;
pub(crate) use sql::{Sql, sql};
pub use transaction::{AsStoreError, Tx};
pub use unconnected::Unconnected;
pub use wake::Listener;
pub use witness::Witness;

/// A connection to PostgreSQL.
pub type Conn = diesel_async::AsyncPgConnection;
