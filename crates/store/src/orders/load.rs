//! Reading an order as decisions see it.

use std::collections::BTreeMap;

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    billing::Selection,
    calendar::Months,
    catalogue::{AddonId, TariffId},
    customers::{BillingTerms, CustomerId},
    domain_name::DomainName,
    money::{Currency, Money},
    orders::{Order, OrderId, OrderState},
    vat::VatStanding,
};
use jiff::civil::Date;

use super::Sizes;
use crate::{
    customers::{Credentials, by_id, vat_standing},
    db::{Conn, Error, Rules, Tx, sql},
};

/// Who buys: what prices and wallets depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buyer {
    /// The customer.
    pub customer: CustomerId,
    /// Its currency.
    pub currency: Currency,
    /// What the VAT of its new invoices depends on.
    pub vat: VatStanding,
}

impl Buyer {
    /// The terms of its prices on a day, under the company's rules.
    #[must_use]
    pub fn terms(&self, rules: &Rules, day: Date) -> BillingTerms {
        BillingTerms {
            currency: self.currency,
            vat: self.vat.vat(rules.vat.as_ref(), day),
            prices: rules.prices,
            day,
            rate_days: rules.policy.rate_days,
        }
    }
}

impl From<&Credentials> for Buyer {
    fn from(of: &Credentials) -> Self {
        Self { customer: of.customer, currency: of.currency, vat: of.vat }
    }
}

/// Who buys for a customer, as the gateway would find it.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn buyer(connection: &mut Conn, customer: CustomerId) -> Result<Buyer, Error> {
    let currency = by_id(connection, customer).await?.currency.parse().map_err(Error::corrupt)?;
    Ok(Buyer { customer, currency, vat: vat_standing(connection, customer).await? })
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    customer_id: i64,
    #[diesel(sql_type = sql_types::Text)]
    currency: String,
    #[diesel(sql_type = sql_types::BigInt)]
    tariff_id: i64,
    #[diesel(sql_type = sql_types::Text)]
    vid: String,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    domain_ascii: Option<String>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    domain_unicode: Option<String>,
    #[diesel(sql_type = sql_types::SmallInt)]
    months: i16,
    #[diesel(sql_type = sql_types::Text)]
    state: String,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    suspended_by: Option<String>,
    #[diesel(sql_type = sql_types::Bool)]
    by_hand: bool,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Date>)]
    start_day: Option<jiff_diesel::Date>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Date>)]
    paid_until: Option<jiff_diesel::Date>,
    #[diesel(sql_type = sql_types::SmallInt)]
    anchor_day: i16,
    #[diesel(sql_type = sql_types::Nullable<sql_types::BigInt>)]
    fixed_monthly: Option<i64>,
    #[diesel(sql_type = sql_types::Array<sql_types::BigInt>)]
    addon_ids: Vec<i64>,
    #[diesel(sql_type = sql_types::Array<sql_types::Integer>)]
    addon_quantities: Vec<i32>,
    #[diesel(sql_type = sql_types::Bool)]
    unpaid: bool,
    #[diesel(embed)]
    sizes: Sizes,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    image_id: Option<String>,
}

const QUERY: &str = "\
    select o.id, o.customer_id, c.currency, o.tariff_id, o.vid, o.domain_ascii, o.domain_unicode, o.months, o.state, \
      o.suspended_by, o.by_hand, o.start_day, o.paid_until, o.anchor_day, o.fixed_monthly, \
      array(select addon_id from order_addon a where a.order_id = o.id order by position) as addon_ids, \
      array(select quantity from order_addon a where a.order_id = o.id order by position) as addon_quantities, \
      exists(select from invoice i where i.order_id = o.id and i.status = 'unpaid' and not i.ahead) as unpaid, \
      s.cpu_ghz, s.ram_mb, s.disk_gb, s.bandwidth_mbps, s.image_id \
    from orders o join customer c on c.id = o.customer_id left join server s on s.order_id = o.id";

/// A customer's order that is not terminated; another customer's is not there.
///
/// # Errors
/// [`Error`] from the database.
pub async fn load(connection: &mut Conn, customer: CustomerId, id: OrderId) -> Result<Option<Order>, Error> {
    let order = query(connection, id).await?;
    Ok(order.filter(|order| order.customer == customer && order.state != OrderState::Terminated))
}

/// An order, terminated or not.
///
/// # Errors
/// [`Error`] from the database.
pub(super) async fn find(connection: &mut Conn, id: OrderId) -> Result<Option<Order>, Error> {
    query(connection, id).await
}

/// An order, held until the transaction ends; wallets are taken after it.
///
/// # Errors
/// [`Error`] from the database.
pub(crate) async fn lock(tx: &mut Tx, id: OrderId) -> Result<Option<Order>, Error> {
    hold(tx.conn(), id, "").await?;
    // Read with the lock held: what a statement that waits for it saw of other tables may be older than the lock.
    query(tx.conn(), id).await
}

/// As [`lock`]; `None` also when another transaction holds it.
pub(crate) async fn lock_if_free(tx: &mut Tx, id: OrderId) -> Result<Option<Order>, Error> {
    match hold(tx.conn(), id, " skip locked").await? {
        true => query(tx.conn(), id).await,
        false => Ok(None),
    }
}

/// Takes an order's row until the transaction ends. Whether it was had.
async fn hold(connection: &mut Conn, id: OrderId, or: &str) -> Result<bool, Error> {
    let query = sql(format!("select from orders where id = $1 for no key update{or}"));
    Ok(query.bind::<sql_types::BigInt, _>(id.0).execute(connection).await? > 0)
}

/// A customer's orders in certain states, by id.
///
/// # Errors
/// [`Error`] from the database.
pub(crate) async fn load_all(
    connection: &mut Conn,
    customer: CustomerId,
    states: &[OrderState],
) -> Result<Vec<Order>, Error> {
    let states: Vec<&str> = states.iter().map(|state| state.name()).collect();
    let query = format!("{QUERY} where o.customer_id = $1 and o.state = any($2) order by o.id");
    let rows: Vec<Row> = sql(query)
        .bind::<sql_types::BigInt, _>(customer.0)
        .bind::<sql_types::Array<sql_types::Text>, _>(states)
        .load(connection)
        .await?;
    rows.into_iter().map(order).collect()
}

/// These orders, in one query; one that can't be read keeps no other.
///
/// # Errors
/// [`Error`] from the database.
pub(crate) async fn load_some(
    connection: &mut Conn,
    ids: &[i64],
) -> Result<BTreeMap<OrderId, Result<Order, Error>>, Error> {
    let rows: Vec<Row> = sql(format!("{QUERY} where o.id = any($1)"))
        .bind::<sql_types::Array<sql_types::BigInt>, _>(ids)
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(|row| (OrderId(row.id), order(row))).collect())
}

async fn query(connection: &mut Conn, id: OrderId) -> Result<Option<Order>, Error> {
    let query = sql(format!("{QUERY} where o.id = $1")).bind::<sql_types::BigInt, _>(id.0);
    let row: Option<Row> = query.get_result(connection).await.optional()?;
    row.map(order).transpose()
}

fn order(row: Row) -> Result<Order, Error> {
    let server = row.sizes.server(row.image_id.as_deref())?;
    let currency: Currency = row.currency.parse().map_err(Error::corrupt)?;
    let months = u16::try_from(row.months).ok().and_then(Months::new);
    let quantity = |q: i32| u32::try_from(q).map_err(Error::corrupt);
    let addons = row.addon_ids.iter().zip(&row.addon_quantities);
    Ok(Order {
        id: OrderId(row.id),
        customer: CustomerId(row.customer_id),
        tariff: TariffId(row.tariff_id),
        vid: row.vid.parse().map_err(Error::corrupt)?,
        domain: row.domain_ascii.zip(row.domain_unicode).map(|(a, u)| DomainName::from_stored(a, u)),
        months: months.ok_or_else(|| Error::corrupt(format!("order {}: {} months", row.id, row.months)))?,
        addons: addons
            .map(|(id, q)| Ok(Selection { addon: AddonId(*id), quantity: quantity(*q)? }))
            .collect::<Result<_, Error>>()?,
        state: row.state.parse().map_err(Error::corrupt)?,
        suspended_by: row.suspended_by.map(|by| by.parse()).transpose().map_err(Error::corrupt)?,
        by_hand: row.by_hand,
        start: row.start_day.map(jiff_diesel::Date::to_jiff),
        paid_until: row.paid_until.map(jiff_diesel::Date::to_jiff),
        anchor_day: i8::try_from(row.anchor_day).map_err(Error::corrupt)?,
        server,
        fixed_monthly: row.fixed_monthly.map(|minor| Money::minor(minor, currency)),
        has_unpaid_invoice: row.unpaid,
    })
}
