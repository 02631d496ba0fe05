//! Listing orders, for their customers and for staff.

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
pub use domain::orders::OrderState;
use domain::{customers::CustomerId, orders::OrderId};
use jiff::civil::Date;

use crate::db::{Conn, Error, sql};

/// Which orders.
#[derive(Debug, Clone, Copy, Default)]
pub struct OrderFilter {
    /// Of this customer only.
    pub customer: Option<CustomerId>,
    /// This one only.
    pub id: Option<OrderId>,
    /// Those with something that waits for staff, or that they should look at, only.
    pub manual: bool,
    /// Terminated ones too.
    pub with_terminated: bool,
    /// Those after this one.
    pub after: Option<OrderId>,
    /// So many at the most.
    pub limit: Option<i64>,
}

/// An order in a list.
#[derive(Debug, Clone, QueryableByName)]
pub struct OrderRow {
    /// orderid.
    #[diesel(sql_type = sql_types::BigInt)]
    pub id: i64,
    /// Whose.
    #[diesel(sql_type = sql_types::Text)]
    pub login: String,
    /// The domain, as it is echoed.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    pub domain: Option<String>,
    /// 0, 1 or 3.
    #[diesel(sql_type = sql_types::SmallInt)]
    pub domain_reg: i16,
    /// The tariff's kind.
    #[diesel(sql_type = sql_types::Text)]
    pub vid: String,
    /// The tariff.
    #[diesel(sql_type = sql_types::BigInt)]
    pub tariff_id: i64,
    /// When it was ordered.
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub created_at: jiff::Timestamp,
    /// The day it was first paid.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Date>)]
    start_day: Option<jiff_diesel::Date>,
    /// The day it is paid until.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Date>)]
    paid_until: Option<jiff_diesel::Date>,
    /// Whether it is renewed from the balance.
    #[diesel(sql_type = sql_types::Bool)]
    pub auto_renew: bool,
    /// The day its grace was over.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Date>)]
    lapsed_on: Option<jiff_diesel::Date>,
    /// Its state's name.
    #[diesel(sql_type = sql_types::Text)]
    state: String,
    /// The service's login.
    #[diesel(sql_type = sql_types::Text)]
    pub server_login: String,
    /// What the customer is told of it.
    #[diesel(sql_type = sql_types::Text)]
    pub remark: String,
    /// Why staff should look at it.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    pub attention: Option<String>,
}

impl OrderRow {
    /// The day it was first paid.
    #[must_use]
    pub fn start(&self) -> Option<Date> {
        self.start_day.map(jiff_diesel::Date::to_jiff)
    }

    /// The day it is paid until.
    #[must_use]
    pub fn paid_until(&self) -> Option<Date> {
        self.paid_until.map(jiff_diesel::Date::to_jiff)
    }

    /// The day its grace was found over; none while it is paid for.
    #[must_use]
    pub fn lapsed_on(&self) -> Option<Date> {
        self.lapsed_on.map(jiff_diesel::Date::to_jiff)
    }

    /// Where it is in its life.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn state(&self) -> Result<OrderState, Error> {
        self.state.parse().map_err(Error::corrupt)
    }
}

const QUERY: &str = "\
    select o.id, c.login, o.domain_unicode as domain, o.domain_reg, o.vid, o.tariff_id, o.created_at, o.start_day, \
      o.paid_until, o.auto_renew, o.lapsed_on, o.state, o.server_login, o.remark, o.attention \
    from orders o join customer c on c.id = o.customer_id \
    where ($1 is null or o.customer_id = $1) and ($2 is null or o.id = $2) and ($3 or o.state <> 'terminated') \
      and ($4 is null or o.id > $4) \
      and (not $5 or o.attention is not null or exists (select from task t where t.order_id = o.id and t.state = 'manual')) \
    order by o.id limit $6";

/// Orders, by id.
///
/// # Errors
/// [`Error`] from the database.
pub async fn list(connection: &mut Conn, filter: &OrderFilter) -> Result<Vec<OrderRow>, Error> {
    Ok(sql(QUERY)
        .bind::<sql_types::Nullable<sql_types::BigInt>, _>(filter.customer.map(|c| c.0))
        .bind::<sql_types::Nullable<sql_types::BigInt>, _>(filter.id.map(|o| o.0))
        .bind::<sql_types::Bool, _>(filter.with_terminated)
        .bind::<sql_types::Nullable<sql_types::BigInt>, _>(filter.after.map(|o| o.0))
        .bind::<sql_types::Bool, _>(filter.manual)
        .bind::<sql_types::Nullable<sql_types::BigInt>, _>(filter.limit)
        .load(connection)
        .await?)
}
