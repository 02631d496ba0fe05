//! Exchange rates by day: set by staff or by what fetches them from a bank, never changed.

use std::collections::BTreeMap;

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::money::{Currency, Rate};
use jiff::civil::Date;
use jiff_diesel::ToDiesel;

use super::{apply::owner, in_force};
use crate::db::{Conn, ConnectSettings, Error, sql};

/// A rate to be set.
#[derive(Debug, Clone, Copy)]
pub struct NewRate<'a> {
    /// What one unit is worth of: the catalogue's currency.
    pub base: Currency,
    /// What its worth is in.
    pub currency: Currency,
    /// The first day that it holds on.
    pub day: Date,
    /// The rate.
    pub rate: Rate,
    /// Where it is from.
    pub note: &'a str,
}

/// A rate, as it was set.
#[derive(Debug, Clone, QueryableByName)]
pub struct RateRow {
    /// ISO 4217.
    #[diesel(sql_type = sql_types::Text)]
    pub base: String,
    /// ISO 4217.
    #[diesel(sql_type = sql_types::Text)]
    pub currency: String,
    /// The first day that it holds on.
    #[diesel(sql_type = sql_types::Date, deserialize_as = jiff_diesel::Date)]
    pub day: Date,
    /// Billionths of a unit of the currency for one of the base.
    #[diesel(sql_type = sql_types::BigInt)]
    pub billionths: i64,
    /// Where it is from.
    #[diesel(sql_type = sql_types::Text)]
    pub note: String,
    /// When it was set.
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub set_at: jiff::Timestamp,
}

/// Sets the rate of a day, in place of one that the day has already. What is issued stays as it is.
///
/// # Errors
/// [`Error::Refused`] when the catalogue's prices are in another currency than the rate's base.
pub async fn set_rate(settings: &ConnectSettings, new: &NewRate<'_>) -> Result<(), Error> {
    let base = in_force(settings).await?.base;
    if new.base != base || new.currency == base {
        return Err(Error::Refused(format!("prices are in {base}: rates are from it to another currency")));
    }
    let mut connection = owner(settings).await?;
    sql("insert into exchange_rate (base, currency, day, billionths, note) values ($1, $2, $3, $4, $5)")
        .bind::<sql_types::Text, _>(new.base.code())
        .bind::<sql_types::Text, _>(new.currency.code())
        .bind::<sql_types::Date, _>(new.day.to_diesel())
        .bind::<sql_types::BigInt, _>(new.rate.in_billionths())
        .bind::<sql_types::Text, _>(new.note)
        .execute(&mut connection)
        .await?;
    Ok(())
}

/// Rates as they were set, newest days first: of one currency, or all.
///
/// # Errors
/// [`Error`] from the database.
pub async fn rates(settings: &ConnectSettings, currency: Option<Currency>, most: i64) -> Result<Vec<RateRow>, Error> {
    let mut connection = owner(settings).await?;
    let query = "select base, currency, day, billionths, note, set_at from exchange_rate \
         where $1 is null or currency = $1 order by day desc, id desc limit $2";
    Ok(sql(query)
        .bind::<sql_types::Nullable<sql_types::Text>, _>(currency.map(Currency::code))
        .bind::<sql_types::BigInt, _>(most)
        .load(&mut connection)
        .await?)
}

/// The rates from a currency, up to a row, by the day that they begin to hold.
pub(super) async fn daily(
    base: Currency,
    newest: i64,
    connection: &mut Conn,
) -> Result<BTreeMap<Currency, BTreeMap<Date, Rate>>, Error> {
    let query = "select distinct on (currency, day) base, currency, day, billionths, note, set_at from exchange_rate \
         where base = $1 and id <= $2 order by currency, day, id desc";
    let rows: Vec<RateRow> = sql(query)
        .bind::<sql_types::Text, _>(base.code())
        .bind::<sql_types::BigInt, _>(newest)
        .load(connection)
        .await?;
    let mut daily: BTreeMap<Currency, BTreeMap<Date, Rate>> = BTreeMap::new();
    for row in rows {
        let currency = row.currency.parse().map_err(Error::corrupt)?;
        let rate = Rate::billionths(row.billionths).map_err(Error::corrupt)?;
        daily.entry(currency).or_default().insert(row.day, rate);
    }
    Ok(daily)
}
