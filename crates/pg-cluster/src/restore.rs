//! Putting another cluster in the place of the one that is there, or of none.
//!
//! The new one is made in `data_dir/restore`, a data directory of its own, and takes the place of `data_dir/pg` once it
//! is complete. Whatever dies before, the installation is what it was; where there was none, nobody makes an empty one
//! while `restore` is there.

use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::archive::{percent_quote, shell_quote};
use crate::base::{Base, LONG, sync};
use crate::conf::quote_text;
use crate::deadline::Deadline;
use crate::error::{ClusterError, FileContext};
use crate::layout::Layout;
use crate::locks::StartStop;
use crate::process::{self, Log};
use crate::programs::Programs;
use crate::server;
use crate::settings::Settings;

/// What an unfinished restore has below the data directory.
const UNFINISHED: &str = "restore";
/// How long the server of an unfinished restore may take to end.
const SHORT: Duration = Duration::from_secs(20);
/// What it is called while it is removed, with the number of the process that does it.
const GONE: &str = "restore.gone-";

/// A restore under way: nobody else uses the installation.
#[derive(Debug)]
pub struct Restore {
    settings: Settings,
    layout: Layout,
    held: StartStop,
}

/// The directory of a restore that is under way, or was when it died.
pub(crate) fn unfinished(data_dir: &Path) -> PathBuf {
    data_dir.join(UNFINISHED)
}

/// What a restore left that died, where there is no cluster but what it was making.
#[must_use]
pub fn unfinished_restore(data_dir: &Path) -> Option<PathBuf> {
    let left = unfinished(data_dir);
    (left.exists() && !data_dir.join("pg").exists()).then_some(left)
}

/// Where one of PostgreSQL's programs is: of the version that made the cluster, or the newest.
///
/// # Errors
/// There are none.
pub fn program(settings: &Settings, name: &str) -> Result<PathBuf, ClusterError> {
    let made_by = fs::read_to_string(settings.data_dir.join("pg/PG_VERSION")).ok();
    let made_by = made_by.as_deref().map(str::trim);
    Ok(Programs::find(settings.programs.as_deref(), made_by, &settings.data_dir)?.path(name))
}

impl Restore {
    /// Begins one, and removes what an earlier one left. Blocks its thread.
    ///
    /// # Errors
    /// [`ClusterError::InUse`] while anybody uses the installation.
    pub fn begin(settings: &Settings) -> Result<Self, ClusterError> {
        let layout = Layout::establish(&settings.data_dir)?;
        let held = StartStop::acquire(&layout, settings.patience)?;
        let layout = Layout::establish(&layout.data_dir)?;
        refuse_members(&layout)?;
        stop(&layout, settings)?;
        let this = Self { settings: settings.clone(), layout, held };
        this.clear()?;
        let dir = this.dir();
        fs::create_dir(&dir).context("make", &dir)?;
        fs::set_permissions(&dir, std::os::unix::fs::PermissionsExt::from_mode(0o711)).context("chmod", &dir)?;
        // Whose it is decides as whom its server runs: as the installation's own.
        this.layout.give_to_server(&dir)?;
        sync(&this.layout.data_dir)?;
        Ok(this)
    }

    /// The data directory of the new cluster.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        unfinished(&self.layout.data_dir)
    }

    /// What to join the new cluster with. It may take as long as it takes, and archives nothing.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings { data_dir: self.dir(), archive: None, patience: LONG, ..self.settings.clone() }
    }

    /// Whether the installation has a cluster, which the new one is to replace.
    #[must_use]
    pub fn replaces(&self) -> bool {
        self.layout.pgdata().exists()
    }

    /// Makes the new cluster one that recovers to a moment when it is started: from a base backup, by the WAL of that
    /// archive and of the cluster that it replaces. Blocks its thread.
    ///
    /// # Errors
    /// It can't be copied.
    pub fn recover(&self, base: &Base, archive: &Path, moment: &str) -> Result<(), ClusterError> {
        let layout = Layout::establish(&self.dir())?;
        let pgdata = layout.pgdata();
        layout.make_private(&pgdata)?;
        // As root: the archive may be another user's.
        let mut from = base.dir.join("pg").into_os_string();
        from.push("/.");
        let mut command = std::process::Command::new("cp");
        command.arg("-a").arg("--").arg(from).arg(&pgdata).env("LC_ALL", "C");
        process::run("cp", &mut command, &Log::mark(&layout), LONG)?;
        let wal = shell_quote(&archive.join("wal"))?;
        let old = shell_quote(&self.layout.pgdata().join("pg_wal"))?;
        let fetch = format!(
            "if test -f {wal}/\"%f\".gz; then gzip -dc < {wal}/\"%f\".gz > \"%p\"; \
             else test -f {old}/\"%f\" && cp {old}/\"%f\" \"%p\"; fi",
            wal = percent_quote(&wal),
            old = percent_quote(&old)
        );
        let lines = format!(
            "restore_command = {}\nrecovery_target_time = {}\nrecovery_target_action = 'promote'\n",
            quote_text(&fetch),
            quote_text(moment)
        );
        let auto = pgdata.join("postgresql.auto.conf");
        let appended = OpenOptions::new().append(true).create(true).open(&auto);
        appended.and_then(|mut file| file.write_all(lines.as_bytes())).context("write", &auto)?;
        let signal = pgdata.join("recovery.signal");
        fs::write(&signal, "").context("make", &signal)?;
        self.own(&layout, &pgdata)
    }

    /// Gives all of a copied cluster to the user that the server runs as.
    fn own(&self, layout: &Layout, pgdata: &Path) -> Result<(), ClusterError> {
        if !layout.identity.root {
            return Ok(());
        }
        let service = &layout.identity.service;
        let mut command = std::process::Command::new("chown");
        command.arg("-R").arg(format!("{}:{}", service.uid, service.gid)).arg(pgdata).env("LC_ALL", "C");
        process::run("chown", &mut command, &Log::mark(layout), LONG)
    }

    /// Puts the new cluster, whose members have all left, in its place. The one that it replaces is kept beside it, as
    /// `pg.` and `aside`. Blocks its thread.
    ///
    /// # Errors
    /// It can't be; what is there then is told by the next start.
    pub fn finish(self, aside: &str) -> Result<Option<PathBuf>, ClusterError> {
        let (old, new) = (self.layout.pgdata(), self.dir().join("pg"));
        refuse_members(&self.layout)?;
        tell_archive_of_histories(&Layout::establish(&self.dir())?)?;
        let replaced = old.exists().then(|| self.layout.data_dir.join(format!("pg.{aside}")));
        if let Some(kept) = &replaced {
            fs::rename(&old, kept).context("set aside", &old)?;
        }
        fs::rename(&new, &old).context("move the restored cluster to", &old)?;
        // It speaks of the history that is over.
        remove_if_there(&self.layout.data_dir.join("witness"))?;
        sync(&self.layout.data_dir)?;
        self.clear()?;
        drop(self.held);
        Ok(replaced)
    }

    /// Removes an unfinished restore. A server that outlived its maker is stopped.
    fn clear(&self) -> Result<(), ClusterError> {
        let dir = self.dir();
        if dir.join("pg").exists() {
            // What it has is of no worth: it is not waited for long.
            let settings = Settings { patience: SHORT, ..self.settings.clone() };
            stop(&Layout::establish(&dir)?, &settings)?;
        }
        // Under another name it is nothing that initdb or a server, whose maker was killed, could go on with.
        match fs::rename(&dir, self.layout.data_dir.join(format!("{GONE}{}", std::process::id()))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).context("set aside", &dir),
            _ => {}
        }
        let entries = fs::read_dir(&self.layout.data_dir).context("read", &self.layout.data_dir)?;
        let gone = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(GONE));
        gone.map(|entry| entry.path()).try_for_each(|path| self.remove(&path))
    }

    /// Removes a directory into which somebody who is about to end may still write.
    fn remove(&self, dir: &Path) -> Result<(), ClusterError> {
        let deadline = Deadline::after(self.settings.patience);
        loop {
            match fs::remove_dir_all(dir) {
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty && deadline.rest() => {}
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).context("remove", dir),
                _ => return Ok(()),
            }
        }
    }
}

/// Stops a server that outlived its last member.
fn stop(layout: &Layout, settings: &Settings) -> Result<(), ClusterError> {
    let Some(made_by) = layout.made_by()? else { return Ok(()) };
    let programs = Programs::find(settings.programs.as_deref(), Some(&made_by), &layout.data_dir)?;
    match server::stop(layout, &programs, settings, None)? {
        true => Ok(()),
        false => Err(ClusterError::InUse { data_dir: layout.data_dir.clone() }),
    }
}

/// The archive needs the histories of timelines to tell one from the other. The new cluster archived nothing while it
/// was restored: PostgreSQL is told that it has these to archive.
fn tell_archive_of_histories(layout: &Layout) -> Result<(), ClusterError> {
    let wal = layout.pgdata().join("pg_wal");
    let entries = fs::read_dir(&wal).context("read", &wal)?;
    for name in entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
        if name.ends_with(".history") {
            let ready = wal.join("archive_status").join(format!("{name}.ready"));
            fs::write(&ready, "").context("make", &ready)?;
            layout.give_to_server(&ready)?;
        }
    }
    Ok(())
}

/// Members hold this lock shared. Whoever holds the start-stop lock sees them all, and no other comes meanwhile.
fn refuse_members(layout: &Layout) -> Result<(), ClusterError> {
    let path = layout.users_lock();
    let file = match fs::File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file.context("open", &path)?,
    };
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(ClusterError::InUse { data_dir: layout.data_dir.clone() }),
        Err(TryLockError::Error(error)) => Err(error).context("lock", &path),
    }
}

fn remove_if_there(path: &Path) -> Result<(), ClusterError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).context("remove", path),
        _ => Ok(()),
    }
}
