//! Statements, as their owners take them away.

use ::statements::{Entry, Hash, Head, Seal, write};
use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::customers::CustomerId;
use jiff::civil::Date;
use jiff_diesel::ToDiesel;

use super::{
    keys::{public_keys, signing_key},
    seal::{COLUMNS, LedgerRow},
};
use crate::{
    customers::CustomerRow,
    db::{Error, Tx, sql},
};

/// Which days; both are in it, and none is a bound that isn't there.
#[derive(Debug, Clone, Copy, Default)]
pub struct Period {
    /// From this day on.
    pub from: Option<Date>,
    /// To this day.
    pub to: Option<Date>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(embed)]
    ledger: LedgerRow,
    #[diesel(sql_type = sql_types::Binary)]
    previous: Vec<u8>,
    #[diesel(sql_type = sql_types::Binary)]
    hash: Vec<u8>,
    #[diesel(sql_type = sql_types::Integer)]
    key_id: i32,
    #[diesel(sql_type = sql_types::Binary)]
    signature: Vec<u8>,
}

/// A customer's statement: what is sealed of the period, days being those of the company's time zone.
///
/// # Errors
/// [`Error`] from the database; [`Error::Corrupt`].
pub async fn export(tx: &mut Tx, of: &CustomerRow, period: Period) -> Result<String, Error> {
    let query = format!(
        "select {COLUMNS}, s.previous, s.hash, s.key_id, s.signature from account a \
           join sealed_entry s on s.account_id = a.id \
           join entry e on e.account_id = s.account_id and e.account_version = s.account_version \
           join journal j on j.id = e.journal_id \
         where a.customer_id = $1 and ($2 is null or (j.created_at at time zone $4)::date >= $2) \
           and ($3 is null or (j.created_at at time zone $4)::date <= $3) order by a.id, s.account_version"
    );
    let zone = tx.rules().zone.iana_name().unwrap_or("UTC").to_owned();
    let customer: CustomerId = of.customer();
    let rows: Vec<Row> = sql(query)
        .bind::<sql_types::BigInt, _>(customer.0)
        .bind::<sql_types::Nullable<sql_types::Date>, _>(period.from.to_diesel())
        .bind::<sql_types::Nullable<sql_types::Date>, _>(period.to.to_diesel())
        .bind::<sql_types::Text, _>(zone)
        .load(tx.conn())
        .await?;
    let entries = rows.into_iter().map(sealed).collect::<Result<Vec<_>, Error>>()?;
    let signer = signing_key(tx).await?;
    let keys = public_keys(tx.conn()).await?;
    let head = Head {
        customer: customer.0,
        login: of.login.clone(),
        currency: of.currency.clone(),
        company: tx.rules().seller.name.clone(),
        from: period.from,
        to: period.to,
        written: tx.now(),
    };
    write(&head, &entries, &keys, &signer).map_err(Error::corrupt)
}

fn sealed(row: Row) -> Result<(Entry, Seal), Error> {
    let entry = row.ledger.entry();
    let hash = |bytes: Vec<u8>| -> Result<Hash, Error> { bytes.try_into().map_err(|_| Error::corrupt("a seal")) };
    let seal = Seal { previous: hash(row.previous)?, hash: hash(row.hash)?, key: row.key_id, signature: row.signature };
    Ok((entry, seal))
}
