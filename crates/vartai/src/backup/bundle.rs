//! The file of a backup: a tar of the dump in parts, perhaps the sealed keys, and the manifest last. It is written in
//! one go, to a pipe as well, so a part is no longer than what is kept in memory; `tar` and `cat` put the dump together
//! by hand.

use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    path::Path,
};

use sha2::{Digest, Sha256};
use tar::{Archive, Builder, EntryType, Header};

use super::{FORMAT, Manifest, hex};

const PART: &str = "database.dump.";
const KEYS: &str = "keys.sealed";
const MANIFEST: &str = "manifest.json";
/// No part is longer.
pub const PART_BYTES: usize = 8 << 20;
/// What is read of the other members at the most.
const SMALL: u64 = 16 << 20;

/// A file of a backup that is being written.
pub struct Writer<W: Write> {
    tar: Builder<W>,
    /// The moment of the backup, in seconds since 1970.
    at: u64,
    hash: Sha256,
    /// How many parts of the dump there are.
    pub parts: u32,
    /// How many bytes.
    pub bytes: u64,
}

impl<W: Write> Writer<W> {
    /// Begins one.
    pub fn new(to: W, at: i64) -> Self {
        let at = u64::try_from(at).unwrap_or_default();
        Self { tar: Builder::new(to), at, hash: Sha256::new(), parts: 0, bytes: 0 }
    }

    fn member(&mut self, name: &str, data: &[u8]) -> io::Result<()> {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(u64::try_from(data.len()).map_err(io::Error::other)?);
        header.set_mode(0o600);
        header.set_mtime(self.at);
        self.tar.append_data(&mut header, name, data)
    }

    /// The next part of the dump.
    pub fn part(&mut self, data: &[u8]) -> io::Result<()> {
        self.parts = self.parts.checked_add(1).ok_or_else(|| io::Error::other("too many parts"))?;
        self.bytes = self.bytes.saturating_add(u64::try_from(data.len()).map_err(io::Error::other)?);
        self.hash.update(data);
        self.member(&format!("{PART}{:06}", self.parts), data)
    }

    /// The key file, sealed.
    pub fn keys(&mut self, sealed: &str) -> io::Result<()> {
        self.member(KEYS, sealed.as_bytes())
    }

    /// The SHA-256 of the dump.
    pub fn digest(&self) -> String {
        hex(&self.hash.clone().finalize())
    }

    /// Ends the file. It counts from here on.
    pub fn finish(mut self, manifest: &Manifest) -> io::Result<W> {
        let text = serde_json::to_string_pretty(manifest).map_err(io::Error::other)?;
        self.member(MANIFEST, text.as_bytes())?;
        let mut to = self.tar.into_inner()?;
        to.flush()?;
        Ok(to)
    }
}

/// A backup that was read to its end, and is whole.
#[derive(Debug)]
pub struct Checked {
    /// What it says of itself.
    pub manifest: Manifest,
    /// The key file, sealed with a passphrase.
    pub keys: Option<String>,
}

/// Reads a backup to its end, and says why it is none.
pub fn check(path: &Path) -> Result<Checked, String> {
    let why = |error: io::Error| format!("{} can't be read as a backup: {error}", path.display());
    let mut tar = Archive::new(BufReader::new(File::open(path).map_err(why)?));
    let (mut hash, mut parts, mut bytes) = (Sha256::new(), 0_u32, 0_u64);
    let (mut keys, mut manifest) = (None, None);
    for entry in tar.entries().map_err(why)? {
        let mut entry = entry.map_err(why)?;
        let name = entry.path().map_err(why)?.to_string_lossy().into_owned();
        if manifest.is_some() {
            return Err(format!("{} has something after its end: {name}", path.display()));
        }
        match name.as_str() {
            MANIFEST => manifest = Some(text(&mut entry).map_err(why)?),
            KEYS => keys = Some(text(&mut entry).map_err(why)?),
            part if part.starts_with(PART) => {
                parts = parts.saturating_add(1);
                bytes = bytes.saturating_add(io::copy(&mut entry, &mut Hashing(&mut hash)).map_err(why)?);
            }
            other => return Err(format!("{} is no backup of Vartai's: it holds {other}", path.display())),
        }
    }
    let manifest = manifest.ok_or_else(|| format!("{} is incomplete: its end is missing", path.display()))?;
    let manifest: Manifest = serde_json::from_str(&manifest).map_err(|error| {
        format!("what {} says of itself can't be read ({error}): another version made it", path.display())
    })?;
    if manifest.format != FORMAT {
        return Err(format!("{} has form {}, and this program reads form {FORMAT}", path.display(), manifest.format));
    }
    let is = (parts, bytes, hex(&hash.finalize()));
    if is != (manifest.dump_parts, manifest.dump_bytes, manifest.dump_sha256.clone()) {
        return Err(format!("{} is damaged: its dump is not the one that was written", path.display()));
    }
    Ok(Checked { manifest, keys })
}

struct Hashing<'a>(&'a mut Sha256);

impl Write for Hashing<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.update(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn text(entry: &mut impl Read) -> io::Result<String> {
    let mut text = String::new();
    entry.take(SMALL).read_to_string(&mut text)?;
    Ok(text)
}

/// Writes the dump of a backup that was checked.
pub fn dump(path: &Path, to: &mut impl Write) -> io::Result<()> {
    let mut tar = Archive::new(BufReader::new(File::open(path)?));
    for entry in tar.entries()? {
        let mut entry = entry?;
        if entry.path()?.to_string_lossy().starts_with(PART) {
            io::copy(&mut entry, to)?;
        }
    }
    to.flush()
}
