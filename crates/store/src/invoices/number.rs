//! Numbers on paper: given after payment by one job, so that no order queues on them and none is lost.

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;

use crate::db::{Error, Tx};

/// So many invoices get their numbers in one transaction.
const AT_A_TIME: i64 = 500;

#[derive(QueryableByName)]
struct Numbered {
    #[diesel(sql_type = sql_types::BigInt)]
    numbered: i64,
}

/// Gives paid invoices the next numbers of a series, in the order of their payment. The series' row is held, so that
/// numbers follow one another without a gap. Returns how many.
///
/// # Errors
/// [`Error`] from the database.
pub async fn number(tx: &mut Tx, series: &str) -> Result<usize, Error> {
    diesel::sql_query("insert into invoice_series (series) values ($1) on conflict do nothing")
        .bind::<sql_types::Text, _>(series)
        .execute(tx.conn())
        .await?;
    diesel::sql_query("select from invoice_series where series = $1 for update")
        .bind::<sql_types::Text, _>(series)
        .execute(tx.conn())
        .await?;
    let numbered: Numbered = diesel::sql_query(
        "with series as (select last from invoice_series where series = $1), \
         due as (select id, row_number() over (order by paid_at, id) as place from invoice \
           where status = 'paid' and number is null order by paid_at, id limit $2), \
         given as (update invoice i set series = $1, number = s.last + d.place from due d, series s \
           where i.id = d.id returning i.number), \
         moved as (update invoice_series set last = greatest(last, (select max(number) from given)) \
           where series = $1 and exists (select from given)) \
         select count(*) as numbered from given",
    )
    .bind::<sql_types::Text, _>(series)
    .bind::<sql_types::BigInt, _>(AT_A_TIME)
    .get_result(tx.conn())
    .await?;
    usize::try_from(numbered.numbered).map_err(Error::corrupt)
}
