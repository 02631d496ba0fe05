//! A service's login and password: made here, sealed at rest.

use domain::{catalogue::Vid, orders::OrderId};
use secrecy::{ExposeSecret, SecretString};

use crate::db::{Error, RealmKind, Tx};

/// Letters and digits that can't be taken for one another.
const ALPHABET: &[u8; 56] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// 20 of 56 are 116 bits.
const LENGTH: usize = 20;

/// The login that a new service gets.
pub(super) fn login(vid: Vid, id: OrderId) -> String {
    match vid {
        Vid::Hosting => format!("u{id}"),
        Vid::Vds | Vid::Dedicated => "root".to_owned(),
    }
}

/// A new password, from the operating system's randomness.
pub(crate) fn new_password() -> Result<SecretString, Error> {
    let mut password = String::with_capacity(LENGTH);
    let mut bytes = [0_u8; 64];
    while password.len() < LENGTH {
        getrandom::fill(&mut bytes).map_err(|error| Error::Failed(format!("no randomness: {error}")))?;
        // Bytes beyond the last multiple of the alphabet's length would make some letters likelier.
        let fair = bytes.iter().filter(|b| usize::from(**b) < 256 - 256 % ALPHABET.len());
        let letters = fair.filter_map(|b| ALPHABET.get(usize::from(*b) % ALPHABET.len())).map(|b| char::from(*b));
        password.extend(letters.take(LENGTH - password.len()));
    }
    Ok(password.into())
}

fn place(realm: RealmKind, id: OrderId) -> String {
    format!("{} orders {id} server_password", realm.schema())
}

/// An order's password, sealed for its column.
pub(crate) fn seal_password(tx: &Tx, id: OrderId, password: &SecretString) -> Result<Vec<u8>, Error> {
    let sealed = tx.keys().seal(&place(tx.realm(), id), password.expose_secret().as_bytes());
    sealed.map_err(|error| Error::Failed(error.to_string()))
}

/// An order's password out of its column.
pub(crate) fn open_password(tx: &Tx, id: OrderId, sealed: &[u8]) -> Result<SecretString, Error> {
    let plain = tx.keys().open(&place(tx.realm(), id), sealed).map_err(Error::corrupt)?;
    String::from_utf8(plain).map(SecretString::from).map_err(Error::corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_and_differ() {
        let some: std::collections::BTreeSet<String> =
            (0..200).map(|_| new_password().unwrap().expose_secret().to_owned()).collect();
        assert_eq!(some.len(), 200);
        assert!(some.iter().all(|p| p.len() == LENGTH && p.bytes().all(|b| ALPHABET.contains(&b))));
    }
}
