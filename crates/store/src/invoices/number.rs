//! Numbers on paper: given after payment by one job, so that no order queues on them and none is lost.

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;

use crate::db::{Error, Tx, sql};

/// So many papers get their numbers in one transaction.
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
    let due = "select id, paid_at as at from invoice where status = 'paid' and number is null";
    give(tx, series, "invoice", due).await
}

/// Gives credit notes the next numbers of a series, in the order of their issue: those whose invoice has its own, since
/// they name it. Returns how many.
///
/// # Errors
/// [`Error`] from the database.
pub async fn number_credit_notes(tx: &mut Tx, series: &str) -> Result<usize, Error> {
    let due = "select c.id, c.created_at as at from credit_note c join invoice i on i.id = c.invoice_id \
         where c.number is null and i.number is not null";
    give(tx, series, "credit_note", due).await
}

async fn give(tx: &mut Tx, series: &str, table: &str, due: &str) -> Result<usize, Error> {
    sql("insert into invoice_series (series) values ($1) on conflict do nothing")
        .bind::<sql_types::Text, _>(series)
        .execute(tx.conn())
        .await?;
    sql("select from invoice_series where series = $1 for update")
        .bind::<sql_types::Text, _>(series)
        .execute(tx.conn())
        .await?;
    let numbered: Numbered = sql(format!(
        "with series as (select last from invoice_series where series = $1), \
         due as (select id, row_number() over (order by at, id) as place from ({due} order by at, id limit $2) d), \
         given as (update {table} t set series = $1, number = s.last + d.place from due d, series s \
           where t.id = d.id returning t.number), \
         moved as (update invoice_series set last = greatest(last, (select max(number) from given)) \
           where series = $1 and exists (select from given)) \
         select count(*) as numbered from given",
    ))
    .bind::<sql_types::Text, _>(series)
    .bind::<sql_types::BigInt, _>(AT_A_TIME)
    .get_result(tx.conn())
    .await?;
    usize::try_from(numbered.numbered).map_err(Error::corrupt)
}
