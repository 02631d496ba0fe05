//! Notices of what no change brings about: orders that end soon, and balances that won't do.

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    billing::NewInvoice,
    calendar::Months,
    customers::CustomerId,
    dunning::renewal_period,
    money::Money,
    notices::{BalanceLow, News, Shortfall, Upcoming, forecast},
    orders::{BillingMode, Order, OrderId, proforma},
};
use jiff::{ToSpan, civil::Date};
use jiff_diesel::ToDiesel;
use serde_json::Value;

use crate::{
    customers::VatColumns,
    db::{Error, Tx, sql},
    ledger,
    orders::{Buyer, load},
};

/// So many orders or customers are looked at in one transaction.
pub const PAGE: usize = 200;
/// The same, as SQL takes it.
const PAGE_ROWS: i64 = 200;

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

#[derive(QueryableByName)]
struct Renewing {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
    #[diesel(sql_type = sql_types::Text)]
    currency: String,
    #[diesel(embed)]
    vat: VatColumns,
    #[diesel(sql_type = sql_types::Array<sql_types::BigInt>)]
    orders: Vec<i64>,
    #[diesel(sql_type = sql_types::Array<sql_types::Nullable<sql_types::SmallInt>>)]
    months: Vec<Option<i16>>,
}

/// Customers with orders that renew by themselves in the days that are looked ahead. $1 first and $2 last paid-until day,
/// $3 after.
const RENEWING: &str = "\
    select c.id, c.currency, c.vat_points, c.vat_fixed, p.country, p.vat_code, array_agg(o.id order by o.id) as orders, \
      array_agg((select i.months from invoice i where i.order_id = o.id and i.status = 'paid' \
        and i.purpose <> 'change' order by i.id desc limit 1) order by o.id) as months \
    from customer c join orders o on o.customer_id = c.id left join profile p on p.customer_id = c.id \
    where c.id > $3 and o.auto_renew and o.state in ('provisioning', 'active', 'suspended') \
      and o.paid_until between $1 and $2 \
    group by c.id, p.customer_id order by c.id limit $4";

/// Tells customers after `after` whose balance won't do for the renewals in as many days as the farthest reminder. Returns
/// as [`remind`] does. Each order's next renewal counts, at the prices of today.
///
/// # Errors
/// [`Error`] from the database.
pub async fn remind_balances(
    tx: &mut Tx,
    day: Date,
    after: Option<CustomerId>,
) -> Result<(usize, Option<CustomerId>), Error> {
    tx.set_day(day)?;
    let policy = tx.rules().policy;
    let Some(farthest) = policy.remind_days.farthest() else { return Ok((0, None)) };
    if tx.realm().billing() == BillingMode::Waived {
        return Ok((0, None));
    }
    let first = day.checked_add(i64::from(policy.renew_days_before).days()).map_err(Error::corrupt)?;
    let last = first.checked_add(i64::from(farthest).days()).map_err(Error::corrupt)?;
    let customers: Vec<Renewing> = sql(RENEWING)
        .bind::<sql_types::Date, _>(first.to_diesel())
        .bind::<sql_types::Date, _>(last.to_diesel())
        .bind::<sql_types::BigInt, _>(after.map_or(0, |id| id.0))
        .bind::<sql_types::BigInt, _>(PAGE_ROWS)
        .load(tx.conn())
        .await?;
    let mut new = 0;
    for customer in &customers {
        match of_customer(tx, day, customer).await {
            Ok(told) => new += told,
            // It keeps no other.
            Err(Error::Corrupt(why)) => tracing::warn!(customer = customer.id, why, "a balance can't be forecast"),
            Err(error) => return Err(error),
        }
    }
    let more = customers.last().filter(|_| customers.len() == PAGE);
    Ok((new, more.map(|customer| CustomerId(customer.id))))
}

async fn of_customer(tx: &mut Tx, day: Date, of: &Renewing) -> Result<usize, Error> {
    let buyer = Buyer {
        customer: CustomerId(of.id),
        currency: of.currency.parse().map_err(Error::corrupt)?,
        vat: of.vat.standing()?,
    };
    let mut coming = Vec::with_capacity(of.orders.len());
    for (id, months) in of.orders.iter().zip(&of.months) {
        if let Some(order) = load(tx.conn(), buyer.customer, OrderId(*id)).await? {
            coming.extend(upcoming(tx, &buyer, &order, *months)?);
        }
    }
    let realm = tx.realm();
    let wallets = ledger::balance(tx.conn(), realm, buyer.customer, buyer.currency).await?;
    let balance = wallets.credit.plus(wallets.bonus).map_err(Error::corrupt)?;
    let Some(short) = forecast(balance, &coming).map_err(Error::corrupt)? else { return Ok(0) };
    tell(tx, day, &buyer, balance, short).await
}

/// When an order is renewed next, and for how much; `None` of one that can't be, or that a proforma stands for.
fn upcoming(tx: &Tx, buyer: &Buyer, order: &Order, months: Option<i16>) -> Result<Option<Upcoming>, Error> {
    let catalogue = tx.catalogue();
    let last = months.and_then(|months| u16::try_from(months).ok()).and_then(Months::new);
    let months = catalogue.tariff(order.tariff).and_then(|tariff| renewal_period(tariff, last));
    let (Some(months), Some(until)) = (months, order.paid_until) else { return Ok(None) };
    let terms = buyer.terms(tx.rules(), tx.today());
    // What has no price now is the billing run's to tell of.
    let Ok(Some(NewInvoice { total, .. })) = proforma(order, months, &catalogue, &terms) else {
        return Ok(None);
    };
    let before = i64::from(tx.rules().policy.renew_days_before).days();
    let day = until.checked_sub(before).map_err(Error::corrupt)?;
    Ok(Some(Upcoming { day, order: order.id, cost: total }))
}

async fn tell(tx: &mut Tx, day: Date, buyer: &Buyer, balance: Money, short: Shortfall) -> Result<usize, Error> {
    let left = domain::calendar::days_between(day, short.day);
    let Some(due) = tx.rules().policy.remind_days.due(left) else { return Ok(0) };
    let key = format!("balance.low {} {} {due}", buyer.customer.0, short.day);
    let news = News::BalanceLow(BalanceLow {
        balance: balance.in_minor(),
        missing: short.missing.in_minor(),
        currency: buyer.currency.code().to_owned(),
        ends_on: short.day,
        orders: short.orders.into_iter().map(|order| order.0).collect(),
    });
    write(tx, &key, buyer.customer, &news, false).await
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
