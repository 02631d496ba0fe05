//! What a task's result holds that is a secret: sealed at rest, for so long as it is kept.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use domain::{orders::OrderId, tasks::TaskId};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    RealmKind,
    db::{Error, Tx},
    schema::task::dsl,
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

/// Tasks of an order that wait for staff, and whose results will tell a password.
pub(crate) async fn manual_with_secret(tx: &mut Tx, order: OrderId) -> Result<Vec<TaskId>, Error> {
    let telling = dsl::task.filter(dsl::order_id.eq(order.0)).filter(dsl::state.eq("manual"));
    let telling = telling.filter(dsl::secret.is_not_null()).order(dsl::id).select(dsl::id);
    let ids: Vec<i64> = telling.load(tx.conn()).await?;
    Ok(ids.into_iter().map(TaskId).collect())
}

/// Has tasks tell the password that was really set.
pub(crate) async fn tell(tx: &mut Tx, tasks: &[TaskId], password: &SecretString) -> Result<(), Error> {
    for id in tasks {
        let sealed = seal(tx, *id, password)?;
        diesel::update(dsl::task.find(id.0)).set(dsl::secret.eq(sealed)).execute(tx.conn()).await?;
    }
    Ok(())
}
