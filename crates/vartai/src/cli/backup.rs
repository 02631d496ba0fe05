//! `vartai backup`

mod file;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pg_cluster::{Base, Cluster, NewBase, archive_dir};
use serde_json::{Value, json};

pub use self::file::read_passphrase;
use super::report::Report;
use crate::{
    existence::{self, Creates},
    failure::Failure,
    installation::{self, Access, Migrations, Presence, as_owner, cluster_settings},
    settings::Settings,
    signals::interruptible,
};

/// Arguments of `vartai backup`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct BackupArguments {
    /// The directory to write a backup into, as one file; - for stdout
    #[arg(value_name = "DIR", required = true)]
    to: Option<PathBuf>,
    /// Put the key file into it, sealed with the passphrase on the first line of this file
    #[arg(long, value_name = "FILE")]
    with_keys: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<BackupCommand>,
}

/// What a private cluster has beside files: base backups, and the archive of what was written since.
#[derive(Debug, Subcommand)]
enum BackupCommand {
    /// Copy the private cluster into its archive: any later moment can be restored from there
    Base {
        /// Remove all base backups but so many of the newest, with the WAL before them
        #[arg(long, value_name = "N")]
        keep: Option<usize>,
    },
    /// Remove old base backups of the private cluster, with the WAL before them
    Prune {
        /// So many of the newest stay
        #[arg(long, value_name = "N", default_value_t = 2)]
        keep: usize,
    },
}

/// Makes one.
pub async fn run(arguments: BackupArguments, settings: Settings, access: Access) -> Result<Report, Failure> {
    match (arguments.command, arguments.to) {
        (Some(BackupCommand::Base { keep }), _) => base(&settings, keep).await,
        (Some(BackupCommand::Prune { keep }), _) => prune(&settings, keep),
        (None, Some(to)) => {
            installation::with(settings, access, Migrations::Expect, async |opened| {
                interruptible(file::write(&opened, &to, arguments.with_keys.as_deref())).await
            })
            .await
        }
        (None, None) => Err(Failure::usage("say where to: a directory, or - for stdout")),
    }
}

/// An archive is a private cluster's, and one that is there.
fn private(settings: &Settings) -> Result<(), Failure> {
    if settings.database.url.is_some() {
        return Err(Failure::failed(
            "the database is one by URL: its base backups and its WAL are its administrator's (docs/operations.md has \
             pgBackRest's); `vartai backup DIR` works",
        ));
    }
    existence::check(settings, Creates::MustExist)
}

async fn base(settings: &Settings, keep: Option<usize>) -> Result<Report, Failure> {
    private(settings)?;
    let wanted = cluster_settings(settings, Presence::Visits);
    let cluster = interruptible(async { Ok(Cluster::join(&wanted).await?) }).await?;
    let connect = as_owner(settings, cluster.config(), Presence::Visits);
    let made = interruptible(async {
        let began = store::backup::now(&connect).await?;
        let name = began.strftime("%Y%m%dT%H%M%SZ").to_string();
        let copying = tokio::task::spawn_blocking(move || NewBase::copy(&wanted, &name));
        let copied = copying.await.map_err(Failure::failed)??;
        // From here on a restore to this base can lead.
        let ended = store::backup::now(&connect).await?;
        let about = json!({ "began_at": began, "ended_at": ended, "program": env!("CARGO_PKG_VERSION") });
        Ok(copied.complete(&about.to_string())?)
    });
    let made = made.await;
    let left = cluster.leave().await;
    let made = made?;
    left?;
    let pruned = keep.map(|keep| pg_cluster::prune(&settings.data_dir, keep)).transpose();
    told(&made, pruned.map_err(|error| Failure::failed(format!("{} is made; old ones stay: {error}", made.name())))?)
}

type Pruned = (Vec<String>, usize);

fn told(made: &Base, pruned: Option<Pruned>) -> Result<Report, Failure> {
    let (old, pieces) = pruned.unwrap_or_default();
    let text = format!("{}\n{}", made.dir.display(), removed(&old, pieces));
    let json = json!({ "base": made.name(), "needs": made.needs, "removed": old, "removed_wal": pieces });
    Ok(Report::new(text, json)
        .with_note("the key file is not in it: keep a copy of it, and of this, on another machine"))
}

fn removed(bases: &[String], pieces: usize) -> String {
    match (bases, pieces) {
        ([], 0) => String::new(),
        _ => format!("removed {} base backups and {pieces} pieces of WAL\n", bases.len()),
    }
}

fn prune(settings: &Settings, keep: usize) -> Result<Report, Failure> {
    private(settings)?;
    if keep == 0 {
        return Err(Failure::usage("--keep 0: at least one stays"));
    }
    let (old, pieces) = pg_cluster::prune(&settings.data_dir, keep)?;
    let left = pg_cluster::bases(&archive_dir(&settings.data_dir))?;
    let left: Vec<Value> = left.iter().map(|base| Value::String(base.name())).collect();
    let text = match (old.as_slice(), pieces) {
        ([], 0) => "there is nothing to remove".to_owned(),
        (old, pieces) => removed(old, pieces),
    };
    Ok(Report::new(text, json!({ "removed": old, "removed_wal": pieces, "left": left })))
}
