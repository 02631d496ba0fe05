//! One order's turn: what is due of it is decided while its row is held, and made true in the same transaction.

use diesel::{ExpressionMethods, QueryDsl, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    billing::InvoiceId,
    calendar::{Months, day_of},
    dunning::{Due, End, Standing, due},
    field::Field,
    orders::{Order, OrderId, OrderState, RenewError, RenewRequest, SuspendedBy, Unpaid, proforma},
    tasks::Operation,
};
use jiff::{Timestamp, civil::Date};
use jiff_diesel::ToDiesel;

use super::Tally;
use crate::{
    customers::VatColumns,
    db::{Error, Tx, sql},
    invoices::{self, PaidFrom},
    orders::{Buyer, RenewFailure, lock_if_free, renew_held, terminate},
    schema::orders::dsl,
    tasks::{self, NewTask},
};

#[derive(QueryableByName)]
struct Row {
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
    #[diesel(sql_type = sql_types::Text)]
    currency: String,
    #[diesel(embed)]
    vat: VatColumns,
}

const QUERY: &str = "\
    select o.auto_renew, o.lapsed_on, o.created_at, c.currency, c.vat_points, c.vat_fixed, p.country, p.vat_code, \
      (select i.months from invoice i where i.order_id = o.id and i.status = 'paid' and i.purpose <> 'change' \
        order by i.id desc limit 1) as last_months, \
      exists (select from invoice i where i.order_id = o.id and i.status = 'unpaid' and i.ahead) as has_proforma, \
      (select i.id from invoice i where i.order_id = o.id and i.status = 'unpaid' and not i.ahead) as owed \
    from orders o join customer c on c.id = o.customer_id left join profile p on p.customer_id = c.id where o.id = $1";

/// Does what is due of an order on `day`; nothing when another transaction holds it, since the next round comes.
///
/// # Errors
/// [`Error`]: nothing of this order is done then, and the others go on.
pub async fn attend(tx: &mut Tx, id: OrderId, day: Date) -> Result<Tally, Error> {
    tx.set_day(day)?;
    let Some(order) = lock_if_free(tx, id).await? else { return Ok(Tally::default()) };
    let row: Row = sql(QUERY).bind::<sql_types::BigInt, _>(id.0).get_result(tx.conn()).await?;
    let due = due_of(tx, &order, &row, day);
    if due.is_nothing() {
        return Ok(Tally::default());
    }
    let buyer = Buyer {
        customer: order.customer,
        currency: row.currency.parse().map_err(Error::corrupt)?,
        vat: row.vat.standing()?,
    };
    if due.pay_owed && pay(tx, row.owed).await? {
        return Ok(Tally { renewed: 1, ..Tally::default() });
    }
    if let Some(months) = due.renew
        && renew(tx, &buyer, &order, months).await?
    {
        return Ok(Tally { renewed: 1, ..Tally::default() });
    }
    let raised = match due.raise {
        Some(months) => raise(tx, &buyer, &order, months).await?,
        None => false,
    };
    let ended = match due.end {
        Some(end) => go_on(tx, &order, end, day).await?,
        None => Tally::default(),
    };
    Ok(Tally { raised: raised.into(), ..ended })
}

fn due_of(tx: &Tx, order: &Order, row: &Row, day: Date) -> Due {
    let catalogue = tx.catalogue();
    let standing = Standing {
        order,
        ordered_on: day_of(row.created_at, &tx.rules().zone),
        auto_renew: row.auto_renew,
        lapsed_on: row.lapsed_on,
        last_months: row.last_months.and_then(|months| u16::try_from(months).ok()).and_then(Months::new),
        has_proforma: row.has_proforma,
    };
    due(&standing, catalogue.tariff(order.tariff), &tx.rules().policy, day)
}

/// Pays what the customer asked for before, if the balance is enough now.
async fn pay(tx: &mut Tx, owed: Option<i64>) -> Result<bool, Error> {
    let Some(owed) = owed else { return Ok(false) };
    match invoices::pay(tx, InvoiceId(owed), PaidFrom::Balance, "").await {
        Ok(_) => Ok(true),
        Err(Error::Refused(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Renews the order, if the balance is enough.
async fn renew(tx: &mut Tx, buyer: &Buyer, order: &Order, months: Months) -> Result<bool, Error> {
    let expected = order.paid_until.map_or(Field::Absent, Field::Given);
    let request = RenewRequest { period: Field::Given(months), expect_todate: expected };
    match renew_held(tx, buyer, order.clone(), &request, Unpaid::Refuse).await {
        Ok(_) => Ok(true),
        Err(RenewFailure::Decided(RenewError::NotEnough)) => Ok(false),
        Err(RenewFailure::Decided(why)) => Err(Error::Failed(format!("order {} can't be renewed: {why:?}", order.id))),
        Err(RenewFailure::UnknownOrder) => Err(Error::corrupt(format!("order {} is held and not there", order.id))),
        Err(RenewFailure::Store(error)) => Err(error),
    }
}

/// Raises a proforma for the renewal. What costs nothing needs none.
async fn raise(tx: &mut Tx, buyer: &Buyer, order: &Order, months: Months) -> Result<bool, Error> {
    let day = tx.today();
    let catalogue = tx.catalogue();
    let invoice = proforma(order, months, &catalogue, &buyer.terms(tx.rules(), day));
    let Some(invoice) = invoice.map_err(|why| Error::Failed(format!("order {}: {why:?}", order.id)))? else {
        return Ok(false);
    };
    invoices::write_ahead(tx, buyer.customer, order.id, &invoice).await?;
    Ok(true)
}

async fn go_on(tx: &mut Tx, order: &Order, end: End, day: Date) -> Result<Tally, Error> {
    let row = dsl::orders.find(order.id.0);
    match end {
        End::Suspend => {
            let by = Some(SuspendedBy::System.name());
            diesel::update(row)
                .set((
                    dsl::state.eq(OrderState::Suspended.name()),
                    dsl::suspended_by.eq(by),
                    dsl::lapsed_on.eq(day.to_diesel()),
                ))
                .execute(tx.conn())
                .await?;
            let task = NewTask { by_hand: order.by_hand, ..Operation::Suspend.into() };
            tasks::enqueue(tx, order.id, task).await?;
            Ok(Tally { suspended: 1, ..Tally::default() })
        }
        End::Mark => {
            diesel::update(row).set(dsl::lapsed_on.eq(day.to_diesel())).execute(tx.conn()).await?;
            Ok(Tally { suspended: 1, ..Tally::default() })
        }
        End::Terminate => {
            terminate(tx, order.id, None).await?;
            Ok(Tally { terminated: 1, ..Tally::default() })
        }
        End::Expire => {
            terminate(tx, order.id, None).await?;
            Ok(Tally { expired: 1, ..Tally::default() })
        }
    }
}
