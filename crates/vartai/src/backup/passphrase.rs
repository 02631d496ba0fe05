//! The key file under a passphrase: argon2id makes a key of it, XChaCha20-Poly1305 seals.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce, aead::Aead};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{hex, unhex};

/// A passphrase may be guessed by whoever has the file, for years: 256 MiB and 4 passes a guess.
const COST: Params = match Params::new(256 * 1024, 4, 1, Some(32)) {
    Ok(params) => params,
    Err(_) => Params::DEFAULT,
};
const SALT: usize = 16;
const NONCE: usize = 24;

#[derive(Serialize, Deserialize)]
struct Sealed {
    /// argon2id's memory in KiB, passes and lanes.
    cost: [u32; 3],
    salt: String,
    nonce: String,
    sealed: String,
}

fn cipher(passphrase: &SecretString, salt: &[u8], cost: Params) -> Result<XChaCha20Poly1305, String> {
    let mut key = [0_u8; 32];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost);
    argon
        .hash_password_into(passphrase.expose_secret().as_bytes(), salt, &mut key)
        .map_err(|error| error.to_string())?;
    Ok(XChaCha20Poly1305::new(&key.into()))
}

/// Seals a key file.
pub fn seal(passphrase: &SecretString, keys: &str) -> Result<String, String> {
    let (mut salt, mut nonce) = ([0_u8; SALT], [0_u8; NONCE]);
    getrandom::fill(&mut salt).and_then(|()| getrandom::fill(&mut nonce)).map_err(|error| error.to_string())?;
    let sealed = cipher(passphrase, &salt, COST)?.encrypt(&XNonce::from(nonce), keys.as_bytes());
    let sealed = sealed.map_err(|_| "the keys can't be sealed".to_owned())?;
    let cost = [COST.m_cost(), COST.t_cost(), COST.p_cost()];
    let text = Sealed { cost, salt: hex(&salt), nonce: hex(&nonce), sealed: hex(&sealed) };
    serde_json::to_string(&text).map_err(|error| error.to_string())
}

/// Opens a sealed key file.
pub fn open(passphrase: &SecretString, text: &str) -> Result<String, String> {
    let broken = || "the sealed keys in the backup can't be read".to_owned();
    let Sealed { cost: [memory, passes, lanes], salt, nonce, sealed } =
        serde_json::from_str(text).map_err(|_| broken())?;
    // More than anyone ever wrote would only take this machine's memory.
    if memory > 4 << 20 || passes > 64 {
        return Err(broken());
    }
    let cost = Params::new(memory, passes, lanes, Some(32)).map_err(|_| broken())?;
    let (salt, nonce, sealed) = (unhex(&salt), unhex(&nonce), unhex(&sealed));
    let (salt, sealed) = (salt.ok_or_else(broken)?, sealed.ok_or_else(broken)?);
    let nonce: [u8; NONCE] = nonce.and_then(|nonce| nonce.try_into().ok()).ok_or_else(broken)?;
    let opened = cipher(passphrase, &salt, cost)?.decrypt(&XNonce::from(nonce), sealed.as_slice());
    let opened = opened.map_err(|_| "the passphrase does not open the keys in the backup".to_owned())?;
    String::from_utf8(opened).map_err(|_| broken())
}

#[cfg(test)]
mod tests {
    use super::{open, seal};

    #[test]
    fn only_its_passphrase_opens_it() {
        let sealed = seal(&"correct horse".into(), "1 00\n").unwrap();
        assert!(!sealed.contains("1 00"));
        assert_eq!(open(&"correct horse".into(), &sealed).unwrap(), "1 00\n");
        assert!(open(&"correct horses".into(), &sealed).unwrap_err().contains("passphrase"));
        assert!(open(&"correct horse".into(), &sealed.replacen("\"salt\":\"", "\"salt\":\"00", 1)).is_err());
        assert!(open(&"x".into(), "{}").is_err());
    }
}
