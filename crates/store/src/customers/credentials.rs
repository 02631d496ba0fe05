//! All that a request's authentication needs, in one query.

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{customers::CustomerId, language::Language, money::Currency, vat::VatStanding};
use ipnetwork::IpNetwork;
use jiff::Timestamp;

use super::VatColumns;
use crate::db::{Conn, Error, sql};

/// A customer, as authentication sees it.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The customer.
    pub customer: CustomerId,
    /// Its currency.
    pub currency: Currency,
    /// Its language.
    pub language: Language,
    /// What the VAT of its new invoices depends on.
    pub vat: VatStanding,
    /// Whether the gateway is open to it: access on and not disabled.
    pub open: bool,
    /// argon2id, as a PHC string.
    pub password_hash: Option<String>,
    /// Grows with each change of what opens the gateway.
    pub version: i64,
    /// SHA-256 of each key in force.
    pub key_digests: Vec<Vec<u8>>,
    /// Where it may call from; anywhere when empty.
    pub networks: Vec<IpNetwork>,
    /// The moment of the query, by the realm's clock.
    pub now: Timestamp,
    /// The customer's own test realm, where it is a test key that opens it.
    pub own_realm: Option<String>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
    #[diesel(sql_type = sql_types::Text)]
    currency: String,
    #[diesel(sql_type = sql_types::Text)]
    language: String,
    #[diesel(embed)]
    vat: VatColumns,
    #[diesel(sql_type = sql_types::Bool)]
    found: bool,
    #[diesel(sql_type = sql_types::Bool)]
    open: bool,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    password_hash: Option<String>,
    #[diesel(sql_type = sql_types::BigInt)]
    credential_version: i64,
    #[diesel(sql_type = sql_types::Array<sql_types::Binary>)]
    digests: Vec<Vec<u8>>,
    #[diesel(sql_type = sql_types::Array<sql_types::Cidr>)]
    networks: Vec<IpNetwork>,
    #[diesel(sql_type = sql_types::Timestamptz)]
    now: jiff_diesel::Timestamp,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    own_realm: Option<String>,
}

/// What opens the gateway beside the customer itself: a list of digests, and the own realm that they lead to. For a
/// login that nobody has, somebody's row is read and thrown away: the time must not tell (CONTRACT 1.4).
fn query(digests: &str, own_realm: &str) -> String {
    format!(
        "select c.id, c.currency, c.language, c.vat_points, c.vat_fixed, p.country, p.zip, p.vat_code, \
           c.api_enabled and not c.disabled as open, c.password_hash, c.credential_version, realm_now() as now, \
           array({digests}) as digests, {own_realm} as own_realm, \
           array(select network from allowed_network n where n.customer_id = c.id) as networks, asked.id is not null as found \
         from (select (select id from customer where login = $1) as id) asked \
         join customer c on c.id = coalesce(asked.id, (select min(id) from customer)) \
         left join profile p on p.customer_id = c.id"
    )
}

/// The customer of that login, if there is one.
///
/// # Errors
/// [`Error`] from the database.
pub async fn credentials(connection: &mut Conn, login: &str) -> Result<Option<Credentials>, Error> {
    let keys = "select digest from api_key k where k.customer_id = c.id and k.revoked_at is null";
    find(connection, query(keys, "null::text"), login).await
}

/// The same for a test key: of the keys only the one that is in force counts (CONTRACT 1.6).
///
/// # Errors
/// [`Error`] from the database.
pub async fn test_credentials(connection: &mut Conn, login: &str) -> Result<Option<Credentials>, Error> {
    let key = "select key_digest from own_realm o where o.customer_id = c.id and o.expires_at > now()";
    find(connection, query(key, "(select name from own_realm o where o.customer_id = c.id)"), login).await
}

async fn find(connection: &mut Conn, query: String, login: &str) -> Result<Option<Credentials>, Error> {
    let row: Option<Row> = sql(query).bind::<sql_types::Text, _>(login).get_result(connection).await.optional()?;
    let read = row.map(|row| {
        let found = row.found;
        let credentials = Credentials {
            customer: CustomerId(row.id),
            currency: row.currency.parse().map_err(Error::corrupt)?,
            language: row.language.parse().map_err(Error::corrupt)?,
            vat: row.vat.standing()?,
            open: row.open,
            password_hash: row.password_hash,
            version: row.credential_version,
            key_digests: row.digests,
            networks: row.networks,
            now: row.now.to_jiff(),
            own_realm: row.own_realm,
        };
        Ok(found.then_some(credentials))
    });
    read.transpose().map(Option::flatten)
}
