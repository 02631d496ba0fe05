//! A private cluster as it was at a moment: PostgreSQL's own point-in-time recovery.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use pg_cluster::{Base, archive_dir, bases};
use serde::Deserialize;
use store::{
    backup::{Recovery, end_recovery, recovery},
    db::ConnectSettings,
};
use tokio::time;

use super::{RestoreArguments, Restored, asked, begin, check_place, finish, in_new_cluster, look_through, told};
use crate::{cli::report::Report, failure::Failure, key_file, settings::Settings};

/// How often is looked how far it is.
const LOOK: Duration = Duration::from_millis(200);
/// A server that is not there for so long has ended.
const GONE: Duration = Duration::from_secs(5);

/// What is written beside a base backup.
#[derive(Deserialize)]
struct About {
    ended_at: Timestamp,
}

/// Restores to that moment.
pub async fn restore(settings: &Settings, moment: Timestamp, how: &RestoreArguments) -> Result<Report, Failure> {
    if settings.database.url.is_some() {
        return Err(Failure::failed(
            "the database is one by URL: its administrator restores it to a moment (docs/operations.md says how)",
        ));
    }
    key_file::read(&settings.key_file()).map_err(Failure::failed)?;
    let archive = how.archive.clone().unwrap_or_else(|| archive_dir(&settings.data_dir));
    let archive = std::path::absolute(archive)?;
    let base = choose(&archive, moment)?;
    check_place(settings, how.set_aside)?;
    let lost = asked(settings, moment).await;
    let begun = begin(settings).await?;
    let text = moment.strftime("%Y-%m-%d %H:%M:%S.%6f+00").to_string();
    let (begun, copied) = tokio::task::spawn_blocking(move || {
        let copied = begun.recover(&base, &archive, &text);
        (begun, copied)
    })
    .await
    .map_err(Failure::failed)?;
    copied?;
    let log = begun.dir().join("postgres.log");
    let findings = in_new_cluster(settings, &begun, async |connect| {
        recovered(&connect, &log).await?;
        look_through(&connect).await
    })
    .await
    .map_err(|why| in_words(why, &log, moment))?;
    let aside = finish(settings, begun, moment).await?;
    Ok(told::told(&Restored { moment, findings, lost, aside }, None))
}

/// The newest base backup that was complete by then.
fn choose(archive: &Path, moment: Timestamp) -> Result<Base, Failure> {
    let mut oldest = None;
    for base in bases(archive)?.into_iter().rev() {
        let about: About = serde_json::from_str(&base.about)
            .map_err(|error| Failure::failed(format!("{} can't be read: {error}", base.dir.display())))?;
        if about.ended_at <= moment {
            return Ok(base);
        }
        oldest = Some(about.ended_at);
    }
    Err(Failure::failed(match oldest {
        None => format!("there is no base backup in {}: `vartai backup base` makes one", archive.display()),
        Some(first) => format!(
            "the oldest base backup in {} is of {first}: nothing before that can be restored",
            archive.display()
        ),
    }))
}

/// Waits until the server has recovered and takes writes.
async fn recovered(connect: &ConnectSettings, log: &Path) -> Result<(), Failure> {
    let mut seen = Instant::now();
    loop {
        match recovery(connect).await {
            Ok(Recovery::Over) => return Ok(end_recovery(connect).await?),
            Ok(Recovery::UnderWay) => seen = Instant::now(),
            Err(why) if seen.elapsed() > GONE => {
                return Err(Failure::failed(format!(
                    "PostgreSQL ended while recovering ({why}); see {}",
                    log.display()
                )));
            }
            Err(_) => {}
        }
        time::sleep(LOOK).await;
    }
}

/// What PostgreSQL's log says of a recovery that came to nothing.
fn in_words(why: Failure, log: &Path, moment: Timestamp) -> Failure {
    let said = std::fs::read_to_string(log).unwrap_or_default();
    if said.contains("recovery ended before configured recovery target was reached") {
        let last = said.lines().rev().find_map(|line| line.split_once("last completed transaction was at log time "));
        let last = last.map_or("none is known", |(_, at)| at);
        return Failure::failed(format!(
            "the archive ends before {moment}: the last transaction in it was at {last}; nothing was changed. Choose an \
             earlier moment, or look for the rest of the archive"
        ));
    }
    why
}
