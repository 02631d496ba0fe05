//! What services there are, and what they are.

use std::net::IpAddr;

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    customers::CustomerId,
    language::Language,
    money::Percent,
    orders::{Interval, Order, OrderId, OrderState, RunningInterval},
};
use ipnetwork::IpNetwork;
use jiff::civil::Date;
use jiff_diesel::ToDiesel;

use crate::{
    db::{Conn, Error, sql},
    orders::{load, load_all},
};

/// A service: an order, with what only this API shows.
#[derive(Debug, Clone)]
pub struct Service {
    /// The order.
    pub order: Order,
    /// When it was ordered.
    pub created_at: jiff::Timestamp,
    /// The paid interval that the day is in, if it is in one.
    pub running: Option<RunningInterval>,
    /// What its server is to call itself.
    pub hostname: Option<String>,
    /// The hypervisor that its server is on, once it was made.
    pub node: Option<String>,
    /// The addresses that its server holds.
    pub addresses: Vec<IpAddr>,
    /// Its login; empty until it is known.
    pub login: String,
    /// What staff have to say of it.
    pub remark: String,
}

#[derive(QueryableByName)]
struct Extra {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    created_at: jiff::Timestamp,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Date>)]
    paid_from: Option<jiff_diesel::Date>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Date>)]
    paid_until: Option<jiff_diesel::Date>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::SmallInt>)]
    months: Option<i16>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Integer>)]
    discount_points: Option<i32>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    hostname: Option<String>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    node: Option<String>,
    #[diesel(sql_type = sql_types::Array<sql_types::Inet>)]
    addresses: Vec<IpNetwork>,
    #[diesel(sql_type = sql_types::Text)]
    server_login: String,
    #[diesel(sql_type = sql_types::Text)]
    remark: String,
}

const EXTRA: &str = "\
    select o.id, o.created_at, lower(p.span) as paid_from, upper(p.span) as paid_until, i.months, \
      (select l.discount_points from invoice c join invoice_line l on l.invoice_id = c.id and l.item = 'tariff' \
        where c.order_id = o.id and c.status = 'paid' \
          and (c.id = i.id or (l.working->'part'->>'until')::date = upper(p.span)) \
        order by c.id desc limit 1) as discount_points, \
      coalesce(s.hostname, o.domain_ascii, 's' || o.id) as hostname, s.node, \
      array(select a.ip from address a where a.order_id = o.id and a.released_at is null order by a.ip) as addresses, \
      o.server_login, o.remark \
    from orders o left join service_period p on p.order_id = o.id and p.span @> $2 \
      left join invoice i on i.id = p.invoice_id left join server s on s.order_id = o.id \
    where o.id = any($1)";

async fn extras(connection: &mut Conn, ids: &[i64], today: Date) -> Result<Vec<Extra>, Error> {
    Ok(sql(EXTRA)
        .bind::<sql_types::Array<sql_types::BigInt>, _>(ids)
        .bind::<sql_types::Date, _>(today.to_diesel())
        .load(connection)
        .await?)
}

fn service_of(order: Order, extra: Extra) -> Result<Service, Error> {
    let running = match (extra.paid_from, extra.paid_until, extra.months) {
        (Some(from), Some(until), Some(months)) => Some(RunningInterval {
            days: Interval { from: from.to_jiff(), until: until.to_jiff() },
            months: u16::try_from(months).map_err(Error::corrupt)?,
            discount: Percent::basis_points(extra.discount_points.unwrap_or(0).into()).map_err(Error::corrupt)?,
        }),
        _ => None,
    };
    Ok(Service {
        order,
        created_at: extra.created_at,
        running,
        hostname: extra.hostname,
        node: extra.node,
        addresses: extra.addresses.iter().map(IpNetwork::ip).collect(),
        login: extra.server_login,
        remark: extra.remark,
    })
}

/// A customer's service; another customer's is not there, nor is a terminated one.
///
/// # Errors
/// [`Error`] from the database.
pub async fn service(
    connection: &mut Conn,
    customer: CustomerId,
    id: OrderId,
    today: Date,
) -> Result<Option<Service>, Error> {
    let Some(order) = load(connection, customer, id).await? else { return Ok(None) };
    let extra = extras(connection, &[id.0], today).await?.pop();
    extra.map(|extra| service_of(order, extra)).transpose()
}

/// A customer's active services: those that run and those that are suspended, by id.
///
/// # Errors
/// [`Error`] from the database.
pub async fn services(connection: &mut Conn, customer: CustomerId, today: Date) -> Result<Vec<Service>, Error> {
    let orders = load_all(connection, customer, &[OrderState::Active, OrderState::Suspended]).await?;
    let ids: Vec<i64> = orders.iter().map(|order| order.id.0).collect();
    let mut extras: Vec<Extra> = extras(connection, &ids, today).await?;
    extras.sort_by_key(|extra| extra.id);
    orders.into_iter().zip(extras).map(|(order, extra)| service_of(order, extra)).collect()
}

/// What a server's graphs are headed by.
#[derive(Debug, Clone)]
pub struct ServerTitle {
    /// What the server calls itself, or its number.
    pub name: String,
    /// Its customer's language.
    pub language: Language,
    /// The moment of the query by the database's own clock, which usage is measured by.
    pub now: jiff::Timestamp,
    /// The moment of the query by the realm's clock, which links expire by.
    pub moment: jiff::Timestamp,
}

/// What a server's graphs are headed by; `None` when there is no such order.
///
/// # Errors
/// [`Error`] from the database.
pub async fn title(connection: &mut Conn, id: OrderId) -> Result<Option<ServerTitle>, Error> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = sql_types::Text)]
        name: String,
        #[diesel(sql_type = sql_types::Text)]
        language: String,
        #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
        now: jiff::Timestamp,
        #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
        moment: jiff::Timestamp,
    }
    let row: Option<Row> = sql(
        "select coalesce(s.hostname, o.domain_unicode, 's' || o.id) as name, c.language, now() as now, realm_now() as moment \
         from orders o join customer c on c.id = o.customer_id left join server s on s.order_id = o.id where o.id = $1",
    )
    .bind::<sql_types::BigInt, _>(id.0)
    .get_result(connection)
    .await
    .optional()?;
    row.map(|row| {
        let language = row.language.parse().map_err(Error::corrupt)?;
        Ok(ServerTitle { name: row.name, language, now: row.now, moment: row.moment })
    })
    .transpose()
}
