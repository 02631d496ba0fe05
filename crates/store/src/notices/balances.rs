//! Notices of balances that won't do for the renewals that are coming.

use std::collections::BTreeMap;

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    billing::NewInvoice,
    calendar::{Months, days_between},
    customers::CustomerId,
    dunning::renewal_period,
    money::Money,
    notices::{BalanceLow, Funds, News, Renewing, Shortfall, Upcoming, forecast},
    orders::{BillingMode, Order, OrderId, next_interval, proforma},
};
use jiff::{ToSpan, civil::Date};
use jiff_diesel::ToDiesel;

use super::remind::{PAGE, PAGE_ROWS, write};
use crate::{
    customers::VatColumns,
    db::{Conn, Error, Tx, sql},
    orders::{Buyer, load_some},
};

#[derive(QueryableByName)]
struct Payer {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
    #[diesel(sql_type = sql_types::Text)]
    currency: String,
    #[diesel(embed)]
    vat: VatColumns,
    #[diesel(sql_type = sql_types::BigInt)]
    credit: i64,
}

#[derive(QueryableByName)]
struct Bonus {
    #[diesel(sql_type = sql_types::BigInt)]
    customer_id: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    remaining: i64,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Date>, deserialize_as = jiff_diesel::NullableDate)]
    expires_on: Option<Date>,
}

/// What is left of these customers' bonuses. $1 customers.
const BONUSES: &str = "select customer_id, remaining, expires_on from bonus_grant where remaining > 0 and customer_id = any($1) order by id";

/// Customers with orders that renew by themselves in the days that are looked ahead. $1 first and $2 last paid-until day,
/// $3 after, $4 so many.
const PAYERS: &str = "\
    select c.id, c.currency, c.vat_points, c.vat_fixed, p.country, p.zip, p.vat_code, \
      (select coalesce(sum(a.balance), 0)::bigint from account a where a.customer_id = c.id and a.kind = 'credit') as credit \
    from customer c left join profile p on p.customer_id = c.id \
    where c.id in (select o.customer_id from orders o where o.customer_id > $3 and o.auto_renew \
      and o.state in ('provisioning', 'active', 'suspended') and o.paid_until between $1 and $2) \
    order by c.id limit $4";

#[derive(QueryableByName)]
struct Coming {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
    #[diesel(sql_type = sql_types::Nullable<sql_types::SmallInt>)]
    last_months: Option<i16>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::SmallInt>)]
    owed_months: Option<i16>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::BigInt>)]
    owed: Option<i64>,
}

/// These orders of theirs, each with the period that was paid last and what its customer asked for and could not pay yet.
/// $1 first and $2 last paid-until day, $3 customers.
const COMING: &str = "\
    select o.id, owed.months as owed_months, owed.total as owed, \
      (select i.months from invoice i where i.order_id = o.id and i.status = 'paid' and i.purpose <> 'change' \
        order by i.id desc limit 1) as last_months \
    from orders o left join invoice owed on owed.order_id = o.id and owed.status = 'unpaid' and not owed.ahead \
    where o.customer_id = any($3) and o.auto_renew and o.state in ('provisioning', 'active', 'suspended') \
      and o.paid_until between $1 and $2 order by o.id";

/// The days that are looked ahead from a day on: the paid-until days of what is renewed then.
struct Ahead {
    first: Date,
    last: Date,
    /// The last day on which anything is renewed.
    until: Date,
}

/// Tells customers after `after` whose balance won't do for the renewals in as many days as the farthest reminder, however
/// often an order is renewed in them, at the prices of today. Returns how many notices are new, and the last customer that
/// was looked at when there may be more.
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
    let plus = |from: Date, days: u16| from.checked_add(i64::from(days).days()).map_err(Error::corrupt);
    let (first, until) = (plus(day, policy.renew_days_before)?, plus(day, farthest)?);
    let ahead = Ahead { first, last: plus(first, farthest)?, until };
    let payers: Vec<Payer> = sql(PAYERS)
        .bind::<sql_types::Date, _>(ahead.first.to_diesel())
        .bind::<sql_types::Date, _>(ahead.last.to_diesel())
        .bind::<sql_types::BigInt, _>(after.map_or(0, |id| id.0))
        .bind::<sql_types::BigInt, _>(PAGE_ROWS)
        .load(tx.conn())
        .await?;
    if payers.is_empty() {
        return Ok((0, None));
    }
    let mut orders = coming(tx.conn(), &ahead, &payers).await?;
    let ids: Vec<i64> = payers.iter().map(|payer| payer.id).collect();
    let bonuses: Vec<Bonus> = sql(BONUSES).bind::<sql_types::Array<sql_types::BigInt>, _>(&ids).load(tx.conn()).await?;
    let mut new = 0;
    for payer in &payers {
        let orders = orders.remove(&CustomerId(payer.id)).unwrap_or_default();
        let bonuses: Vec<&Bonus> = bonuses.iter().filter(|bonus| bonus.customer_id == payer.id).collect();
        match of_payer(tx, day, &ahead, payer, &bonuses, &orders).await {
            Ok(told) => new += told,
            // It keeps no other.
            Err(Error::Corrupt(why)) => tracing::warn!(customer = payer.id, why, "a balance can't be forecast"),
            Err(error) => return Err(error),
        }
    }
    let more = payers.last().filter(|_| payers.len() == PAGE);
    Ok((new, more.map(|payer| CustomerId(payer.id))))
}

/// The orders of these customers that are renewed in the days that are looked ahead.
async fn coming(
    connection: &mut Conn,
    ahead: &Ahead,
    payers: &[Payer],
) -> Result<BTreeMap<CustomerId, Vec<(Order, Coming)>>, Error> {
    let rows: Vec<Coming> = sql(COMING)
        .bind::<sql_types::Date, _>(ahead.first.to_diesel())
        .bind::<sql_types::Date, _>(ahead.last.to_diesel())
        .bind::<sql_types::Array<sql_types::BigInt>, _>(payers.iter().map(|payer| payer.id).collect::<Vec<_>>())
        .load(connection)
        .await?;
    let mut orders = load_some(connection, &rows.iter().map(|row| row.id).collect::<Vec<_>>()).await?;
    let mut of: BTreeMap<CustomerId, Vec<(Order, Coming)>> = BTreeMap::new();
    for row in rows {
        match orders.remove(&OrderId(row.id)) {
            Some(Ok(order)) => of.entry(order.customer).or_default().push((order, row)),
            // It keeps no other.
            Some(Err(why)) => tracing::warn!(order = row.id, %why, "an order can't be part of its customer's forecast"),
            None => {}
        }
    }
    Ok(of)
}

async fn of_payer(
    tx: &mut Tx,
    day: Date,
    ahead: &Ahead,
    of: &Payer,
    bonuses: &[&Bonus],
    orders: &[(Order, Coming)],
) -> Result<usize, Error> {
    let buyer = Buyer {
        customer: CustomerId(of.id),
        currency: of.currency.parse().map_err(Error::corrupt)?,
        vat: of.vat.standing()?,
    };
    let mut upcoming = Vec::with_capacity(orders.len());
    for (order, row) in orders {
        renewals(tx, &buyer, order, row, ahead.until, &mut upcoming)?;
    }
    let money = |minor| Money::minor(minor, buyer.currency);
    let funds = Funds::new(money(of.credit), bonuses.iter().map(|bonus| (bonus.expires_on, money(bonus.remaining))));
    let Some(short) = forecast(&funds, &upcoming).map_err(Error::corrupt)? else { return Ok(0) };
    let balance = money(of.credit + bonuses.iter().map(|bonus| bonus.remaining).sum::<i64>());
    tell(tx, day, &buyer, balance, short).await
}

/// When an order is renewed up to a day, and for how much: first what its customer asked for and could not pay, if that
/// is so. Nothing of one that can't be, or that costs nothing.
fn renewals(
    tx: &Tx,
    buyer: &Buyer,
    order: &Order,
    row: &Coming,
    last: Date,
    upcoming: &mut Vec<Upcoming>,
) -> Result<(), Error> {
    let (before, catalogue) = (tx.rules().policy.renew_days_before, tx.catalogue());
    let months = |of: Option<i16>| of.and_then(|months| u16::try_from(months).ok()).and_then(Months::new);
    let Some(mut until) = order.paid_until else { return Ok(()) };
    let (owed, mut last_months) = (months(row.owed_months).zip(row.owed), months(row.last_months));
    if let Some((months, owed)) = owed {
        let day = until.checked_sub(i64::from(before).days()).map_err(Error::corrupt)?;
        upcoming.push(Upcoming { day, order: order.id, cost: Money::minor(owed, buyer.currency) });
        let Some(paid) = next_interval(until, months, order.anchor_day) else { return Ok(()) };
        (until, last_months) = (paid.until, Some(months));
    }
    let months = catalogue.tariff(order.tariff).and_then(|tariff| renewal_period(tariff, last_months));
    let Some(months) = months else { return Ok(()) };
    let terms = buyer.terms(tx.rules(), tx.today());
    // What has no price now is the billing run's to tell of.
    if let Ok(Some(NewInvoice { total: cost, .. })) = proforma(order, months, &catalogue, &terms) {
        let of = Renewing { order: order.id, until, anchor: order.anchor_day, months, cost };
        upcoming.extend(of.upcoming(before, last));
    }
    Ok(())
}

async fn tell(tx: &mut Tx, day: Date, buyer: &Buyer, balance: Money, short: Shortfall) -> Result<usize, Error> {
    let Some(due) = tx.rules().policy.remind_days.due(days_between(day, short.day)) else { return Ok(0) };
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
