//! Which orders a round has to look at.

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{catalogue::Catalogue, dunning::Policy, orders::OrderId};
use jiff::civil::Date;
use jiff_diesel::ToDiesel;

use crate::db::{Conn, Error, Tx};

/// So many orders are asked for at a time.
pub const PAGE: usize = 200;

/// Each tariff's days, as columns.
pub(super) struct Days {
    tariffs: Vec<i64>,
    grace: Vec<i32>,
    keep: Vec<i32>,
}

impl Days {
    /// The days of tariffs that have their own.
    pub(super) fn of(catalogue: &Catalogue, policy: &Policy) -> Self {
        let mut days = Self { tariffs: Vec::new(), grace: Vec::new(), keep: Vec::new() };
        for tariff in catalogue.tariffs.iter().filter(|t| t.grace_days.is_some() || t.keep_days.is_some()) {
            let lapse = policy.lapse.of(Some(tariff));
            days.tariffs.push(tariff.id.0);
            days.grace.push(lapse.grace_days.into());
            days.keep.push(lapse.keep_days.into());
        }
        days
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
}

/// Orders whose grace is over, or that were kept long enough. $1 day, $2 grace, $3 keep, $4..$6 tariffs' own.
const ENDING: &str = "\
    (o.lapsed_on is null and o.paid_until + coalesce(t.grace, $2) < $1 or o.lapsed_on + coalesce(t.keep, $3) <= $1)";
/// What runs, with its tariff's own days.
const RUNNING: &str = "\
    from orders o left join unnest($4::bigint[], $5::int[], $6::int[]) as t (tariff_id, grace, keep) \
      on t.tariff_id = o.tariff_id \
    where o.paid_until is not null and o.state in ('provisioning', 'active', 'suspended')";

/// Orders after `after`, by id, of which something may be due on `day`: what it is is decided once the order is held.
///
/// # Errors
/// [`Error`] from the database.
pub async fn due_orders(tx: &mut Tx, day: Date, after: Option<OrderId>) -> Result<Vec<OrderId>, Error> {
    let (policy, days) = (tx.rules().policy, Days::of(&tx.catalogue(), &tx.rules().policy));
    let window = i32::from(policy.renew_days_before.max(policy.proforma_days_before));
    // An order of this day's moment `unpaid_order_days` ago has been waiting for so many days.
    let query = format!(
        "(select o.id {RUNNING} and o.id > $7 and o.paid_until <= $1 + $8 and ( \
            o.auto_renew and o.paid_until <= $1 + $9 \
            or not o.auto_renew and o.paid_until <= $1 + $10 \
              and not exists (select from invoice i where i.order_id = o.id and i.status = 'unpaid') \
            or {ENDING}) order by o.id limit {PAGE}) \
         union all \
         (select o.id from orders o where o.state = 'awaiting_payment' and o.id > $7 \
            and o.created_at < ($1 - $11 + 1)::timestamp at time zone $12 order by o.id limit {PAGE}) \
         order by id limit {PAGE}"
    );
    let zone = tx.rules().zone.iana_name().unwrap_or("UTC").to_owned();
    let rows: Vec<Row> = bound(&query, day, &policy, days)
        .bind::<sql_types::BigInt, _>(after.map_or(0, |id| id.0))
        .bind::<sql_types::Integer, _>(window)
        .bind::<sql_types::Integer, _>(i32::from(policy.renew_days_before))
        .bind::<sql_types::Integer, _>(i32::from(policy.proforma_days_before))
        .bind::<sql_types::Integer, _>(i32::from(policy.unpaid_order_days))
        .bind::<sql_types::Text, _>(zone)
        .load(tx.conn())
        .await?;
    Ok(rows.into_iter().map(|row| OrderId(row.id)).collect())
}

type Query = diesel::query_builder::BoxedSqlQuery<'static, diesel::pg::Pg, diesel::query_builder::SqlQuery>;

fn bound(query: &str, day: Date, policy: &Policy, days: Days) -> Query {
    diesel::sql_query(query)
        .into_boxed()
        .bind::<sql_types::Date, _>(day.to_diesel())
        .bind::<sql_types::Integer, _>(i32::from(policy.lapse.grace_days))
        .bind::<sql_types::Integer, _>(i32::from(policy.lapse.keep_days))
        .bind::<sql_types::Array<sql_types::BigInt>, _>(days.tariffs)
        .bind::<sql_types::Array<sql_types::Integer>, _>(days.grace)
        .bind::<sql_types::Array<sql_types::Integer>, _>(days.keep)
}

/// How many orders are to be suspended or ended on `day`, and how many run in all.
pub(super) async fn count_ending(
    connection: &mut Conn,
    catalogue: &Catalogue,
    policy: &Policy,
    day: Date,
) -> Result<(u64, u64), Error> {
    #[derive(QueryableByName)]
    struct Counts {
        #[diesel(sql_type = sql_types::BigInt)]
        ending: i64,
        #[diesel(sql_type = sql_types::BigInt)]
        running: i64,
    }
    let query = format!("select count(*) filter (where {ENDING}) as ending, count(*) as running {RUNNING}");
    let counts: Counts = bound(&query, day, policy, Days::of(catalogue, policy)).get_result(connection).await?;
    let count = |of: i64| u64::try_from(of).map_err(Error::corrupt);
    Ok((count(counts.ending)?, count(counts.running)?))
}
