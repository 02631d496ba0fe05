//! An installation out of a backup's file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use store::{
    backup::{contents, is_empty},
    db::{ConnectSettings, Witness},
    ledger::Finding,
    seal::Keyring,
};

use super::{RestoreArguments, Restored, asked, begin, check_place, finish, in_new_cluster, look_through, told};
use crate::{
    backup::{Manifest, bundle, dump, passphrase},
    cli::{backup::read_passphrase, report::Report},
    failure::Failure,
    installation::{Access, Presence, as_owner, at_database, cluster_settings, role_auth},
    key_file::{self, KeyFileError},
    settings::Settings,
    signals::interruptible,
};

/// Restores it: into a new private cluster, or the empty database that the URL names.
pub async fn restore(
    settings: &Settings,
    access: Access,
    file: &Path,
    how: &RestoreArguments,
) -> Result<Report, Failure> {
    let file = std::path::absolute(file)?;
    let reading = file.clone();
    let checked = tokio::task::spawn_blocking(move || bundle::check(&reading)).await.map_err(Failure::failed)?;
    let checked = checked.map_err(Failure::failed)?;
    let manifest = &checked.manifest;
    let keys = Keys::find(settings, manifest, checked.keys.as_deref(), how.passphrase_file.as_deref())?;
    let program = pg_cluster::program(&cluster_settings(settings, Presence::Visits), "pg_restore")?;
    let from = Dump { file, program, manifest };
    let mut restored = Restored { moment: manifest.contents.taken_at, findings: Vec::new(), lost: None, aside: None };
    if settings.database.url.is_some() {
        restored.findings = at_database(settings, access, async |owner| {
            let mut connect = as_owner(settings, owner, Presence::Visits);
            connect.auth = role_auth(settings, &keys.ring)?;
            interruptible(into_database(&connect, &from)).await
        })
        .await?;
        keys.write(settings)?;
        // What this host remembers is of the database before.
        Witness::accept(&settings.witness_file())?;
    } else {
        check_place(settings, how.set_aside)?;
        restored.lost = asked(settings, restored.moment).await;
        let begun = begin(settings).await?;
        restored.findings = in_new_cluster(settings, &begun, async |connect| from.bring_in(&connect).await).await?;
        keys.write(settings)?;
        restored.aside = finish(settings, begun, restored.moment).await?;
    }
    Ok(told::told(&restored, Some(manifest)))
}

async fn into_database(connect: &ConnectSettings, from: &Dump<'_>) -> Result<Vec<Finding>, Failure> {
    if !is_empty(connect).await? {
        return Err(Failure::failed(
            "the database holds an installation already: make an empty one (createdb) and name it in database.url",
        ));
    }
    from.bring_in(connect).await
}

/// The dump in a backup.
struct Dump<'a> {
    file: PathBuf,
    program: PathBuf,
    manifest: &'a Manifest,
}

impl Dump<'_> {
    /// Brings it into an empty database, all or nothing; sees that all of it came; and what is wrong with the books.
    async fn bring_in(&self, connect: &ConnectSettings) -> Result<Vec<Finding>, Failure> {
        let file = self.file.clone();
        let feed = move |mut to: &mut dyn std::io::Write| bundle::dump(&file, &mut to);
        dump::restore(&self.program, &connect.owner, feed).await?;
        let differences = self.manifest.contents.differences(&contents(connect).await?);
        if !differences.is_empty() {
            return Err(Failure::failed(format!(
                "the restored database is not what was backed up: {}; nothing is put in its place",
                differences.join("; ")
            )));
        }
        look_through(connect).await
    }
}

/// The installation's keys.
struct Keys {
    ring: Keyring,
    /// What is to be written into the key file, where there is none.
    new: Option<String>,
}

impl Keys {
    /// Those in the key file, else those in the backup. Others than the backed-up installation had are refused.
    fn find(
        settings: &Settings,
        manifest: &Manifest,
        sealed: Option<&str>,
        passphrase: Option<&Path>,
    ) -> Result<Self, Failure> {
        let path = settings.key_file();
        let (ring, new) = match (key_file::read(&path), sealed, passphrase) {
            (Ok(ring), _, _) => (ring, None),
            (Err(KeyFileError::Missing(_)), Some(sealed), Some(file)) => {
                let text = passphrase::open(&read_passphrase(file)?, sealed).map_err(Failure::failed)?;
                (Keyring::parse(&text).map_err(Failure::failed)?, Some(text))
            }
            (Err(KeyFileError::Missing(_)), Some(_), None) => {
                return Err(Failure::failed(format!(
                    "there is no key file {}: put it there, or name the passphrase of the keys in the backup \
                     (--passphrase-file)",
                    path.display()
                )));
            }
            (Err(KeyFileError::Missing(_)), None, _) => {
                return Err(Failure::failed(format!(
                    "there is no key file {}, and the backup holds none: put the installation's key file there",
                    path.display()
                )));
            }
            (Err(why), _, _) => return Err(Failure::failed(why)),
        };
        if !manifest.knows(&ring) {
            let whose = if new.is_some() { "the backup's keys are" } else { "the key file is" };
            return Err(Failure::failed(format!(
                "{whose} not the one that the backed-up installation had: put that one in place of {}",
                path.display()
            )));
        }
        Ok(Self { ring, new })
    }

    fn write(&self, settings: &Settings) -> Result<(), Failure> {
        let Some(text) = &self.new else { return Ok(()) };
        let path = settings.key_file();
        fs::create_dir_all(&settings.data_dir)?;
        key_file::make(&path, text)
            .map_err(|error| Failure::failed(format!("{} can't be made: {error}", path.display())))
    }
}
