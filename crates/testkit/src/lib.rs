//! For tests only: a database per test, builders, dice, a faulty network, a browser.
//!
//! ```no_run
//! # async fn example() {
//! let db = testkit::TestDb::with_demo_catalogue().await;
//! let ann = db.customer("ann").credit("100.00").key("ann-key").add().await;
//! // … what the test is about …
//! db.verify_books().await;
//! # }
//! ```
//!
//! All tests of a user of the machine, in whatever process, share one throw-away PostgreSQL cluster. Whichever comes
//! first starts it; ten seconds after the last is gone it stops by itself (`testkit-cluster stop` does it at once). A
//! database is migrated once and then copied for each test. Other processes may be using the cluster at any moment, so
//! its directory is removed, if ever, only after `testkit-cluster stop` has said that it is stopped.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what goes wrong here is a failed test"
)]

mod browser;
mod cluster;
mod customer;
mod database;
mod dice;
mod fault_proxy;
mod own_mounts;
mod own_server;
mod pair;
mod template;
mod watcher;

pub use browser::{Browser, Page};
pub use cluster::{Gone, data_dir, stop};
pub use customer::NewBuyer;
pub use database::TestDb;
pub use dice::Dice;
pub use fault_proxy::FaultProxy;
pub use own_mounts::{in_own_mounts, mount};
pub use own_server::OwnServer;
pub use pair::{Member, Pair, Replication};
