//! Which realm a subcommand looks at.

use clap::{Args, ValueEnum};
use store::{Realm, RealmKind, customers};

use crate::{failure::Failure, installation::Installation};

/// A realm, as the command line names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RealmName {
    /// Customers' money and machines
    Live,
    /// Test access
    Test,
}

/// The option `--realm`.
#[derive(Debug, Clone, Copy, Args)]
pub struct RealmOption {
    /// The realm: customers' own, or that of test access
    #[arg(long, global = true, value_enum, default_value = "live")]
    realm: RealmName,
}

impl RealmOption {
    /// The realm.
    pub const fn kind(self) -> RealmKind {
        match self.realm {
            RealmName::Live => RealmKind::Live,
            RealmName::Test => RealmKind::Test,
        }
    }
}

/// The options `--realm` and `--own`: any realm there is.
#[derive(Debug, Clone, Args)]
pub struct AnyRealm {
    #[command(flatten)]
    realm: RealmOption,
    /// In place of --realm: the test realm of this customer's own
    #[arg(long, global = true, value_name = "LOGIN", conflicts_with = "realm")]
    own: Option<String>,
}

impl AnyRealm {
    /// The realm.
    ///
    /// # Errors
    /// The customer is not in test mode.
    pub async fn open(&self, installation: &Installation) -> Result<Realm, Failure> {
        let Some(login) = &self.own else { return Ok(installation.realm(self.realm.kind()).clone()) };
        let of = installation.customer(login).await?.customer();
        let live = &installation.database.live;
        let mode = live.read(async |connection| customers::test_mode(connection, of).await).await?;
        let mode = mode.ok_or_else(|| Failure::failed(format!("{login} is not in test mode")))?;
        Ok(installation.database.own_realm(&mode.name)?)
    }
}
