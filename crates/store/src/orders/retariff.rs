//! An order's tariff is changed: what is left of the old is credited, the new is invoiced and charged, and what was what
//! is written down, in one transaction.

use std::collections::{BTreeMap, btree_map::Entry};

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    billing::{InvoiceId, PaidLine, VatLine, Working},
    calendar::{day_of, days_between},
    money::{Currency, Percent},
    orders::{
        Interval, Order, OrderId, Payment, PaymentTerms, RunningInterval, TariffChange, TariffFacts, TariffRequest,
        Unpaid, change_tariff as decide,
    },
    tasks::{Operation, TaskId},
};
use jiff::{Timestamp, civil::Date};
use jiff_diesel::ToDiesel;
use serde_json::{Value, json};

use super::{load::buyer, lock};
use crate::{
    db::{AsStoreError, Error, Tx, sql},
    invoices, ledger,
    schema::{order_addon, orders::dsl, task},
    servers::write_server,
    tasks::{self, NewTask, can_be_done},
};

/// A change of tariff, as it was made or would be.
#[derive(Debug)]
pub struct Retariffed {
    /// What was decided.
    pub change: TariffChange,
    /// The invoice over the new tariff, where it costs something.
    pub invoice: Option<InvoiceId>,
    /// How it was met.
    pub payment: Payment,
    /// The task that makes the server so; none where staff are to see to it.
    pub task: Option<TaskId>,
}

/// Why nothing was changed.
#[derive(Debug)]
pub enum RetariffFailure {
    /// It was only tried: this is what would be.
    Tried(Box<Retariffed>),
    /// The database, or it was refused.
    Store(Error),
}

impl From<Error> for RetariffFailure {
    fn from(error: Error) -> Self {
        match error.constraint() {
            Some("orders_domain_taken") => {
                Self::Store(Error::Refused("a live order of that tariff has this domain".into()))
            }
            Some("orders_had_once") => Self::Store(Error::Refused("the customer has had that tariff, once".into())),
            _ => Self::Store(error),
        }
    }
}

impl AsStoreError for RetariffFailure {
    fn as_store_error(&self) -> Option<&Error> {
        match self {
            Self::Store(error) => Some(error),
            Self::Tried(_) => None,
        }
    }
}

/// Changes an order's tariff or its addons. With `dry_run` all of it is done and rolled back, so that what is told is
/// what would be.
///
/// Locks the order's row, the invoices', and the customer's wallets last.
///
/// # Errors
/// [`RetariffFailure`]. Nothing is written then.
pub async fn change_tariff(
    tx: &mut Tx,
    id: OrderId,
    request: &TariffRequest,
    note: &str,
    dry_run: bool,
) -> Result<Retariffed, RetariffFailure> {
    let order = lock(tx, id).await?.ok_or_else(|| Error::NotFound(format!("there is no order {id}")))?;
    refuse_under_way(tx, id).await?;
    let buyer = buyer(tx.conn(), order.customer).await?;
    let today = tx.today();
    let intervals = intervals(tx, id, today).await?;
    let paid = paid_lines(tx, id, &intervals, today, buyer.currency).await?;
    let facts = TariffFacts {
        order: &order,
        catalogue: &tx.catalogue(),
        billing: buyer.terms(tx.rules(), today),
        intervals: &intervals,
        paid: &paid,
        today,
    };
    let change = decide(request, &facts).map_err(|why| Error::Refused(format!("order {id}: {why}")))?;
    let number = next_number(tx).await?;
    give_back(tx, number, &change).await?;
    invoices::cancel_ahead(tx, id).await?;
    let (invoice, payment) = charge(tx, &order, &change, buyer.currency).await?;
    write_down(tx, number, &order, &change, invoice, note).await?;
    write_order(tx, id, &change).await?;
    let task = have_it_made(tx, &order, &change).await?;
    let done = Retariffed { change, invoice, payment, task };
    if dry_run { Err(RetariffFailure::Tried(Box::new(done))) } else { Ok(done) }
}

/// A change of the server that has not ended may yet come to nothing: what it cost would be returned, and its sizes put
/// back over the new tariff's.
async fn refuse_under_way(tx: &mut Tx, id: OrderId) -> Result<(), Error> {
    let open = task::table.filter(task::order_id.eq(id.0)).filter(task::operation.eq(Operation::Change.name()));
    let open = open.filter(task::state.eq_any(["queued", "running", "manual"])).order(task::id).select(task::id);
    match open.first::<i64>(tx.conn()).await.optional()? {
        None => Ok(()),
        Some(task) => Err(Error::Refused(format!(
            "order {id}: its server is being changed: let task {task} end first, or cancel it (vartai task show {task})"
        ))),
    }
}

#[derive(QueryableByName)]
struct IntervalRow {
    #[diesel(sql_type = sql_types::Date, deserialize_as = jiff_diesel::Date)]
    from_day: Date,
    #[diesel(sql_type = sql_types::Date, deserialize_as = jiff_diesel::Date)]
    until_day: Date,
    #[diesel(sql_type = sql_types::SmallInt)]
    months: i16,
}

/// The paid intervals that aren't over on a day.
async fn intervals(tx: &mut Tx, id: OrderId, today: Date) -> Result<Vec<RunningInterval>, Error> {
    let query = "select lower(p.span) as from_day, upper(p.span) as until_day, i.months \
         from service_period p join invoice i on i.id = p.invoice_id \
         where p.order_id = $1 and upper(p.span) > $2 order by p.span";
    let rows: Vec<IntervalRow> = sql(query)
        .bind::<sql_types::BigInt, _>(id.0)
        .bind::<sql_types::Date, _>(today.to_diesel())
        .load(tx.conn())
        .await?;
    let of = |row: IntervalRow| {
        let days = Interval { from: row.from_day, until: row.until_day };
        let months = u16::try_from(row.months).map_err(Error::corrupt)?;
        Ok(RunningInterval { days, months, discount: Percent::ZERO })
    };
    rows.into_iter().map(of).collect()
}

#[derive(QueryableByName)]
struct LineRow {
    #[diesel(sql_type = sql_types::BigInt)]
    invoice_id: i64,
    #[diesel(sql_type = sql_types::SmallInt)]
    line: i16,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Jsonb>)]
    working: Option<Value>,
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    paid_at: Timestamp,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Date>, deserialize_as = jiff_diesel::NullableDate)]
    from_day: Option<Date>,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Date>, deserialize_as = jiff_diesel::NullableDate)]
    until_day: Option<Date>,
}

/// What was paid for days that are still to come, by invoice, line for line. Of what an earlier change settled, only
/// days that are gone are left.
async fn paid_lines(
    tx: &mut Tx,
    id: OrderId,
    intervals: &[RunningInterval],
    today: Date,
    currency: Currency,
) -> Result<Vec<PaidLine>, Error> {
    let query = "select l.invoice_id, l.line, l.working, i.paid_at, lower(p.span) as from_day, upper(p.span) as until_day \
         from invoice i join invoice_line l on l.invoice_id = i.id left join service_period p on p.invoice_id = i.id \
         where i.order_id = $1 and i.status = 'paid' and l.item not in ('tariff_setup', 'addon_setup') \
           and i.id > coalesce((select max(settled) from tariff_change where order_id = $1), 0) \
         order by l.invoice_id, l.line";
    let rows: Vec<LineRow> = sql(query).bind::<sql_types::BigInt, _>(id.0).load(tx.conn()).await?;
    let mut left: BTreeMap<i64, BTreeMap<i16, VatLine>> = BTreeMap::new();
    let mut paid = Vec::new();
    for row in rows {
        let Some(Interval { from, until }) = days_of(tx, &row, intervals)? else { continue };
        let (days, of_days) = (days_between(today.max(from), until), days_between(from, until));
        if days <= 0 {
            continue;
        }
        let invoice = InvoiceId(row.invoice_id);
        if let Entry::Vacant(entry) = left.entry(row.invoice_id) {
            entry.insert(invoices::left(tx.conn(), invoice, currency).await?.into_iter().collect());
        }
        let of_line = left.get(&row.invoice_id).and_then(|lines| lines.get(&row.line));
        let rest = of_line.copied().filter(|left| !left.gross.is_zero());
        paid.extend(rest.map(|left| PaidLine { invoice, line: row.line, left, days, of_days }));
    }
    Ok(paid)
}

/// The days that a line is for: those of its part, of its invoice, or, of a change from before that was kept, from its
/// payment to the interval's end.
fn days_of(tx: &Tx, row: &LineRow, intervals: &[RunningInterval]) -> Result<Option<Interval>, Error> {
    let working: Option<Working> =
        row.working.clone().map(serde_json::from_value).transpose().map_err(Error::corrupt)?;
    if let Some(part) = working.and_then(|working| working.part) {
        return Ok(Some(Interval { from: part.from, until: part.until }));
    }
    if let (Some(from), Some(until)) = (row.from_day, row.until_day) {
        return Ok(Some(Interval { from, until }));
    }
    let from = day_of(row.paid_at, &tx.rules().zone);
    let within = intervals.iter().find(|interval| interval.days.from <= from && from < interval.days.until);
    Ok(within.map(|interval| Interval { from, until: interval.days.until }))
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
}

async fn next_number(tx: &mut Tx) -> Result<i64, Error> {
    let number: Number = sql("select nextval('tariff_change_id') as id").get_result(tx.conn()).await?;
    Ok(number.id)
}

/// Credits what is left of each invoice, once for this change.
async fn give_back(tx: &mut Tx, number: i64, change: &TariffChange) -> Result<(), Error> {
    let cause = format!("tariff change {number}");
    for of in change.settled.chunk_by(|a, b| a.of.invoice == b.of.invoice) {
        let Some(invoice) = of.first().map(|one| one.of.invoice) else { continue };
        let parts: Vec<_> = of.iter().map(|one| (one.of.line, one.refund)).collect();
        invoices::credit_lines(tx, invoice, &parts, &cause, "change of tariff").await?;
    }
    Ok(())
}

/// Invoices and charges the new tariff. Its wallets hold what was given back.
async fn charge(
    tx: &mut Tx,
    order: &Order,
    change: &TariffChange,
    currency: Currency,
) -> Result<(Option<InvoiceId>, Payment), Error> {
    let wallets = ledger::lock_wallets(tx, order.customer, currency).await?;
    let terms = PaymentTerms { wallets, mode: tx.realm().billing(), unpaid: Unpaid::Refuse };
    let Some(payment) = terms.meet(change.cost).map_err(Error::corrupt)? else {
        let balance = wallets.balance().map_err(Error::corrupt)?;
        let (cost, back) = (change.cost, change.refund);
        return Err(Error::Refused(format!(
            "order {}: it costs {cost} {currency}, and with the {back} that are given back the balance is {balance}",
            order.id
        )));
    };
    let Some(new) = &change.invoice else { return Ok((None, payment)) };
    let invoice = invoices::write(tx, order.customer, order.id, new).await?;
    if let Payment::Charged(charge) = &payment {
        ledger::charge_invoice(tx, order.customer, invoice, charge, &format!("tariff of order {}", order.id)).await?;
    }
    Ok((Some(invoice), payment))
}

async fn write_order(tx: &mut Tx, id: OrderId, change: &TariffChange) -> Result<(), Error> {
    diesel::update(dsl::orders.find(id.0))
        .set((
            dsl::tariff_id.eq(change.tariff.0),
            dsl::once_only.eq(change.once_per_customer),
            // Staff fixed it for the tariff that it had.
            dsl::fixed_monthly.eq(None::<i64>),
        ))
        .execute(tx.conn())
        .await?;
    diesel::delete(order_addon::table.filter(order_addon::order_id.eq(id.0))).execute(tx.conn()).await?;
    super::place::insert_addons(tx, id.0, &change.addons).await?;
    match &change.server {
        Some(server) => write_server(tx, id, server).await,
        None => Ok(()),
    }
}

/// Queues what makes the server so. What no driver can change is for staff to see to.
async fn have_it_made(tx: &mut Tx, order: &Order, change: &TariffChange) -> Result<Option<TaskId>, Error> {
    match &change.server {
        Some(server) if order.server.as_ref() == Some(server) => Ok(None),
        Some(server) if !order.by_hand && can_be_done(tx, order, Operation::Change) => {
            let params = json!({
                "cpu": server.cpu_ghz.to_string(),
                "ram": server.ram_mb.to_string(),
                "quota": server.disk_gb.to_string(),
                "bandwidth": server.bandwidth_mbps.to_string(),
            });
            let queued = tasks::enqueue(tx, order.id, NewTask { params, ..Operation::Change.into() }).await?;
            Ok(Some(queued.id))
        }
        Some(_) | None => {
            let why = format!("its tariff was changed to {}: make its service so", change.tariff);
            diesel::update(dsl::orders.find(order.id.0)).set(dsl::attention.eq(why)).execute(tx.conn()).await?;
            Ok(None)
        }
    }
}

/// Writes down what becomes of the order, which is still what it was.
async fn write_down(
    tx: &mut Tx,
    number: i64,
    order: &Order,
    change: &TariffChange,
    invoice: Option<InvoiceId>,
    note: &str,
) -> Result<(), Error> {
    let query = "insert into tariff_change (id, order_id, customer_id, day, from_tariff, to_tariff, from_once, currency, \
           charged, consumed, refunded, cost, invoice_id, note, settled) \
         select $1, o.id, o.customer_id, $3, o.tariff_id, $4, o.once_only, $5, $6, $7, $8, $9, $10, $11, \
           (select max(i.id) from invoice i where i.order_id = o.id and i.id is distinct from $10) from orders o \
         where o.id = $2";
    sql(query)
        .bind::<sql_types::BigInt, _>(number)
        .bind::<sql_types::BigInt, _>(order.id.0)
        .bind::<sql_types::Date, _>(tx.today().to_diesel())
        .bind::<sql_types::BigInt, _>(change.tariff.0)
        .bind::<sql_types::Text, _>(change.charged.currency().code())
        .bind::<sql_types::BigInt, _>(change.charged.in_minor())
        .bind::<sql_types::BigInt, _>(change.consumed.in_minor())
        .bind::<sql_types::BigInt, _>(change.refund.in_minor())
        .bind::<sql_types::BigInt, _>(change.cost.in_minor())
        .bind::<sql_types::Nullable<sql_types::BigInt>, _>(invoice.map(|id| id.0))
        .bind::<sql_types::Text, _>(note)
        .execute(tx.conn())
        .await?;
    Ok(())
}
