//! What the doctor says of the private cluster's archive.

use pg_cluster::{archive_dir, bases, kept, place};
use store::{backup::archiver, db::ConnectSettings};

use super::Findings;
use crate::settings::Settings;

/// Whether every moment since the newest base backup can be restored to.
pub async fn archive(settings: &Settings, connect: &ConnectSettings, findings: &mut Findings) {
    if settings.database.url.is_some() || settings.backup.archive().is_none() {
        return;
    }
    // That the database can't be asked is told elsewhere. It is asked first: what it has archived is there then.
    let Ok(archiver) = archiver(connect).await else { return };
    let dir = archive_dir(&settings.data_dir);
    let (kept, bases) = match kept(&dir).and_then(|kept| Ok((kept, bases(&dir)?))) {
        Ok(found) => found,
        Err(why) => {
            let advice = "see to it that the database's user can read and write there, then `vartai backup base`";
            return findings.wrong(format!("the archive {} can't be read: {why}", dir.display()), advice);
        }
    };
    if archiver.is_failing {
        let log = settings.data_dir.join("postgres.log");
        let advice =
            format!("{} says why (`WAL archive:`); PostgreSQL lets go of WAL before its disk is full", log.display());
        return findings.wrong("WAL can't be archived", advice);
    }
    let megabytes = kept.bytes >> 20;
    let Some(newest) = bases.last() else {
        let what = format!(
            "the archive holds {megabytes} MB of WAL; to restore from it, `vartai backup base` must have been run"
        );
        return findings.well(what);
    };
    let last = archiver.last.iter().chain(kept.pieces.last()).max_by_key(|name| place(name));
    match last.and_then(|last| kept.missing(&newest.needs, last)) {
        None => findings.well(format!(
            "every moment since the base backup {} can be restored to; the archive holds {megabytes} MB of WAL",
            newest.name()
        )),
        Some(piece) => findings.wrong(
            format!("the archive lacks WAL from {piece} on: no moment after that can be restored to"),
            "make room or raise backup.archive_max_mb, then `vartai backup base --keep 1`",
        ),
    }
}
