//! Keys: Ed25519.

use std::{collections::BTreeMap, fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use secrecy::{ExposeSecret, SecretBox};

/// Why a key can't be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A seed that ring refuses.
    #[error("the seed makes no key")]
    Seed,
    /// A line that is none.
    #[error("line {0} of the keys is not `NUMBER BASE64`")]
    Line(usize),
    /// There is none.
    #[error("there is no key")]
    None,
}

/// The private half, which signs.
pub struct SigningKey {
    /// Its number, which signatures name.
    pub id: i32,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// The key of a seed.
    ///
    /// # Errors
    /// [`KeyError::Seed`].
    pub fn of(id: i32, seed: &SecretBox<[u8; 32]>) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose_secret()).map_err(|_| KeyError::Seed)?;
        Ok(Self { id, pair })
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(self.pair.public_key().as_ref()) {
            *to = *from;
        }
        PublicKey(bytes)
    }

    /// Signs: the same signature for the same message.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

/// The public half, which anybody may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Whether a message was signed with the other half.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(KeyError::None)
    }
}

/// Public keys by their numbers, as a company publishes them: a line `NUMBER BASE64` each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicKeys(pub BTreeMap<i32, PublicKey>);

impl PublicKeys {
    /// Reads them; empty lines and `#` comments are passed over.
    ///
    /// # Errors
    /// [`KeyError::Line`], [`KeyError::None`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut keys = BTreeMap::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = line.split_once(' ').and_then(|(id, key)| Some((id.parse().ok()?, key.trim().parse().ok()?)));
            let (id, key) = key.ok_or(KeyError::Line(at + 1))?;
            keys.insert(id, key);
        }
        if keys.is_empty() { Err(KeyError::None) } else { Ok(Self(keys)) }
    }
}

impl fmt::Display for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(id, key)| writeln!(f, "{id} {key}"))
    }
}
