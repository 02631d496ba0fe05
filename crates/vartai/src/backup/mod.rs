//! Backups: a dump with what it says of itself in one file, and bringing it back.

pub mod bundle;
pub mod dump;
pub mod passphrase;

use std::{fs::File, io, path::Path};

use serde::{Deserialize, Serialize};
use store::{backup::Contents, seal::Keyring};

/// The form of the file; others are refused.
pub const FORMAT: u32 = 1;
/// What is sealed with the installation's keys in each backup, so that other keys are told from them.
const KEY_CHECK: (&str, &[u8]) = ("backup key check", b"vartai");

/// What a backup says of itself. It is the last of its parts: without it, the file was cut off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The program that made it.
    pub program: String,
    /// What the dump holds.
    pub contents: Contents,
    /// How many parts the dump is in.
    pub dump_parts: u32,
    /// Its length.
    pub dump_bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub dump_sha256: String,
    /// Something known, sealed with the installation's keys, in hexadecimal digits.
    pub key_check: String,
    /// Whether the key file is in it, sealed with a passphrase.
    pub has_keys: bool,
}

/// Something known, sealed.
///
/// # Errors
/// There is no randomness.
pub fn key_check(keys: &Keyring) -> Result<String, store::seal::SealError> {
    keys.seal(KEY_CHECK.0, KEY_CHECK.1).map(|sealed| hex(&sealed))
}

impl Manifest {
    /// Whether these are keys that the backed-up installation had.
    pub fn knows(&self, keys: &Keyring) -> bool {
        unhex(&self.key_check)
            .is_some_and(|sealed| keys.open(KEY_CHECK.0, &sealed).is_ok_and(|open| open == KEY_CHECK.1))
    }
}

/// Hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair.filter(|pair| pair.len() == 2)?, 16).ok()).collect()
}

/// Makes the entries of a directory last.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use store::seal::Keyring;

    use super::{hex, unhex};

    #[test]
    fn digits_and_bytes() {
        assert_eq!(unhex(&hex(&[0, 255, 16])), Some(vec![0, 255, 16]));
        for wrong in ["0", "zz", "0z1"] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn other_keys_are_told() {
        let keys = || Keyring::parse(&Keyring::generate().unwrap()).unwrap();
        let (ours, others) = (keys(), keys());
        let text = r#"{"format":1,"program":"","contents":{"taken_at":"2026-01-01T00:00:00Z","server_version":"",
            "position":"","catalogue_revision":null,"migrations":{},"rows":{},"newest":{}},"dump_parts":0,
            "dump_bytes":0,"dump_sha256":"","key_check":"","has_keys":false}"#;
        let mut manifest: super::Manifest = serde_json::from_str(text).unwrap();
        assert!(!manifest.knows(&ours));
        manifest.key_check = super::key_check(&ours).unwrap();
        assert!(manifest.knows(&ours) && !manifest.knows(&others));
    }
}
