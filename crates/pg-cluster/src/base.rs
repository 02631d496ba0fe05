//! Base backups: a copy of the cluster, from which the WAL archive leads to any later moment.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::archive::{self, archive_dir};
use crate::error::{ClusterError, FileContext};
use crate::layout::Layout;
use crate::process::{self, Log};
use crate::programs::Programs;
use crate::settings::Settings;

/// Longer than any copy takes.
pub(crate) const LONG: Duration = Duration::from_secs(7 * 24 * 3600);
/// What the directory of an unfinished one ends with.
const PARTIAL: &str = ".partial";

/// A base backup that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// Its directory.
    pub dir: PathBuf,
    /// What its maker wrote of it.
    pub about: String,
    /// The first piece of WAL that it needs.
    pub needs: String,
}

impl Base {
    /// Its name: they are sorted by it.
    #[must_use]
    pub fn name(&self) -> String {
        self.dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn read(dir: PathBuf) -> io::Result<Option<Self>> {
        let about = match fs::read_to_string(dir.join("base.json")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            about => about?,
        };
        let label = fs::read_to_string(dir.join("pg/backup_label"))?;
        let needs = label.lines().find_map(|line| line.strip_prefix("START WAL LOCATION: ")?.split_once("(file "));
        let needs = needs.and_then(|(_, file)| file.strip_suffix(')')).filter(|file| archive::place(file).is_some());
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, format!("{} has no start", dir.display()));
        let needs = needs.ok_or_else(wrong)?.to_owned();
        Ok(Some(Self { dir, about, needs }))
    }
}

/// The complete base backups in an archive, oldest first.
///
/// # Errors
/// One can't be read.
pub fn bases(archive: &Path) -> io::Result<Vec<Base>> {
    let entries = match fs::read_dir(archive.join("base")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut dirs: Vec<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    dirs.retain(|dir| dir.extension().is_none_or(|end| format!(".{}", end.to_string_lossy()) != PARTIAL));
    dirs.sort();
    dirs.into_iter().filter_map(|dir| Base::read(dir).transpose()).collect()
}

/// A base backup that is being made. The caller is a member of the cluster.
#[derive(Debug)]
pub struct NewBase {
    layout: Layout,
    partial: PathBuf,
    dir: PathBuf,
}

impl NewBase {
    /// Copies the running cluster, under a name that it hasn't finally. Blocks its thread.
    ///
    /// # Errors
    /// [`ClusterError`]: there is such a one, or it can't be copied. Nothing complete is left then.
    pub fn copy(settings: &Settings, name: &str) -> Result<Self, ClusterError> {
        let layout = Layout::establish(&settings.data_dir)?;
        let programs = Programs::find(settings.programs.as_deref(), layout.made_by()?.as_deref(), &layout.data_dir)?;
        let parent = archive_dir(&layout.data_dir).join("base");
        let (partial, dir) = (parent.join(format!("{name}{PARTIAL}")), parent.join(name));
        if dir.exists() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists)).context("make", &dir);
        }
        clear_partial(&parent)?;
        layout.make_private(&archive_dir(&layout.data_dir))?;
        layout.make_private(&parent)?;
        layout.make_private(&partial)?;
        let mut command = process::command(&programs.path("pg_basebackup"), &layout.identity);
        command.arg("--host").arg(&layout.socket_dir).args(["--port", "5432", "--no-password", "--username"]);
        command.arg(&settings.owner).arg("--pgdata").arg(partial.join("pg"));
        command.args(["--format=plain", "--wal-method=stream", "--checkpoint=fast"]);
        process::run("pg_basebackup", &mut command, &Log::mark(&layout), LONG)?;
        Ok(Self { layout, partial, dir })
    }

    /// Makes it one that counts, with what there is to say about it.
    ///
    /// # Errors
    /// It can't be written.
    pub fn complete(self, about: &str) -> Result<Base, ClusterError> {
        let path = self.partial.join("base.json");
        let written = File::create_new(&path).and_then(|mut file| {
            file.write_all(about.as_bytes())?;
            file.sync_all()
        });
        written.context("write", &path)?;
        self.layout.give_to_server(&path)?;
        sync(&self.partial)?;
        fs::rename(&self.partial, &self.dir).context("name", &self.dir)?;
        sync(self.dir.parent().unwrap_or(&self.dir))?;
        let base = Base::read(self.dir.clone()).context("read", &self.dir)?;
        let base = base.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound)).context("read", &self.dir)?;
        archive::write_needed(&self.layout, &base.needs)?;
        Ok(base)
    }
}

/// Removes all but the newest `keep` base backups, and the WAL before those. At least one is kept. Returns the names of
/// the base backups, and how many pieces of WAL.
///
/// # Errors
/// One can't be removed.
pub fn prune(data_dir: &Path, keep: usize) -> io::Result<(Vec<String>, usize)> {
    let archive = archive_dir(data_dir);
    let mut all = bases(&archive)?;
    let kept = all.split_off(all.len().saturating_sub(keep.max(1)));
    for old in &all {
        // Without it, one that is half removed doesn't count.
        fs::remove_file(old.dir.join("base.json"))?;
        fs::remove_dir_all(&old.dir)?;
    }
    let pieces = match kept.first() {
        Some(oldest) => archive::remove_before(&archive, &oldest.needs)?,
        None => 0,
    };
    Ok((all.iter().map(Base::name).collect(), pieces))
}

/// What killed processes left.
fn clear_partial(parent: &Path) -> Result<(), ClusterError> {
    let Ok(entries) = fs::read_dir(parent) else { return Ok(()) };
    let partial = |path: &PathBuf| path.to_string_lossy().ends_with(PARTIAL) || !path.join("base.json").exists();
    for left in entries.flatten().map(|entry| entry.path()).filter(partial) {
        fs::remove_dir_all(&left).context("remove", &left)?;
    }
    Ok(())
}

pub(crate) fn sync(dir: &Path) -> Result<(), ClusterError> {
    File::open(dir).and_then(|dir| dir.sync_all()).context("sync", dir)
}
