//! Has the crate built again when a migration is added or changed, and hands it the migrations' fingerprint.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../migrations");
    let mut fingerprint = 0xcbf2_9ce4_8422_2325;
    add(&root, &root, &mut fingerprint)?;
    println!("cargo::rerun-if-changed={}", root.display());
    println!("cargo::rustc-env=MIGRATIONS_FINGERPRINT={fingerprint:016x}");
    Ok(())
}

/// Adds every file below `dir`, with its path, in the order of paths.
fn add(root: &Path, dir: &Path, fingerprint: &mut u64) -> Result<(), Box<dyn Error>> {
    let entries = fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = entries.collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            add(root, &path, fingerprint)?;
        } else {
            let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
            *fingerprint = fnv1a(fnv1a(*fingerprint, name.as_bytes()), &fs::read(&path)?);
        }
    }
    Ok(())
}

/// FNV-1a: no secret, only a name for what is there.
fn fnv1a(start: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
