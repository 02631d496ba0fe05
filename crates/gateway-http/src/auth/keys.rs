//! Keys of the reseller gateway: random, so a plain digest keeps them (no one guesses 238 bits).

use secrecy::SecretString;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

const PREFIX: &str = "vk_";
/// What test keys begin with, and no other (CONTRACT 1.6).
const TEST_PREFIX: &str = "test_";
/// Each is worth log2 62 = 5.95 bits: 238 in all.
const CHARACTERS: usize = 40;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Of the random part, what the hint shows: it leaves 214 bits to guess.
const HINT: usize = 4;

/// A new key. It is shown once and never stored.
#[derive(Debug)]
pub struct IssuedKey {
    /// `vk_`, or `test_` for a test key, and 40 letters and digits.
    pub key: SecretString,
    /// What is stored of it: SHA-256.
    pub digest: [u8; 32],
    /// What its owner may know it by: its first characters.
    pub hint: String,
}

/// A new key, from the operating system's random numbers.
///
/// # Errors
/// The operating system has none to give.
pub fn issue() -> Result<IssuedKey, getrandom::Error> {
    issue_after(PREFIX)
}

/// A new test key.
///
/// # Errors
/// The operating system has no random numbers to give.
pub fn issue_test() -> Result<IssuedKey, getrandom::Error> {
    issue_after(TEST_PREFIX)
}

/// Whether it is a test key, if it is a key at all.
#[must_use]
pub fn is_test(key: &str) -> bool {
    key.starts_with(TEST_PREFIX)
}

fn issue_after(prefix: &str) -> Result<IssuedKey, getrandom::Error> {
    let mut key = String::with_capacity(prefix.len() + CHARACTERS);
    key.push_str(prefix);
    let mut random = [0; 64];
    while key.len() < prefix.len() + CHARACTERS {
        getrandom::fill(&mut random)?;
        // Six bits name one of 62 characters, or none: so all are equally likely.
        let drawn = random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 63)));
        key.extend(drawn.take(prefix.len() + CHARACTERS - key.len()).map(|&letter| char::from(letter)));
    }
    zeroize::Zeroize::zeroize(&mut random);
    let hint = key.chars().take(prefix.len() + HINT).collect();
    Ok(IssuedKey { digest: digest(&key), hint, key: SecretString::from(key) })
}

/// What is stored of a key: SHA-256.
#[must_use]
pub fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// Whether the key has one of the digests. Compares with all of them in constant time, so that the time tells neither
/// which one it is nor how near it came.
#[must_use]
pub fn matches(digests: &[Vec<u8>], key: &str) -> bool {
    let given = digest(key);
    let none = Choice::from(0);
    digests.iter().fold(none, |found, stored| found | stored.as_slice().ct_eq(&given)).into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::{ALPHABET, CHARACTERS, digest, is_test, issue, issue_test, matches};

    #[test]
    fn keys_are_new_and_of_their_form() {
        let mut keys = BTreeSet::new();
        let mut letters = BTreeSet::new();
        for _ in 0..200 {
            let issued = issue().unwrap();
            let key = issued.key.expose_secret();
            let random = key.strip_prefix("vk_").unwrap();
            assert_eq!(random.len(), CHARACTERS);
            assert!(random.bytes().all(|byte| ALPHABET.contains(&byte)));
            assert!(key.starts_with(&issued.hint) && issued.hint.len() < 10);
            assert!(!format!("{issued:?}").contains(random));
            letters.extend(random.bytes());
            assert!(keys.insert(key.to_owned()));
        }
        assert_eq!(letters.len(), ALPHABET.len(), "all characters come up");
    }

    #[test]
    fn a_test_key_is_told_from_another_by_how_it_begins() {
        let (live, test) = (issue().unwrap(), issue_test().unwrap());
        assert!(is_test(test.key.expose_secret()) && !is_test(live.key.expose_secret()));
        assert_eq!(test.key.expose_secret().len(), "test_".len() + CHARACTERS);
        assert!(test.key.expose_secret().starts_with(&test.hint) && test.hint.len() < 11);
    }

    #[test]
    fn a_digest_is_sha_256() {
        let abc = [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea];
        assert_eq!(digest("abc")[..8], abc);
    }

    proptest! {
        #[test]
        fn a_key_matches_where_its_digest_is_and_nowhere_else(
            others in proptest::collection::vec("[a-z]{1,8}", 0..5), key in "[A-Z]{1,8}", at in 0_usize..5,
        ) {
            let mut digests: Vec<Vec<u8>> = others.iter().map(|other| digest(other).to_vec()).collect();
            prop_assert!(!matches(&digests, &key));
            digests.insert(at.min(digests.len()), digest(&key).to_vec());
            prop_assert!(matches(&digests, &key));
            prop_assert!(others.iter().all(|other| matches(&digests, other)));
            for stored in &mut digests {
                stored.pop();
            }
            prop_assert!(!matches(&digests, &key), "a shortened digest is no digest");
        }
    }
}
