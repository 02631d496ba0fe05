//! Sub-users of customers. One described `API` may call the account and server API, and nothing else.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, QueryableByName, Selectable, SelectableHelper, sql_types,
};
use diesel_async::RunQueryDsl;
use domain::customers::CustomerId;

use super::VatColumns;
use crate::{
    db::{Conn, Error, Tx, sql},
    schema::sub_user,
};

/// The description that opens the account and server API (CONTRACT 2.1).
pub const API: &str = "API";

/// A sub-user.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = sub_user)]
pub struct SubUser {
    /// Its number.
    pub id: i64,
    /// What the field `nick` is compared with.
    pub nick: String,
    /// What it is for.
    pub description: String,
    /// Closed by staff.
    pub inactive: bool,
    /// When it was added.
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    pub created_at: jiff::Timestamp,
}

/// What authentication needs of an API user.
#[derive(Debug, Clone, QueryableByName)]
pub struct NickCredentials {
    /// Its number.
    #[diesel(sql_type = sql_types::BigInt)]
    pub id: i64,
    /// Whose it is.
    #[diesel(sql_type = sql_types::BigInt)]
    pub customer_id: i64,
    /// The customer's currency.
    #[diesel(sql_type = sql_types::Text)]
    pub currency: String,
    /// The customer's language.
    #[diesel(sql_type = sql_types::Text)]
    pub language: String,
    /// What the VAT of the customer's new invoices depends on.
    #[diesel(embed)]
    pub vat: VatColumns,
    /// argon2id, as a PHC string.
    #[diesel(sql_type = sql_types::Text)]
    pub password_hash: String,
    /// Grows with each change of what opens the API to it.
    #[diesel(sql_type = sql_types::BigInt)]
    pub version: i64,
    /// The moment of the query, by the database's clock.
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub now: jiff::Timestamp,
}

/// The API user of that nick, if there is one that may call: other sub-users, closed ones and those of closed
/// customers are not there.
///
/// # Errors
/// [`Error`] from the database.
pub async fn nick_credentials(connection: &mut Conn, nick: &str) -> Result<Option<NickCredentials>, Error> {
    let query = "select s.id, s.customer_id, c.currency, c.language, c.vat_points, c.vat_fixed, p.country, p.zip, p.vat_code, s.password_hash, \
           s.credential_version + c.credential_version as version, realm_now() as now \
         from sub_user s join customer c on c.id = s.customer_id \
         left join profile p on p.customer_id = c.id \
         where s.nick = $1 and s.description = $2 and not s.inactive and not c.disabled";
    Ok(sql(query)
        .bind::<sql_types::Text, _>(nick)
        .bind::<sql_types::Text, _>(API)
        .get_result(connection)
        .await
        .optional()?)
}

/// Adds a sub-user.
///
/// # Errors
/// [`Error::Refused`] when the nick is taken or can't be one.
pub async fn add_sub_user(
    tx: &mut Tx,
    of: CustomerId,
    nick: &str,
    description: &str,
    password_hash: &str,
) -> Result<i64, Error> {
    let added = diesel::insert_into(sub_user::table)
        .values((
            sub_user::customer_id.eq(of.0),
            sub_user::nick.eq(nick),
            sub_user::description.eq(description),
            sub_user::password_hash.eq(password_hash),
        ))
        .returning(sub_user::id)
        .get_result(tx.conn())
        .await
        .map_err(Error::from);
    added.map_err(|error| match error.constraint() {
        Some("sub_user_nick_key") => Error::Refused(format!("the nick {nick} is taken")),
        Some("sub_user_nick_check") => {
            Error::Refused(format!("{nick:?} can't be a nick: 1 to 64 characters without white space"))
        }
        _ => error,
    })
}

/// Closes or opens a sub-user, at once and on every process.
///
/// # Errors
/// [`Error::NotFound`] when the customer has none of that nick.
pub async fn set_sub_user_inactive(tx: &mut Tx, of: CustomerId, nick: &str, inactive: bool) -> Result<(), Error> {
    let user = sub_user::table.filter(sub_user::customer_id.eq(of.0)).filter(sub_user::nick.eq(nick));
    let set = diesel::update(user)
        .set((sub_user::inactive.eq(inactive), sub_user::credential_version.eq(sub_user::credential_version + 1)))
        .execute(tx.conn())
        .await?;
    if set == 0 { Err(Error::NotFound(format!("the customer has no API user {nick}"))) } else { Ok(()) }
}

/// Gives a sub-user another password.
///
/// # Errors
/// [`Error::NotFound`] when the customer has none of that nick.
pub async fn set_sub_user_password(tx: &mut Tx, of: CustomerId, nick: &str, hash: &str) -> Result<(), Error> {
    let user = sub_user::table.filter(sub_user::customer_id.eq(of.0)).filter(sub_user::nick.eq(nick));
    let set = diesel::update(user)
        .set((sub_user::password_hash.eq(hash), sub_user::credential_version.eq(sub_user::credential_version + 1)))
        .execute(tx.conn())
        .await?;
    if set == 0 { Err(Error::NotFound(format!("the customer has no API user {nick}"))) } else { Ok(()) }
}

/// A customer's sub-users.
///
/// # Errors
/// [`Error`] from the database.
pub async fn sub_users(connection: &mut Conn, of: CustomerId) -> Result<Vec<SubUser>, Error> {
    let query = sub_user::table.filter(sub_user::customer_id.eq(of.0)).order(sub_user::id);
    Ok(query.select(SubUser::as_select()).load(connection).await?)
}
