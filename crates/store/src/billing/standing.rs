//! How orders stand: what the billing run asks of them beside what they are.

use std::collections::BTreeMap;

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    billing::InvoiceId,
    calendar::{Months, day_of},
    customers::CustomerId,
    dunning::{Due, Standing, due},
    money::Money,
    orders::{Order, OrderId},
};
use jiff::{Timestamp, civil::Date};

use crate::{
    customers::VatColumns,
    db::{Conn, Error, Tx, sql},
    orders::Buyer,
};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
    #[diesel(sql_type = sql_types::Bool)]
    auto_renew: bool,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Date>, deserialize_as = jiff_diesel::NullableDate)]
    lapsed_on: Option<Date>,
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    created_at: Timestamp,
    #[diesel(sql_type = sql_types::Nullable<sql_types::SmallInt>)]
    last_months: Option<i16>,
    #[diesel(sql_type = sql_types::Bool)]
    has_proforma: bool,
    #[diesel(sql_type = sql_types::Nullable<sql_types::BigInt>)]
    owed: Option<i64>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::BigInt>)]
    owed_total: Option<i64>,
    #[diesel(sql_type = sql_types::Text)]
    currency: String,
    #[diesel(embed)]
    vat: VatColumns,
    #[diesel(sql_type = sql_types::BigInt)]
    balance: i64,
}

const QUERY: &str = "\
    select o.id, o.auto_renew, o.lapsed_on, o.created_at, c.currency, c.vat_points, c.vat_fixed, p.country, p.zip, p.vat_code, \
      (select i.months from invoice i where i.order_id = o.id and i.status = 'paid' and i.purpose <> 'change' \
        order by i.id desc limit 1) as last_months, \
      exists (select from invoice i where i.order_id = o.id and i.status = 'unpaid' and i.ahead) as has_proforma, \
      owed.id as owed, owed.total as owed_total, \
      (select coalesce(sum(a.balance), 0)::bigint from account a where a.customer_id = c.id) as balance \
    from orders o join customer c on c.id = o.customer_id left join profile p on p.customer_id = c.id \
      left join invoice owed on owed.order_id = o.id and owed.status = 'unpaid' and not owed.ahead";

/// What the billing run asks of an order beside what it is.
pub(super) struct Facts {
    auto_renew: bool,
    lapsed_on: Option<Date>,
    created_at: Timestamp,
    last_months: Option<Months>,
    has_proforma: bool,
    /// What its customer asked for and could not pay then.
    pub(super) owed: Option<InvoiceId>,
    owed_total: Option<i64>,
    currency: String,
    vat: VatColumns,
    balance: i64,
}

impl Facts {
    /// Of one order. Not as a page of one: PostgreSQL would plan that anew each time.
    pub(super) async fn load(connection: &mut Conn, id: OrderId) -> Result<Self, Error> {
        let query = sql(format!("{QUERY} where o.id = $1")).bind::<sql_types::BigInt, _>(id.0);
        Ok(Self::of(query.get_result(connection).await?))
    }

    /// Of these orders, in one query.
    pub(super) async fn load_some(connection: &mut Conn, ids: &[i64]) -> Result<BTreeMap<OrderId, Self>, Error> {
        let query = sql(format!("{QUERY} where o.id = any($1)"));
        let rows: Vec<Row> = query.bind::<sql_types::Array<sql_types::BigInt>, _>(ids).load(connection).await?;
        Ok(rows.into_iter().map(|row| (OrderId(row.id), Self::of(row))).collect())
    }

    fn of(row: Row) -> Self {
        let Row { id: _, auto_renew, lapsed_on, created_at, last_months, has_proforma, .. } = row;
        let Row { owed, owed_total, currency, vat, balance, .. } = row;
        let last_months = last_months.and_then(|months| u16::try_from(months).ok()).and_then(Months::new);
        let owed = owed.map(InvoiceId);
        Self { auto_renew, lapsed_on, created_at, last_months, has_proforma, owed, owed_total, currency, vat, balance }
    }

    /// Who buys it.
    pub(super) fn buyer(&self, customer: CustomerId) -> Result<Buyer, Error> {
        Ok(Buyer { customer, currency: self.currency.parse().map_err(Error::corrupt)?, vat: self.vat.standing()? })
    }

    /// What is due of it.
    pub(super) fn due(&self, tx: &Tx, order: &Order, day: Date) -> Due {
        let catalogue = tx.catalogue();
        let standing = Standing {
            order,
            ordered_on: day_of(self.created_at, &tx.rules().zone),
            auto_renew: self.auto_renew,
            lapsed_on: self.lapsed_on,
            last_months: self.last_months,
            has_proforma: self.has_proforma,
        };
        due(&standing, catalogue.tariff(order.tariff), &tx.rules().policy, day)
    }

    /// All that its customer has.
    pub(super) fn balance(&self, buyer: &Buyer) -> Money {
        Money::minor(self.balance, buyer.currency)
    }

    /// What its customer owes for what it asked for.
    pub(super) fn owed_total(&self, buyer: &Buyer) -> Option<Money> {
        self.owed_total.map(|total| Money::minor(total, buyer.currency))
    }
}
