//! Making the cluster.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use crate::error::{ClusterError, FileContext};
use crate::layout::Layout;
use crate::process::{self, Log};
use crate::programs::Programs;
use crate::restore::unfinished;
use crate::settings::{Durability, Settings};

/// The name of a directory in which initdb works, before its random end.
const UNFINISHED: &str = "pg.init-";

/// Makes PGDATA: in a directory of its own, renamed into place when it is complete, so that whoever is killed halfway
/// leaves nothing half done. The directory has a random name (a process number is another's in another container): an
/// initdb that outlived the one that was killed writes elsewhere. The caller holds the start-stop lock.
pub(crate) fn make(layout: &Layout, programs: &Programs, settings: &Settings) -> Result<(), ClusterError> {
    let restoring = unfinished(&layout.data_dir);
    if restoring.exists() {
        return Err(ClusterError::Unfinished { data_dir: layout.data_dir.clone(), unfinished: restoring });
    }
    clear_unfinished(layout);
    let unfinished = layout.data_dir.join(format!("{UNFINISHED}{:016x}", RandomState::new().hash_one("")));
    let log = Log::mark(layout);
    // C.UTF-8 knows the case of letters beyond ASCII; not every system has it.
    let made = initdb(layout, programs, settings, &unfinished, "C.UTF-8").or_else(|error| {
        if log.tail().contains("locale") { initdb(layout, programs, settings, &unfinished, "C") } else { Err(error) }
    });
    if let Err(error) = made {
        remove(&unfinished);
        return Err(error);
    }
    let pgdata = layout.pgdata();
    fs::rename(&unfinished, &pgdata).context("move a new cluster to", &pgdata)?;
    if settings.durability == Durability::Durable {
        // The rename itself has to reach the disk before anything in it matters.
        File::open(&layout.data_dir).and_then(|dir| dir.sync_all()).context("sync", &layout.data_dir)?;
    }
    tracing::info!(data_dir = %layout.data_dir.display(), "made a PostgreSQL cluster");
    Ok(())
}

fn initdb(
    layout: &Layout,
    programs: &Programs,
    settings: &Settings,
    pgdata: &Path,
    locale: &str,
) -> Result<(), ClusterError> {
    remove(pgdata);
    layout.make_private(pgdata)?;
    let mut command = process::command(&programs.path("initdb"), &layout.identity);
    command.arg("--pgdata").arg(pgdata).arg("--username").arg(&settings.owner);
    command.args(["--auth-local=peer", "--auth-host=reject", "--data-checksums", "--encoding=UTF8"]);
    command.arg(format!("--locale={locale}")).arg("--no-instructions");
    if settings.durability == Durability::Throwaway {
        command.arg("--no-sync");
    }
    process::run("initdb", &mut command, &Log::mark(layout), settings.patience)
}

/// Removes what killed processes left.
fn clear_unfinished(layout: &Layout) {
    let Ok(entries) = fs::read_dir(&layout.data_dir) else { return };
    let unfinished = |name: &OsStr| name.to_str().is_some_and(|name| name.starts_with(UNFINISHED));
    entries.flatten().filter(|entry| unfinished(&entry.file_name())).for_each(|entry| remove(&entry.path()));
}

/// Best effort: an initdb that still runs there may put back what we remove, and then fails. The next start tries
/// again.
fn remove(dir: &Path) {
    if let Err(error) = fs::remove_dir_all(dir)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::debug!(%error, dir = %dir.display(), "an unfinished cluster stays");
    }
}
