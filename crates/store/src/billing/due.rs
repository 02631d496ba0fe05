//! Which orders a round has to attend to.

use std::collections::BTreeMap;

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    catalogue::Catalogue,
    dunning::{Due, Policy},
    money::Money,
    orders::{Order, OrderId, proforma},
};
use jiff::civil::Date;
use jiff_diesel::ToDiesel;

use super::standing::Facts;
use crate::{
    db::{Conn, Error, RealmKind, Tx, sql},
    orders::load_some,
};

/// So many orders are looked at in one query.
pub const PAGE: usize = 200;

/// Each tariff's days, as columns.
pub(super) struct Days {
    tariffs: Vec<i64>,
    grace: Vec<i32>,
    keep: Vec<i32>,
    /// The shortest of all, the company's own among them.
    least_grace: i32,
    least_keep: i32,
}

impl Days {
    /// The days of tariffs that have their own.
    pub(super) fn of(catalogue: &Catalogue, policy: &Policy) -> Self {
        let (least_grace, least_keep) = (policy.lapse.grace_days.into(), policy.lapse.keep_days.into());
        let mut days = Self { tariffs: Vec::new(), grace: Vec::new(), keep: Vec::new(), least_grace, least_keep };
        for tariff in catalogue.tariffs.iter().filter(|t| t.grace_days.is_some() || t.keep_days.is_some()) {
            let lapse = policy.lapse.of(Some(tariff));
            days.tariffs.push(tariff.id.0);
            days.grace.push(lapse.grace_days.into());
            days.keep.push(lapse.keep_days.into());
            days.least_grace = days.least_grace.min(lapse.grace_days.into());
            days.least_keep = days.least_keep.min(lapse.keep_days.into());
        }
        days
    }
}

/// Binds $1 to $8 of [`ENDING`].
macro_rules! ending {
    ($query:expr, $day:expr, $policy:expr, $days:expr) => {
        sql($query)
            .bind::<sql_types::Date, _>($day.to_diesel())
            .bind::<sql_types::Integer, _>(i32::from($policy.lapse.grace_days))
            .bind::<sql_types::Integer, _>(i32::from($policy.lapse.keep_days))
            .bind::<sql_types::Array<sql_types::BigInt>, _>($days.tariffs)
            .bind::<sql_types::Array<sql_types::Integer>, _>($days.grace)
            .bind::<sql_types::Array<sql_types::Integer>, _>($days.keep)
            .bind::<sql_types::Integer, _>($days.least_grace)
            .bind::<sql_types::Integer, _>($days.least_keep)
    };
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
}

/// What may go on by itself.
macro_rules! running {
    () => {
        "o.state in ('provisioning', 'active', 'suspended')"
    };
}

/// Orders whose grace is over, or that were kept long enough. $1 day, $2 grace, $3 keep, $4 to $6 tariffs' own, $7 and $8
/// the shortest of each, which is what indexes can be asked for.
const ENDING: &str = concat!(
    "select o.id from orders o left join unnest($4::bigint[], $5::int[], $6::int[]) as t (tariff_id, grace, keep) \
       on t.tariff_id = o.tariff_id \
     where ",
    running!(),
    " and o.lapsed_on is null and o.paid_until < $1 - $7 and o.paid_until < $1 - coalesce(t.grace, $2) \
     union all \
     select o.id from orders o left join unnest($4::bigint[], $5::int[], $6::int[]) as t (tariff_id, grace, keep) \
       on t.tariff_id = o.tariff_id \
     where ",
    running!(),
    " and o.paid_until is not null and o.lapsed_on <= $1 - $8 and o.lapsed_on <= $1 - coalesce(t.keep, $3)"
);

/// Each of the other reasons, too, has an index that finds it. $9 to $11 the policy's other days, $12 zone. An order of
/// this day's moment `unpaid_order_days` ago has been waiting for so many days.
const MAY_BE_DUE: &str = concat!(
    " union select o.id from orders o where o.auto_renew and ",
    running!(),
    " and o.paid_until <= $1 + $9 \
     union select o.id from orders o where not o.auto_renew and ",
    running!(),
    " and o.paid_until <= $1 + $10 \
       and not exists (select from invoice i where i.order_id = o.id and i.status = 'unpaid') \
     union select o.id from orders o where o.state = 'awaiting_payment' \
       and o.created_at < ($1 - $11 + 1)::timestamp at time zone $12 order by id"
);

/// Orders of which something may be due on `day`, by id. It is a coarse question, to indexes: [`due_orders`] says of which
/// something is.
///
/// # Errors
/// [`Error`] from the database.
pub async fn candidates(tx: &mut Tx, day: Date) -> Result<Vec<OrderId>, Error> {
    let (policy, days) = (tx.rules().policy, Days::of(&tx.catalogue(), &tx.rules().policy));
    let zone = tx.rules().zone.iana_name().unwrap_or("UTC").to_owned();
    let rows: Vec<Row> = ending!(format!("{ENDING}{MAY_BE_DUE}"), day, policy, days)
        .bind::<sql_types::Integer, _>(i32::from(policy.renew_days_before))
        .bind::<sql_types::Integer, _>(i32::from(policy.proforma_days_before))
        .bind::<sql_types::Integer, _>(i32::from(policy.unpaid_order_days))
        .bind::<sql_types::Text, _>(zone)
        .load(tx.conn())
        .await?;
    Ok(rows.into_iter().map(|row| OrderId(row.id)).collect())
}

/// Of these orders, those of which something is due on `day` and can be done, each customer's by id. Nobody's row is held
/// for that: what is due is decided once more by [`super::attend`], and what comes up meanwhile by the next run. An order
/// that waits for money which isn't there costs its share of this question, however often it is asked, and no
/// transaction.
///
/// # Errors
/// [`Error`] from the database.
pub async fn due_orders(tx: &mut Tx, day: Date, candidates: &[OrderId]) -> Result<Vec<Vec<OrderId>>, Error> {
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    tx.set_day(day)?;
    let ids: Vec<i64> = candidates.iter().map(|id| id.0).collect();
    let mut facts = Facts::load_some(tx.conn(), &ids).await?;
    let (mut of_customers, mut others) = (BTreeMap::new(), Vec::new());
    for (id, order) in load_some(tx.conn(), &ids).await? {
        match (order, facts.remove(&id)) {
            (Ok(order), Some(facts)) => {
                if comes_to_something(tx, &order, &facts, day) {
                    of_customers.entry(order.customer).or_insert_with(Vec::new).push(id);
                }
            }
            // What can't be read is attended to, and counted among what failed.
            (Err(_), _) | (_, None) => others.push(vec![id]),
        }
    }
    Ok(of_customers.into_values().chain(others).collect())
}

/// Whether attending to an order would change anything.
fn comes_to_something(tx: &Tx, order: &Order, facts: &Facts, day: Date) -> bool {
    let Due { pay_owed, renew, raise, end } = facts.due(tx, order, day);
    let Ok(buyer) = facts.buyer(order.customer) else { return true };
    let is_enough = |cost: Money| tx.realm() == RealmKind::Test || cost.in_minor() <= facts.balance(&buyer).in_minor();
    if end.is_some() || pay_owed && facts.owed_total(&buyer).is_none_or(is_enough) {
        return true;
    }
    let Some(months) = renew.or(raise) else { return false };
    match proforma(order, months, &tx.catalogue(), &buyer.terms(tx.rules(), tx.today())) {
        Ok(Some(invoice)) => raise.is_some() || is_enough(invoice.total),
        // What costs nothing is renewed, and needs no proforma.
        Ok(None) => renew.is_some(),
        // It is counted among what failed.
        Err(_) => true,
    }
}

/// How many orders are to be suspended or ended on `day`.
pub(super) async fn count_ending(
    connection: &mut Conn,
    catalogue: &Catalogue,
    policy: &Policy,
    day: Date,
) -> Result<u64, Error> {
    let days = Days::of(catalogue, policy);
    let query = format!("select count(*) as count from ({ENDING}) as ending");
    let found: Count = ending!(query, day, policy, days).get_result(connection).await?;
    u64::try_from(found.count).map_err(Error::corrupt)
}

/// How many orders are paid or were, and are not over.
pub(super) async fn count_running(connection: &mut Conn) -> Result<u64, Error> {
    const QUERY: &str =
        concat!("select count(*) as count from orders o where o.paid_until is not null and ", running!());
    let found: Count = sql(QUERY).get_result(connection).await?;
    u64::try_from(found.count).map_err(Error::corrupt)
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = sql_types::BigInt)]
    count: i64,
}
