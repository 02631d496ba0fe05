//! `vartai restore`

mod file;
mod moment;
mod told;

use std::path::PathBuf;

use clap::Args;
use jiff::{Timestamp, civil::DateTime};
use pg_cluster::{Cluster, Restore};
use store::{
    backup::{Since, since},
    db::{ConnectSettings, Witness, migrate},
    ledger::Finding,
};

use super::{ledger, report::Report};
use crate::{
    existence,
    failure::Failure,
    installation::{Access, Presence, as_owner, cluster_settings},
    settings::Settings,
    signals::interruptible,
};

/// Arguments of `vartai restore`.
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// The backup to make an installation of
    #[arg(required_unless_present = "to", conflicts_with = "to")]
    file: Option<PathBuf>,
    /// Have the private cluster be what it was at this moment: 2026-11-30T20:15:00Z, or without Z in the company's time
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// With --to: the archive with the base backups, if it isn't the installation's own
    #[arg(long, value_name = "DIR", requires = "to")]
    archive: Option<PathBuf>,
    /// Where there is an installation: keep its database aside, in data_dir/pg.before-TIME, and put this in its place
    #[arg(long)]
    set_aside: bool,
    /// The passphrase of the keys in the backup, on the first line of this file
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    passphrase_file: Option<PathBuf>,
}

/// Restores.
pub async fn run(arguments: RestoreArguments, settings: Settings, access: Access) -> Result<Report, Failure> {
    if !Cluster::exists(&settings.data_dir)? {
        existence::may_set_up(&settings, access.creates)?;
    }
    match (&arguments.file, &arguments.to) {
        (Some(file), _) => file::restore(&settings, access, file, &arguments).await,
        (None, Some(to)) => {
            let to = moment_of(to, &settings)?;
            moment::restore(&settings, to, &arguments).await
        }
        (None, None) => Err(Failure::usage("say what to restore: a file, or --to TIME")),
    }
}

fn moment_of(text: &str, settings: &Settings) -> Result<Timestamp, Failure> {
    let zone = &settings.billing.time_zone.0;
    let local = || text.parse::<DateTime>().ok()?.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    text.parse::<Timestamp>().ok().or_else(local).ok_or_else(|| {
        Failure::usage(format!(
            "{text} is no moment: write it as 2026-11-30T20:15:00Z, or without Z in the company's time"
        ))
    })
}

/// What was found while restoring.
struct Restored {
    /// The moment that it is of.
    moment: Timestamp,
    /// Rows that break an invariant of the books.
    findings: Vec<Finding>,
    /// What the installation that was replaced has since then; `Err` says why that isn't known.
    lost: Option<Result<Since, String>>,
    /// Where what was replaced is now.
    aside: Option<PathBuf>,
}

/// What the installation that is to be replaced has since a moment, as far as it can still be asked. None is there.
async fn asked(settings: &Settings, at: Timestamp) -> Option<Result<Since, String>> {
    if !settings.data_dir.join("pg/PG_VERSION").exists() {
        return None;
    }
    let asking = async {
        let cluster = Cluster::join(&cluster_settings(settings, Presence::Visits)).await?;
        let found = since(&as_owner(settings, cluster.config(), Presence::Visits), at).await;
        cluster.leave().await?;
        Ok::<_, Failure>(found?)
    };
    Some(interruptible(asking).await.map_err(|why| why.to_string()))
}

/// Refuses to replace what nobody said is to be replaced.
fn check_place(settings: &Settings, set_aside: bool) -> Result<(), Failure> {
    if settings.data_dir.join("pg").exists() && !set_aside {
        return Err(Failure::failed(format!(
            "{dir} holds an installation already: name another data_dir (VARTAI_DATA_DIR), or say --set-aside to keep \
             its database in {dir}/pg.before-TIME and put the restored one in its place",
            dir = settings.data_dir.display()
        )));
    }
    Ok(())
}

/// Begins to put another cluster in the place of the one that is there.
async fn begin(settings: &Settings) -> Result<Restore, Failure> {
    let wanted = cluster_settings(settings, Presence::Visits);
    let begun = tokio::task::spawn_blocking(move || Restore::begin(&wanted)).await;
    Ok(begun.map_err(Failure::failed)??)
}

/// Runs `work` in the new cluster, and has it end in order.
async fn in_new_cluster<T>(
    settings: &Settings,
    restore: &Restore,
    work: impl AsyncFnOnce(ConnectSettings) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let cluster = interruptible(async { Ok(Cluster::join(&restore.settings()).await?) }).await?;
    let outcome = interruptible(work(as_owner(settings, cluster.config(), Presence::Visits))).await;
    let left = cluster.leave().await;
    let done = outcome?;
    left?;
    Ok(done)
}

/// Puts the new cluster in its place. What this host remembers of the history that is given up counts no more.
async fn finish(settings: &Settings, restore: Restore, at: Timestamp) -> Result<Option<PathBuf>, Failure> {
    Witness::accept(&settings.witness_file())?;
    let aside = format!("before-{}-{:08x}", at.strftime("%Y%m%dT%H%M%SZ"), getrandom::u32().map_err(Failure::failed)?);
    let finished = tokio::task::spawn_blocking(move || restore.finish(&aside)).await;
    Ok(finished.map_err(Failure::failed)??)
}

/// Brings the schema up to date, and looks through the books.
async fn look_through(connect: &ConnectSettings) -> Result<Vec<Finding>, Failure> {
    migrate(connect).await?;
    ledger::findings(connect).await
}
