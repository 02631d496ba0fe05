//! Notices of orders that end soon, which no change brings about.

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{customers::CustomerId, notices::News, orders::OrderId};
use jiff::civil::Date;
use jiff_diesel::ToDiesel;
use serde_json::Value;

use crate::db::{Error, Tx, sql};

/// So many orders or customers are looked at in one transaction.
pub(super) const PAGE: usize = 200;
/// The same, as SQL takes it.
pub(super) const PAGE_ROWS: i64 = 200;

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    told: i64,
}

/// Orders that run, whose end is as near as a reminder. Of one that renews by itself there is nothing to remind of before
/// the billing run had a try. $1 day, $2 reminders, $3 renewal's days, $4 after.
const EXPIRING: &str = "\
    with soon as ( \
      select o as whole, o.id, o.customer_id, o.paid_until, o.paid_until - $1 as days, \
        (select min(d) from unnest($2::int[]) d where d >= o.paid_until - $1) as due \
      from orders o where o.id > $4 and o.state in ('provisioning', 'active') and o.paid_until >= $1 \
        and o.paid_until <= $1 + (select max(d) from unnest($2::int[]) d) \
        and (not o.auto_renew or o.paid_until <= $1 + $3) \
      order by o.id limit $6) \
    select id, tell('order.expiring', format('order.expiring %s %s %s', id, paid_until, due), customer_id, \
      facts_of_order(whole) || jsonb_build_object('days_left', days), $5, false) as told from soon order by id";

/// Reminds of orders after `after` that end soon, on `day`. Returns how many notices are new, and the last order that was
/// looked at when there may be more.
///
/// # Errors
/// [`Error`] from the database.
pub async fn remind(tx: &mut Tx, day: Date, after: Option<OrderId>) -> Result<(usize, Option<OrderId>), Error> {
    tx.set_day(day)?;
    let policy = tx.rules().policy;
    if policy.remind_days.farthest().is_none() {
        return Ok((0, None));
    }
    let days: Vec<i32> = policy.remind_days.iter().map(i32::from).collect();
    let now = tx.now();
    let told: Vec<Told> = sql(EXPIRING)
        .bind::<sql_types::Date, _>(day.to_diesel())
        .bind::<sql_types::Array<sql_types::Integer>, _>(days)
        .bind::<sql_types::Integer, _>(i32::from(policy.renew_days_before))
        .bind::<sql_types::BigInt, _>(after.map_or(0, |id| id.0))
        .bind::<sql_types::Timestamptz, _>(now.to_diesel())
        .bind::<sql_types::BigInt, _>(PAGE_ROWS)
        .load(tx.conn())
        .await?;
    let new = told.iter().map(|row| row.told).sum::<i64>();
    let last = told.last().filter(|_| told.len() == PAGE).map(|row| OrderId(row.id));
    Ok((usize::try_from(new).map_err(Error::corrupt)?, last))
}

/// Writes an event's notices. Returns how many are new.
pub(super) async fn write(
    tx: &mut Tx,
    key: &str,
    customer: CustomerId,
    news: &News,
    staff: bool,
) -> Result<usize, Error> {
    let mut told = serde_json::to_value(news).map_err(Error::corrupt)?;
    let facts = told.get_mut("facts").map_or(Value::Null, Value::take);
    let now = tx.now();
    let told: Told = sql("select 0::bigint as id, tell($1, $2, $3, $4, $5, $6) as told")
        .bind::<sql_types::Text, _>(news.event())
        .bind::<sql_types::Text, _>(key)
        .bind::<sql_types::BigInt, _>(customer.0)
        .bind::<sql_types::Jsonb, _>(facts)
        .bind::<sql_types::Timestamptz, _>(now.to_diesel())
        .bind::<sql_types::Bool, _>(staff)
        .get_result(tx.conn())
        .await?;
    usize::try_from(told.told).map_err(Error::corrupt)
}
