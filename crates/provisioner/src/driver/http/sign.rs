//! Signatures as Standard Webhooks has them: over a message's id, its time and its body, by each secret there is.

use std::{
    fs,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;

/// A signature is good for so long, in seconds, before and after its time.
const SKEW: u64 = 5 * 60;
/// The shortest secret, in bytes.
const SHORTEST: usize = 16;
/// What encoded secrets begin with.
const ENCODED: &str = "whsec_";
/// What signatures of this kind begin with.
const VERSION: &str = "v1,";

/// The secrets shared with a hook.
pub struct Secrets(Vec<SecretBox<[u8]>>);

/// What a message's head says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`: any one that is right will do.
    pub signatures: &'a str,
}

impl Signed<'_> {
    /// The time of a signature that is made now, in Unix seconds.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "signatures tell the wall clock's time; nothing else is decided by it"
    )]
    pub fn now() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }
}

impl Secrets {
    /// Reads them: one each in these files.
    ///
    /// # Errors
    /// Which file can't be used, and why; nothing of what is in it.
    pub fn read(files: &[PathBuf]) -> Result<Self, String> {
        let read = |file: &PathBuf| {
            let told = |why: &str| format!("{}: {why}", file.display());
            let text = fs::read_to_string(file).map_err(|error| told(&error.to_string()))?;
            Self::secret(text.trim()).map_err(told)
        };
        let secrets: Vec<_> = files.iter().map(read).collect::<Result<_, String>>()?;
        if secrets.is_empty() { Err("there is no secret to sign with".into()) } else { Ok(Self(secrets)) }
    }

    /// These.
    ///
    /// # Errors
    /// What is wrong with one of them; nothing of what it is.
    pub fn of(secrets: &[SecretString]) -> Result<Self, &'static str> {
        secrets.iter().map(|secret| Self::secret(secret.expose_secret())).collect::<Result<_, _>>().map(Self)
    }

    fn secret(text: &str) -> Result<SecretBox<[u8]>, &'static str> {
        let bytes = match text.strip_prefix(ENCODED) {
            Some(encoded) => STANDARD.decode(encoded).map_err(|_| "what follows whsec_ is no base64")?,
            None => text.as_bytes().to_vec(),
        };
        if bytes.len() < SHORTEST { Err("a secret has 16 bytes at least") } else { Ok(SecretBox::from(bytes)) }
    }

    /// A message's signatures.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let time = timestamp.to_string();
        let macs = self.0.iter().filter_map(|secret| mac(secret, id, &time, body));
        let signatures = macs.map(|mac| format!("{VERSION}{}", STANDARD.encode(mac.finalize().into_bytes())));
        signatures.collect::<Vec<_>>().join(" ")
    }

    /// Whether a message is signed with one of them, at about `now`.
    #[must_use]
    pub fn verify(&self, signed: Signed<'_>, body: &[u8], now: u64) -> bool {
        let Signed { id, timestamp, signatures } = signed;
        if !timestamp.parse::<u64>().is_ok_and(|time| time.abs_diff(now) <= SKEW) {
            return false;
        }
        let told = signatures.split(' ').filter_map(|signature| STANDARD.decode(signature.strip_prefix(VERSION)?).ok());
        told.take(8).any(|told| {
            self.0
                .iter()
                .filter_map(|secret| mac(secret, id, timestamp, body))
                .any(|mac| mac.verify_slice(&told).is_ok())
        })
    }
}

fn mac(secret: &SecretBox<[u8]>, id: &str, timestamp: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.expose_secret()).ok()?;
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    Some(mac)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secrets(texts: &[&str]) -> Secrets {
        Secrets(texts.iter().map(|text| Secrets::secret(text).unwrap()).collect())
    }

    fn signed<'a>(id: &'a str, timestamp: &'a str, signatures: &'a str) -> Signed<'a> {
        Signed { id, timestamp, signatures }
    }

    /// Made with Python: `base64(hmac(b"0123456789abcdef0123", b"1042.1795000000.{}", sha256))`.
    const KNOWN: &str = "v1,77XBW8J9cdPghWEY2fLsc687HjyMxovHG0L777Bcfwk=";

    #[test]
    fn a_signature_is_as_others_make_it() {
        let signatures = secrets(&["0123456789abcdef0123"]).sign("1042", 1_795_000_000, b"{}");
        assert_eq!(signatures, KNOWN);
        let encoded = format!("whsec_{}", STANDARD.encode("0123456789abcdef0123"));
        assert_eq!(secrets(&[&encoded]).sign("1042", 1_795_000_000, b"{}"), KNOWN);
    }

    #[test]
    fn while_secrets_change_either_will_do() {
        let (old, new) = ("an old secret, 24 bytes.", "a new secret, 24 bytes..");
        let both = secrets(&[new, old]).sign("1", 100, b"x");
        for secret in [old, new] {
            assert!(secrets(&[secret]).verify(signed("1", "100", &both), b"x", 100));
        }
        assert!(!secrets(&["someone else's, 24 bytes"]).verify(signed("1", "100", &both), b"x", 100));
    }

    #[test]
    fn a_secret_that_can_be_guessed_is_refused() {
        for text in ["", "short", "whsec_", "whsec_AAAA", "whsec_not base64 at all!!"] {
            assert!(Secrets::secret(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_else_passes(
            id in "[0-9]{1,8}", other in "[0-9]{1,8}", body in any::<Vec<u8>>(), flip in any::<prop::sample::Index>(),
            time in 1_000_000_u64..2_000_000_000, late in 0_u64..2000, garbage in any::<String>(),
        ) {
            let secrets = secrets(&["0123456789abcdef0123"]);
            let (signatures, stamp) = (secrets.sign(&id, time, &body), time.to_string());
            let good = signed(&id, &stamp, &signatures);
            prop_assert_eq!(secrets.verify(good, &body, time + late), late <= SKEW);
            prop_assert_eq!(secrets.verify(good, &body, time - late), late <= SKEW);
            prop_assert_eq!(secrets.verify(signed(&other, &stamp, &signatures), &body, time), id == other);
            let mut changed = body.clone();
            changed.push(b' ');
            prop_assert!(!secrets.verify(good, &changed, time));
            if !body.is_empty() {
                let at = flip.index(body.len());
                changed = body.clone();
                changed[at] ^= 1;
                prop_assert!(!secrets.verify(good, &changed, time));
            }
            prop_assert!(!secrets.verify(signed(&id, &stamp, &garbage), &body, time));
            prop_assert!(!secrets.verify(signed(&id, &garbage, &signatures), &body, time));
        }
    }
}
