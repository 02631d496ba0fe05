//! Keys of the reseller gateway. The key itself is never stored.

use diesel::{ExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use domain::customers::CustomerId;

use crate::{
    db::{Conn, Error, Tx},
    schema::{api_key, customer},
};

/// A key, as staff see it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = api_key)]
pub struct ApiKey {
    /// Its number.
    pub id: i64,
    /// Its first characters.
    pub hint: String,
    /// When it was issued.
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    pub created_at: jiff::Timestamp,
    /// When it stopped working.
    #[diesel(deserialize_as = jiff_diesel::NullableTimestamp)]
    pub revoked_at: Option<jiff::Timestamp>,
}

/// Keeps the SHA-256 digest of a new key. `hint` is what its owner may know it by.
///
/// # Errors
/// [`Error`] from the database.
pub async fn issue_key(tx: &mut Tx, of: CustomerId, digest: &[u8], hint: &str) -> Result<i64, Error> {
    let id = diesel::insert_into(api_key::table)
        .values((api_key::customer_id.eq(of.0), api_key::digest.eq(digest), api_key::hint.eq(hint)))
        .returning(api_key::id)
        .get_result(tx.conn())
        .await?;
    count_up(tx, of).await?;
    Ok(id)
}

/// A customer's keys, also revoked ones.
///
/// # Errors
/// [`Error`] from the database.
pub async fn keys(connection: &mut Conn, of: CustomerId) -> Result<Vec<ApiKey>, Error> {
    let query = api_key::table.filter(api_key::customer_id.eq(of.0)).order(api_key::id);
    Ok(query.select(ApiKey::as_select()).load(connection).await?)
}

/// Revokes a key, at once and on every process.
///
/// # Errors
/// [`Error::NotFound`] when the customer has no such key in force.
pub async fn revoke_key(tx: &mut Tx, of: CustomerId, id: i64) -> Result<(), Error> {
    let key = api_key::table
        .filter(api_key::id.eq(id))
        .filter(api_key::customer_id.eq(of.0))
        .filter(api_key::revoked_at.is_null());
    let revoked = diesel::update(key).set(api_key::revoked_at.eq(diesel::dsl::now)).execute(tx.conn()).await?;
    if revoked == 0 {
        return Err(Error::NotFound(format!("the customer has no key {id} in force")));
    }
    count_up(tx, of).await
}

async fn count_up(tx: &mut Tx, of: CustomerId) -> Result<(), Error> {
    diesel::update(customer::table.find(of.0))
        .set(customer::credential_version.eq(customer::credential_version + 1))
        .execute(tx.conn())
        .await?;
    Ok(())
}
