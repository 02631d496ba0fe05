//! Passwords at rest: argon2id in PHC strings.
//!
//! Everything here blocks for some 20 ms and takes 19 MiB: for the blocking threads, behind
//! [`Verifier`](super::Verifier).

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{Error as HashError, PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};

/// Memory in KiB, passes and lanes: OWASP's first choice for argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The longest password, in bytes. A longer one is wrong without hashing.
pub const MAX_BYTES: usize = 256;

/// The hash of no password, at today's cost: what is verified against where there is no hash, to take as long.
pub const DUMMY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$zgJJgBwvlw1xJkBSquQcsg$bGuaKBgCUDqZXG0D0VwpmmOIWvybv2lmY3XkVofj3rw";

/// A password can't be hashed.
#[derive(Debug, thiserror::Error)]
pub enum Unhashable {
    /// It could never be given again.
    #[error("the password is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// No memory, no randomness.
    #[error("the password can't be hashed: {0}")]
    Failed(HashError),
}

/// Whether the password is too long to be anyone's.
pub(super) fn is_too_long(password: &SecretString) -> bool {
    password.expose_secret().len() > MAX_BYTES
}

/// Hashes a password with a new salt, to a PHC string. Blocks.
///
/// # Errors
/// [`Unhashable`].
pub fn hash(password: &SecretString) -> Result<String, Unhashable> {
    if is_too_long(password) {
        return Err(Unhashable::TooLong);
    }
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| Unhashable::Failed(error.into()))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let phc: PasswordHash = argon2.hash_password(password.expose_secret().as_bytes()).map_err(Unhashable::Failed)?;
    Ok(phc.to_string())
}

/// Whether it is the password of that hash. Blocks, as long as the hash's own parameters say. A hash that can't be
/// read is nobody's, and is logged: it is damage, not the caller's mistake.
#[must_use]
pub fn verify(phc: &str, password: &SecretString) -> bool {
    if is_too_long(password) {
        return false;
    }
    let verified = PasswordHash::new(phc)
        .map_err(HashError::from)
        .and_then(|phc| Argon2::default().verify_password(password.expose_secret().as_bytes(), &phc));
    match verified {
        Ok(()) => true,
        Err(HashError::PasswordInvalid) => false,
        Err(error) => {
            tracing::error!(%error, "a stored password hash can't be verified against");
            false
        }
    }
}

/// Whether a stored hash has another cost than new ones, or can't be read: the password should be set again.
#[must_use]
pub fn needs_rehash(phc: &str) -> bool {
    let Ok(phc) = PasswordHash::new(phc) else { return true };
    let Ok(params) = Params::try_from(&phc) else { return true };
    phc.algorithm != Algorithm::Argon2id.ident()
        || phc.version != Some(Version::V0x13.into())
        || (params.m_cost(), params.t_cost(), params.p_cost()) != (MEMORY_KIB, PASSES, LANES)
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::{DUMMY, MAX_BYTES, Unhashable, hash, needs_rehash, verify};

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[test]
    fn a_password_verifies_against_its_own_hash_alone() {
        let phc = hash(&secret(" пароль ")).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(verify(&phc, &secret(" пароль ")));
        assert!(!verify(&phc, &secret("пароль")));
        assert_ne!(hash(&secret(" пароль ")).unwrap(), phc);
        assert!(!needs_rehash(&phc));
    }

    #[test]
    fn hashes_of_other_costs_verify_and_are_due() {
        let cheap = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$";
        let params = argon2::Params::new(64, 1, 1, None).unwrap();
        let mut output = [0; 32];
        argon2::Argon2::from(params).hash_password_into(b"old", b"somesaltsomesalt", &mut output).unwrap();
        let encoded = argon2::password_hash::phc::Output::new(&output).unwrap();
        let phc = format!("{cheap}{encoded}");
        assert!(verify(&phc, &secret("old")));
        assert!(!verify(&phc, &secret("new")));
        assert!(needs_rehash(&phc));
    }

    #[test]
    fn what_is_no_hash_is_nobodys() {
        for phc in ["", "test", "$2b$12$abc", "$argon2id$v=19$m=19456,t=2,p=1$", "$argon2id$v=19$m=1,t=0,p=0$YQ$YQ"] {
            assert!(!verify(phc, &secret("test")), "{phc}");
            assert!(needs_rehash(phc), "{phc}");
        }
    }

    #[test]
    fn longer_than_allowed_is_wrong() {
        let longest = secret(&"x".repeat(MAX_BYTES));
        let phc = hash(&longest).unwrap();
        assert!(verify(&phc, &longest));
        let longer = secret(&"x".repeat(MAX_BYTES + 1));
        assert!(!verify(&phc, &longer));
        assert!(matches!(hash(&longer), Err(Unhashable::TooLong)));
    }

    #[test]
    fn the_dummy_costs_what_a_new_hash_costs() {
        assert!(!needs_rehash(DUMMY));
        assert!(!verify(DUMMY, &secret("")));
    }
}
