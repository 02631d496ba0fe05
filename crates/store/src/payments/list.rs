//! Payments with a name of their own, as staff look for them.

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{billing::PaymentReference, customers::CustomerId, money::Money};

use crate::db::{Conn, Error, sql};

/// A payment, in or out.
#[derive(Debug, Clone, QueryableByName)]
pub struct PaymentRow {
    /// What the bank or the payment provider calls it.
    #[diesel(sql_type = sql_types::Text)]
    pub reference: String,
    /// Whose it is.
    #[diesel(sql_type = sql_types::Text)]
    pub login: String,
    /// `deposit` or `withdrawal`.
    #[diesel(sql_type = sql_types::Text)]
    pub kind: String,
    /// Minor units, more than nothing.
    #[diesel(sql_type = sql_types::BigInt)]
    pub amount: i64,
    /// ISO 4217.
    #[diesel(sql_type = sql_types::Text)]
    pub currency: String,
    /// The invoice that it is meant for, if any.
    #[diesel(sql_type = sql_types::Nullable<sql_types::BigInt>)]
    pub invoice: Option<i64>,
    /// When it was recorded.
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub at: jiff::Timestamp,
    /// Its journal; none where that was not kept yet and can't be told.
    #[diesel(sql_type = sql_types::Nullable<sql_types::BigInt>)]
    pub journal: Option<i64>,
    /// Why, as the statement says.
    #[diesel(sql_type = sql_types::Text)]
    pub note: String,
}

impl PaymentRow {
    /// How much.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a currency that isn't known.
    pub fn money(&self) -> Result<Money, Error> {
        Ok(Money::minor(self.amount, self.currency.parse().map_err(Error::corrupt)?))
    }
}

const QUERY: &str = "\
    select p.reference, c.login, p.kind, p.amount, p.currency, p.invoice_id as invoice, p.received_at as at, \
      j.id as journal, coalesce(j.note, '') as note \
    from payment p join customer c on c.id = p.customer_id \
      left join journal j on j.kind = p.kind and j.ref_type = 'movement' and j.ref_id = p.movement_id";

/// Payments, a customer's or everybody's, newest first.
///
/// # Errors
/// [`Error`] from the database.
pub async fn list(connection: &mut Conn, of: Option<CustomerId>, most: i64) -> Result<Vec<PaymentRow>, Error> {
    let query = format!(
        "{QUERY} where $1 is null or p.customer_id = $1 order by p.received_at desc, p.movement_id desc limit $2"
    );
    Ok(sql(query)
        .bind::<sql_types::Nullable<sql_types::BigInt>, _>(of.map(|of| of.0))
        .bind::<sql_types::BigInt, _>(most)
        .load(connection)
        .await?)
}

/// The payment of that reference.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn show(connection: &mut Conn, reference: &PaymentReference) -> Result<PaymentRow, Error> {
    let found = sql(format!("{QUERY} where p.reference = $1"))
        .bind::<sql_types::Text, _>(reference.as_str().to_owned())
        .get_result(connection)
        .await
        .optional()?;
    found.ok_or_else(|| Error::NotFound(format!("there is no payment {reference}")))
}
