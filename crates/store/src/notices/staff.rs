//! Notices to staff of what no customer has to know.

use diesel::sql_types;
use diesel_async::RunQueryDsl;
use domain::{customers::CustomerId, notices::News};
use jiff_diesel::ToDiesel;
use serde_json::Value;

use crate::db::{Error, Tx, sql};

/// Writes an event's notice to staff, once for each `key`. It was a `customer`'s order that brought it up.
pub(crate) async fn tell_staff(tx: &mut Tx, key: &str, customer: CustomerId, news: &News) -> Result<(), Error> {
    let mut told = serde_json::to_value(news).map_err(Error::corrupt)?;
    let facts = told.get_mut("facts").map_or(Value::Null, Value::take);
    let now = tx.now();
    sql("select tell_staff($1, $2, $3, $4, $5)")
        .bind::<sql_types::Text, _>(news.event())
        .bind::<sql_types::Text, _>(key)
        .bind::<sql_types::BigInt, _>(customer.0)
        .bind::<sql_types::Jsonb, _>(facts)
        .bind::<sql_types::Timestamptz, _>(now.to_diesel())
        .execute(tx.conn())
        .await?;
    Ok(())
}
