//! What the VAT of a customer's invoices depends on, as it stands in its row and its profile's.

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    customers::CustomerId,
    money::Percent,
    vat::{VatAddress, VatStanding},
};

use crate::db::{Conn, Error, sql};

/// The columns, of `customer c` and `profile p`.
#[derive(Debug, Clone, QueryableByName)]
pub struct VatColumns {
    #[diesel(sql_type = sql_types::Integer)]
    vat_points: i32,
    #[diesel(sql_type = sql_types::Bool)]
    vat_fixed: bool,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    country: Option<String>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    zip: Option<String>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    vat_code: Option<String>,
}

impl VatColumns {
    /// As decisions take them.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn standing(&self) -> Result<VatStanding, Error> {
        let rate = Percent::basis_points(self.vat_points.into()).map_err(Error::corrupt)?;
        let fixed = self.vat_fixed.then_some(rate);
        let profile = VatAddress {
            country: self.country.as_deref(),
            postal_code: self.zip.as_deref(),
            vat_code: self.vat_code.as_deref(),
        };
        Ok(VatStanding::of(fixed, profile))
    }
}

/// What the VAT of a customer's invoices depends on.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn vat_standing(connection: &mut Conn, of: CustomerId) -> Result<VatStanding, Error> {
    let query = "select c.vat_points, c.vat_fixed, p.country, p.zip, p.vat_code \
         from customer c left join profile p on p.customer_id = c.id where c.id = $1";
    let found: Option<VatColumns> =
        sql(query).bind::<sql_types::BigInt, _>(of.0).get_result(connection).await.optional()?;
    found.ok_or_else(|| Error::NotFound(format!("there is no customer {}", of.0)))?.standing()
}
