//! A backup as one file, or on stdout.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use secrecy::SecretString;
use serde_json::json;
use store::backup::{Contents, Snapshot};

use crate::{
    backup::{
        FORMAT, Manifest,
        bundle::{PART_BYTES, Writer},
        dump, key_check, passphrase, sync_dir,
    },
    cli::report::Report,
    failure::Failure,
    installation::{Installation, Presence, cluster_settings},
    terminal,
};

/// What an unfinished file ends with.
const PARTIAL: &str = ".partial";

/// Writes one, into a directory or to stdout.
pub async fn write(opened: &Installation, to: &Path, passphrase: Option<&Path>) -> Result<Report, Failure> {
    let keys = passphrase.map(|file| sealed_keys(opened, file)).transpose()?;
    let snapshot = Snapshot::take(&opened.connect).await?;
    if to == Path::new("-") {
        let (_, manifest) = fill(opened, snapshot, keys, io::stdout().lock()).await?;
        warn_of_keys(opened, manifest.has_keys);
        return Ok(Report::silent());
    }
    let Unfinished { file, partial } = Unfinished::begin(to)?;
    let (file, manifest) = fill(opened, snapshot, keys, BufWriter::new(file)).await?;
    let file = file.into_inner().map_err(|error| Failure::failed(error.to_string()))?;
    let path = to.join(format!("vartai-{}.tar", manifest.contents.taken_at.strftime("%Y%m%dT%H%M%S.%3fZ")));
    let named = file.sync_all().and_then(|()| fs::rename(&partial, &path)).and_then(|()| sync_dir(to));
    named.map_err(|error| Failure::failed(format!("{} can't be written: {error}", path.display())))?;
    warn_of_keys(opened, manifest.has_keys);
    Ok(told(&path, &manifest))
}

/// A passphrase: the first line of a file that others can't read.
pub fn read_passphrase(file: &Path) -> Result<SecretString, Failure> {
    let why = |error| Failure::failed(format!("the passphrase in {} can't be read: {error}", file.display()));
    let text = fs::read_to_string(file).map_err(why)?;
    match text.lines().next().map(str::trim_end) {
        None | Some("") => Err(Failure::failed(format!("the passphrase in {} is empty", file.display()))),
        Some(line) => Ok(line.to_owned().into()),
    }
}

fn sealed_keys(opened: &Installation, file: &Path) -> Result<String, Failure> {
    let path = opened.settings.key_file();
    let text = fs::read_to_string(&path);
    let text = text.map_err(|error| Failure::failed(format!("the key file {}: {error}", path.display())))?;
    passphrase::seal(&read_passphrase(file)?, &text).map_err(Failure::failed)
}

/// Writes the dump and all that is said of it.
async fn fill<W: Write>(
    opened: &Installation,
    mut snapshot: Snapshot,
    keys: Option<String>,
    to: W,
) -> Result<(W, Manifest), Failure> {
    let contents = snapshot.contents().await?;
    let mut writer = Writer::new(to, contents.taken_at.as_second());
    let program = pg_cluster::program(&cluster_settings(&opened.settings, Presence::Visits), "pg_dump")?;
    let take = |part: &[u8]| writer.part(part);
    dump::dump(&program, &opened.connect.owner, &snapshot.id, PART_BYTES, take).await?;
    drop(snapshot);
    let wrong = |error: io::Error| Failure::failed(format!("the backup can't be written: {error}"));
    if let Some(sealed) = &keys {
        writer.keys(sealed).map_err(wrong)?;
    }
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        contents,
        dump_parts: writer.parts,
        dump_bytes: writer.bytes,
        dump_sha256: writer.digest(),
        key_check: key_check(opened.database.live.keys()).map_err(Failure::failed)?,
        has_keys: keys.is_some(),
    };
    Ok((writer.finish(&manifest).map_err(wrong)?, manifest))
}

/// A file under a name that isn't its own yet, locked by who writes it.
struct Unfinished {
    file: File,
    partial: PathBuf,
}

impl Unfinished {
    fn begin(dir: &Path) -> Result<Self, Failure> {
        let wrong = |error: io::Error| Failure::failed(format!("{} can't be written to: {error}", dir.display()));
        fs::create_dir_all(dir).map_err(wrong)?;
        sweep(dir).map_err(wrong)?;
        let number = getrandom::u64().map_err(|error| Failure::failed(format!("no randomness: {error}")))?;
        let partial = dir.join(format!("vartai-{number:016x}{PARTIAL}"));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial).map_err(wrong)?;
        file.lock().map_err(wrong)?;
        Ok(Self { file, partial })
    }
}

/// Removes what died. What somebody is writing is locked.
fn sweep(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("vartai-") && name.ends_with(PARTIAL) && File::open(&path)?.try_lock().is_ok() {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

fn warn_of_keys(opened: &Installation, has_keys: bool) {
    if !has_keys {
        let keys = opened.settings.key_file();
        let told = format!(
            "vartai: the key file {} is not in this backup: keep a copy of it apart, without it the passwords of \
             services are lost (--with-keys puts it in, sealed with a passphrase)",
            keys.display()
        );
        eprintln!("{}", terminal::line(&told));
    }
}

fn told(path: &Path, manifest: &Manifest) -> Report {
    let Contents { taken_at, rows, newest, .. } = &manifest.contents;
    let live = newest.get("live");
    let (order, journal) = (live.and_then(|live| live.order), live.and_then(|live| live.journal));
    let number = |id: Option<i64>| id.map_or("none".to_owned(), |id| id.to_string());
    let total: i64 = rows.values().sum();
    let text = format!(
        "{}\n{total} rows of {} tables as of {taken_at}; last order {}, last journal {}\n",
        path.display(),
        rows.len(),
        number(order),
        number(journal)
    );
    let json = json!({ "file": path.display().to_string(), "manifest": manifest });
    Report::new(text, json)
}
