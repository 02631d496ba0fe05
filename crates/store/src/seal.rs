//! Sealing secrets at rest: XChaCha20-Poly1305, with the key's id in front and the place bound in.

use std::{collections::BTreeMap, fmt};

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use secrecy::{ExposeSecret, SecretBox};

/// Length of a key, in bytes.
pub const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// The installation's keys: the newest seals, all of them open.
pub struct Keyring {
    keys: BTreeMap<u32, SecretBox<[u8; KEY_BYTES]>>,
}

/// Why a key file or a sealed value can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// A line of the key file.
    #[error("line {line} of the key file is not `<number> <64 hex digits>`")]
    KeyFile {
        /// Which line, from 1.
        line: usize,
    },
    /// A key file without keys.
    #[error("the key file holds no key; `vartai` makes one where there is none")]
    NoKeys,
    /// Sealed with a key that is not in the file.
    #[error("sealed with key {0}, which is not in the key file")]
    UnknownKey(u32),
    /// Not sealed here, for this place, or altered.
    #[error("the sealed value does not open")]
    Broken,
    /// The operating system gave no randomness.
    #[error("no randomness: {0}")]
    NoRandomness(String),
}

impl Keyring {
    /// Reads a key file: a line `<id> <64 hex digits>` a key; empty lines and `#` comments are passed over.
    ///
    /// # Errors
    /// [`SealError::KeyFile`], [`SealError::NoKeys`].
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let mut keys = BTreeMap::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = SealError::KeyFile { line: at + 1 };
            let (id, hex) = line.split_once(char::is_whitespace).ok_or_else(|| wrong.clone())?;
            let id: u32 = id.parse().map_err(|_| wrong.clone())?;
            let key = from_hex(hex.trim()).ok_or(wrong)?;
            keys.insert(id, SecretBox::new(Box::new(key)));
        }
        if keys.is_empty() { Err(SealError::NoKeys) } else { Ok(Self { keys }) }
    }

    /// A key file's text with one new key.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn generate() -> Result<String, SealError> {
        let mut key = [0_u8; KEY_BYTES];
        getrandom::fill(&mut key).map_err(|error| SealError::NoRandomness(error.to_string()))?;
        let hex: String = key.iter().map(|b| format!("{b:02x}")).collect();
        Ok(format!(
            "# Keys that seal secrets in the database. Keep a copy apart from the database's backups.\n\
             # To rotate, add a line with a higher number; old lines must stay while anything is sealed with them.\n\
             1 {hex}\n"
        ))
    }

    /// Seals `plain` for `place` (table, row and column): it opens for that place only.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let (id, key) = self.keys.last_key_value().ok_or(SealError::NoKeys)?;
        let mut nonce = [0_u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|error| SealError::NoRandomness(error.to_string()))?;
        let payload = Payload { msg: plain, aad: place.as_bytes() };
        let sealed = cipher(key).encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::Broken)?;
        Ok([&id.to_be_bytes()[..], &nonce[..], &sealed[..]].concat())
    }

    /// Opens what was sealed for `place`.
    ///
    /// # Errors
    /// [`SealError::UnknownKey`], [`SealError::Broken`].
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (id, rest) = sealed.split_first_chunk::<4>().ok_or(SealError::Broken)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Broken)?;
        let id = u32::from_be_bytes(*id);
        let key = self.keys.get(&id).ok_or(SealError::UnknownKey(id))?;
        let payload = Payload { msg: body, aad: place.as_bytes() };
        cipher(key).decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError::Broken)
    }

    /// The oldest key, which other secrets of the installation are derived from: it outlives rotation.
    ///
    /// # Errors
    /// [`SealError::NoKeys`].
    pub fn root(&self) -> Result<SecretBox<[u8; KEY_BYTES]>, SealError> {
        let (_, key) = self.keys.first_key_value().ok_or(SealError::NoKeys)?;
        Ok(SecretBox::new(Box::new(*key.expose_secret())))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("ids", &self.keys.keys().collect::<Vec<_>>()).finish()
    }
}

fn cipher(key: &SecretBox<[u8; KEY_BYTES]>) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.expose_secret().into())
}

fn from_hex(text: &str) -> Option<[u8; KEY_BYTES]> {
    let mut key = [0_u8; KEY_BYTES];
    if text.len() != KEY_BYTES * 2 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring() -> Keyring {
        Keyring::parse(&Keyring::generate().unwrap()).unwrap()
    }

    #[test]
    fn opens_for_its_place_only() {
        let keys = keyring();
        let sealed = keys.seal("orders 1 server_password", b"secret").unwrap();
        assert_eq!(keys.open("orders 1 server_password", &sealed).unwrap(), b"secret");
        assert_eq!(keys.open("orders 2 server_password", &sealed), Err(SealError::Broken));
        assert_eq!(keyring().open("orders 1 server_password", &sealed), Err(SealError::Broken));
        for at in 4..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(keys.open("orders 1 server_password", &altered), Err(SealError::Broken));
        }
        assert!(!sealed.windows(6).any(|w| w == b"secret"));
    }

    #[test]
    fn a_new_key_seals_and_the_old_one_still_opens() {
        let old = Keyring::generate().unwrap();
        let sealed = Keyring::parse(&old).unwrap().seal("x", b"1").unwrap();
        let new = Keyring::generate().unwrap().replace("\n1 ", "\n2 ");
        let both = Keyring::parse(&format!("{old}{new}")).unwrap();
        assert_eq!(both.open("x", &sealed).unwrap(), b"1");
        assert_eq!(both.seal("x", b"2").unwrap()[..4], 2_u32.to_be_bytes());
        assert_eq!(Keyring::parse(&new).unwrap().open("x", &sealed), Err(SealError::UnknownKey(1)));
    }

    #[test]
    fn a_bad_key_file_says_where() {
        assert_eq!(Keyring::parse("# none\n").unwrap_err(), SealError::NoKeys);
        assert_eq!(Keyring::parse("\n1 zz\n").unwrap_err(), SealError::KeyFile { line: 2 });
        assert!(!format!("{:?}", keyring()).contains("Secret"));
    }
}
