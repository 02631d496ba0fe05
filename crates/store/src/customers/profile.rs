//! Who a customer is on paper.

use diesel::{
    AsChangeset, ExpressionMethods, Insertable, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use domain::customers::CustomerId;

use crate::{
    db::{Conn, Error, Tx},
    schema::profile,
};

/// Who a customer is on paper; what is not known is `None`. As a change, `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = profile)]
pub struct Profile {
    /// Name of the company.
    pub company: Option<String>,
    /// Name of the person.
    pub name: Option<String>,
    /// What the person is there.
    pub occupation: Option<String>,
    /// Code of the company or person.
    pub code: Option<String>,
    /// VAT code.
    pub vat_code: Option<String>,
    /// Street and house.
    pub address: Option<String>,
    /// City.
    pub city: Option<String>,
    /// State or region.
    pub state: Option<String>,
    /// Postal code.
    pub zip: Option<String>,
    /// ISO 3166-1, two letters.
    pub country: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
    /// Mobile telephone.
    pub mobile: Option<String>,
    /// Fax.
    pub fax: Option<String>,
    /// Where notices go.
    pub email: Option<String>,
    /// Account at the bank.
    pub bank_account: Option<String>,
    /// Name of the bank.
    pub bank: Option<String>,
    /// Code of the bank.
    pub bank_code: Option<String>,
}

/// A customer's profile; an empty one when nothing is known.
///
/// # Errors
/// [`Error`] from the database.
pub async fn profile(connection: &mut Conn, of: CustomerId) -> Result<Profile, Error> {
    let found = profile::table.find(of.0).select(Profile::as_select()).get_result(connection).await.optional()?;
    Ok(found.unwrap_or_default())
}

/// Sets what of a profile is given; the rest stays.
///
/// # Errors
/// [`Error::Refused`] for a country that is not two letters.
pub async fn set_profile(tx: &mut Tx, of: CustomerId, change: &Profile) -> Result<(), Error> {
    if *change == Profile::default() {
        return Ok(());
    }
    let set = diesel::insert_into(profile::table)
        .values((profile::customer_id.eq(of.0), change.clone()))
        .on_conflict(profile::customer_id)
        .do_update()
        .set(change.clone())
        .execute(tx.conn())
        .await
        .map_err(Error::from);
    match set {
        Err(error) if error.constraint() == Some("profile_country_check") => {
            Err(Error::Refused("the country is two capital letters (ISO 3166-1), such as LT".into()))
        }
        other => other.map(|_| ()),
    }
}
