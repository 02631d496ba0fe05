//! Adding, changing and listing customers.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    customers::CustomerId,
    language::Language,
    money::{Currency, Percent},
};
use jiff_diesel::Timestamp;

use crate::{
    db::{Conn, Error, RealmKind, Tx, sql},
    schema::customer,
};

/// A customer to be added.
#[derive(Debug, Clone)]
pub struct NewCustomer {
    /// What the field `login` is compared with.
    pub login: String,
    /// Of prices, wallets and invoices; it never changes.
    pub currency: Currency,
    /// Of messages and invoices.
    pub language: Language,
    /// VAT rate of its new invoices; `None`: the rules of VAT decide.
    pub vat: Option<Percent>,
    /// Whether the gateway is open to it.
    pub api: bool,
    /// argon2id, as a PHC string.
    pub password_hash: Option<String>,
    /// Of the demo data.
    pub demo: bool,
}

/// What of a customer is to change; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct CustomerChange {
    /// Language.
    pub language: Option<Language>,
    /// VAT rate of its new invoices; `Some(None)`: the rules of VAT decide.
    pub vat: Option<Option<Percent>>,
    /// Whether the gateway is open to it.
    pub api: Option<bool>,
    /// Closed by staff.
    pub disabled: Option<bool>,
    /// argon2id, as a PHC string.
    pub password_hash: Option<String>,
    /// So many reinstallations and removals an hour run by themselves; `Some(None)`: as the configuration says.
    pub destructive_per_hour: Option<Option<i32>>,
}

/// A customer, as staff see it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = customer)]
pub struct CustomerRow {
    /// Its number.
    pub id: i64,
    /// Its login.
    pub login: String,
    /// ISO 4217.
    pub currency: String,
    /// ISO 639-1.
    pub language: String,
    /// In hundredths of a percent.
    pub vat_points: i32,
    /// Whether staff set that rate; else the rules of VAT decide.
    pub vat_fixed: bool,
    /// Whether the gateway is open to it.
    pub api_enabled: bool,
    /// Closed by staff.
    pub disabled: bool,
    /// Of the demo data.
    pub demo: bool,
    /// So many reinstallations and removals an hour run by themselves; none: as the configuration says.
    pub destructive_per_hour: Option<i32>,
    /// When it was added.
    #[diesel(deserialize_as = Timestamp)]
    pub created_at: jiff::Timestamp,
}

impl CustomerRow {
    /// Its id.
    #[must_use]
    pub const fn customer(&self) -> CustomerId {
        CustomerId(self.id)
    }
}

/// A rate as its column has it.
fn points(vat: Option<Percent>) -> Result<i32, Error> {
    i32::try_from(vat.unwrap_or_default().in_basis_points()).map_err(Error::corrupt)
}

/// Adds a customer, with empty wallets where there are any: in the test realm nobody has wallets (CONTRACT 1.6), and
/// its role can make none.
///
/// # Errors
/// [`Error::Refused`] when the login is taken or can't be one.
pub async fn add(tx: &mut Tx, new: &NewCustomer) -> Result<CustomerId, Error> {
    let inserted = diesel::insert_into(customer::table)
        .values((
            customer::login.eq(&new.login),
            customer::currency.eq(new.currency.code()),
            customer::language.eq(new.language.code()),
            customer::vat_points.eq(points(new.vat)?),
            customer::vat_fixed.eq(new.vat.is_some()),
            customer::api_enabled.eq(new.api),
            customer::password_hash.eq(&new.password_hash),
            customer::demo.eq(new.demo),
        ))
        .returning(customer::id)
        .get_result(tx.conn())
        .await
        .map_err(Error::from);
    let id: i64 = inserted.map_err(|error| match error.constraint() {
        Some("customer_login_key") => Error::Refused(format!("the login {} is taken", new.login)),
        Some("customer_login_check") => {
            Error::Refused(format!("{:?} can't be a login: 1 to 64 characters without white space", new.login))
        }
        _ => error,
    })?;
    if tx.realm() == RealmKind::Test {
        return Ok(CustomerId(id));
    }
    for kind in ["credit", "bonus"] {
        sql("select open_account($1, $2, $3)")
            .bind::<sql_types::BigInt, _>(id)
            .bind::<sql_types::Text, _>(kind)
            .bind::<sql_types::Text, _>(new.currency.code())
            .execute(tx.conn())
            .await?;
    }
    Ok(CustomerId(id))
}

/// The customer of that login.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn by_login(connection: &mut Conn, login: &str) -> Result<CustomerRow, Error> {
    // No login has one, and PostgreSQL can't be asked for it.
    if login.contains('\0') {
        return Err(Error::NotFound("there is no customer of that login".into()));
    }
    customer::table
        .filter(customer::login.eq(login))
        .select(CustomerRow::as_select())
        .get_result(connection)
        .await
        .optional()?
        .ok_or_else(|| Error::NotFound(format!("there is no customer {login}")))
}

/// As [`by_login`], in a transaction.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(tx: &mut Tx, login: &str) -> Result<CustomerRow, Error> {
    by_login(tx.conn(), login).await
}

/// The customer of that id.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub async fn by_id(connection: &mut Conn, id: CustomerId) -> Result<CustomerRow, Error> {
    let query = customer::table.find(id.0).select(CustomerRow::as_select());
    let found = query.get_result(connection).await.optional()?;
    found.ok_or_else(|| Error::NotFound(format!("there is no customer {}", id.0)))
}

/// All customers, by login.
///
/// # Errors
/// [`Error`] from the database.
pub async fn list(connection: &mut Conn) -> Result<Vec<CustomerRow>, Error> {
    Ok(customer::table.order(customer::login).select(CustomerRow::as_select()).load(connection).await?)
}

/// Whether there is a customer of the demo data.
///
/// # Errors
/// [`Error`] from the database.
pub async fn demo_exists(connection: &mut Conn) -> Result<bool, Error> {
    let found = diesel::select(diesel::dsl::exists(customer::table.filter(customer::demo)));
    Ok(found.get_result(connection).await?)
}

/// Changes a customer. Anything that opens or closes the gateway counts the credential version up, so that nothing
/// verified before still counts, on any process.
///
/// # Errors
/// [`Error::NotFound`] when there is none of that login.
pub async fn set(tx: &mut Tx, login: &str, change: &CustomerChange) -> Result<(), Error> {
    let row = by_login(tx.conn(), login).await?;
    let (vat_points, vat_fixed) = match change.vat {
        Some(vat) => (points(vat)?, vat.is_some()),
        None => (row.vat_points, row.vat_fixed),
    };
    diesel::update(customer::table.find(row.id))
        .set((
            customer::language.eq(change.language.map_or(row.language, |l| l.code().to_owned())),
            customer::vat_points.eq(vat_points),
            customer::vat_fixed.eq(vat_fixed),
            customer::api_enabled.eq(change.api.unwrap_or(row.api_enabled)),
            customer::disabled.eq(change.disabled.unwrap_or(row.disabled)),
            customer::credential_version.eq(customer::credential_version + 1),
        ))
        .execute(tx.conn())
        .await?;
    if let Some(budget) = change.destructive_per_hour {
        diesel::update(customer::table.find(row.id))
            .set(customer::destructive_per_hour.eq(budget))
            .execute(tx.conn())
            .await?;
    }
    if let Some(hash) = &change.password_hash {
        diesel::update(customer::table.find(row.id)).set(customer::password_hash.eq(hash)).execute(tx.conn()).await?;
    }
    Ok(())
}
