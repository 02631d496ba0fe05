//! A private PostgreSQL cluster in a data directory: made, started, shared and stopped by its users.
//!
//! `CONTRACT 3`: when no database URL is configured, Vartai keeps its own PostgreSQL in `data_dir`. Whichever process
//! needs it first makes and starts it, the others join, and the last one out stops it. It is reachable through its
//! Unix socket only, by root and by the user it runs as only.
//!
//! ```text
//! data_dir/
//!   cluster.lock   held exclusively by whoever starts or stops the server
//!   users.lock     held shared by every member for as long as it lives
//!   postmaster.lock  held by the server and its processes for as long as one of them lives
//!   conf/          postgresql.conf, pg_hba.conf, pg_ident.conf: written anew at each start
//!   pg/            PGDATA, 0700, of the user the server runs as
//!   run/           the socket, 0700 (elsewhere if the path is too long for a socket)
//!   archive/       WAL and base backups, for point-in-time recovery
//!   restore/       a restore that is under way, or died
//!   postgres.log   the server's log; one older generation in postgres.log.1
//!   revivals       how often the server died and was brought back
//! ```
//!
//! Lock order: `cluster.lock`, then `users.lock`, then `postmaster.lock`. The kernel frees the locks of a process that
//! is killed; the server goes on running and the next member joins it, so membership needs no cleaning up after a
//! crash. Members may be in different containers: locks and socket hold across namespaces, process numbers don't, so
//! none is believed.

mod account;
mod archive;
mod base;
mod cluster;
mod conf;
mod deadline;
mod error;
mod initdb;
mod keeper;
mod layout;
mod liveness;
mod locks;
mod member;
mod process;
mod programs;
mod restore;
mod revivals;
mod server;
mod session;
mod settings;

pub use archive::{Archive, Kept, archive_dir, kept, place};
pub use base::{Base, NewBase, bases, prune};
pub use cluster::{Cluster, Left};
pub use error::ClusterError;
pub use layout::hand_over;
pub use restore::{Restore, program, unfinished_restore};
pub use revivals::Revivals;
pub use settings::{Durability, Recovery, Settings};
