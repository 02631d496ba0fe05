//! Which subcommands may make an installation, and what the others say where there is none.

use std::path::Path;

use pg_cluster::Cluster;

use crate::{failure::Failure, settings::Settings};

/// What a subcommand may do to the installation that it opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Whether it may make one.
    pub creates: Creates,
    /// How long it is there.
    pub presence: Presence,
}

/// Whether a subcommand may make an installation where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creates {
    /// It may, where an absolute path says.
    May,
    /// It refuses, and writes nothing: what it would answer would be about nothing.
    MustExist,
}

/// How long a subcommand is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Until it is stopped: it looks after a private PostgreSQL, and waits for its recovery.
    Serves,
    /// Until it has answered.
    Visits,
}

/// Whether there is a private cluster to join, or one may be made.
///
/// # Errors
/// There is none, and where it was looked for; its directory can't be looked into.
pub fn check(settings: &Settings, creates: Creates) -> Result<(), Failure> {
    if Cluster::exists(&settings.data_dir)? {
        return Ok(());
    }
    if let Some(left) = pg_cluster::unfinished_restore(&settings.data_dir) {
        return Err(Failure::failed(format!(
            "a restore into {} was begun and has not ended: run `vartai restore` again, or remove {} to begin anew",
            settings.data_dir.display(),
            left.display()
        )));
    }
    may_set_up(settings, creates)
}

/// Whether a subcommand may set up an installation that is new.
///
/// # Errors
/// It may not, and why.
pub fn may_set_up(settings: &Settings, creates: Creates) -> Result<(), Failure> {
    match creates {
        Creates::May if settings.key_file().is_absolute() && settings.data_dir.is_absolute() => Ok(()),
        Creates::May => Err(Failure::failed(format!(
            "{}; a new one is made only where data_dir is an absolute path: set it, or VARTAI_DATA_DIR, such as \
             VARTAI_DATA_DIR=/var/lib/vartai",
            missing(settings)
        ))),
        Creates::MustExist => Err(Failure::failed(format!(
            "{}; name its configuration with --config or VARTAI_CONFIG, or its directory with VARTAI_DATA_DIR; `vartai \
             migrate` makes a new one",
            missing(settings)
        ))),
    }
}

/// That there is no installation, where, and who said so.
pub fn missing(settings: &Settings) -> String {
    let path = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    let place = match &settings.database.url {
        None => format!("in {}", path(&settings.data_dir)),
        Some(_) => format!("in the database that database.url names (data_dir {})", path(&settings.data_dir)),
    };
    let origin = match &settings.origin {
        Some(file) => format!("the configuration is {}", path(file)),
        None => "no configuration was named, and neither ./vartai.toml nor /etc/vartai/vartai.toml is there".to_owned(),
    };
    format!("there is no installation {place}: {origin}")
}
