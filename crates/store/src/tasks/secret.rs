//! What a task's result holds that is a secret: sealed at rest, for so long as it is kept.

use domain::tasks::TaskId;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    RealmKind,
    db::{Error, Tx},
    seal::Keyring,
};

fn place(realm: RealmKind, id: TaskId) -> String {
    format!("{} task {} secret", realm.schema(), id.0)
}

/// A task's secret, sealed for its column.
pub(super) fn seal(tx: &Tx, id: TaskId, secret: &SecretString) -> Result<Vec<u8>, Error> {
    let sealed = tx.keys().seal(&place(tx.realm(), id), secret.expose_secret().as_bytes());
    sealed.map_err(|error| Error::Failed(error.to_string()))
}

/// A task's secret out of its column.
pub(crate) fn open(keys: &Keyring, realm: RealmKind, id: TaskId, sealed: &[u8]) -> Result<SecretString, Error> {
    let plain = keys.open(&place(realm, id), sealed).map_err(Error::corrupt)?;
    String::from_utf8(plain).map(SecretString::from).map_err(Error::corrupt)
}
