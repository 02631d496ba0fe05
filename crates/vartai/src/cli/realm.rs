//! Which realm a subcommand looks at.

use clap::{Args, ValueEnum};
use store::RealmKind;

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
