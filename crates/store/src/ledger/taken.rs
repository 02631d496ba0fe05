//! What the ledger has of an invoice, a credit note and an order.

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    billing::{Charge, InvoiceId},
    money::{Currency, Money},
    orders::OrderId,
};

use crate::db::{Conn, Error, sql};

/// What an invoice's charge took from each wallet; nothing where it was not charged.
pub(crate) async fn charged_of(connection: &mut Conn, invoice: InvoiceId, currency: Currency) -> Result<Charge, Error> {
    #[derive(QueryableByName)]
    struct Taken {
        #[diesel(sql_type = sql_types::BigInt)]
        credit: i64,
        #[diesel(sql_type = sql_types::BigInt)]
        bonus: i64,
    }
    let taken: Taken = sql("select coalesce(-sum(e.amount) filter (where a.kind = 'credit'), 0)::bigint as credit, \
           coalesce(-sum(e.amount) filter (where a.kind = 'bonus'), 0)::bigint as bonus \
         from journal j join entry e on e.journal_id = j.id join account a on a.id = e.account_id \
         where j.kind = 'charge' and j.ref_type = 'invoice' and j.ref_id = $1")
    .bind::<sql_types::BigInt, _>(invoice.0)
    .get_result(connection)
    .await?;
    Ok(Charge { credit: Money::minor(taken.credit, currency), bonus: Money::minor(taken.bonus, currency) })
}

/// A part of a charge that a grant of bonus paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfGrant {
    /// What the grant was given for.
    pub reason: String,
    /// How much of it.
    pub amount: Money,
}

/// Which grants paid an invoice's bonus, in the order that they were given; none of what was paid when grants were not
/// kept.
pub(crate) async fn grants_of(
    connection: &mut Conn,
    invoice: InvoiceId,
    currency: Currency,
) -> Result<Vec<OfGrant>, Error> {
    #[derive(QueryableByName)]
    struct Used {
        #[diesel(sql_type = sql_types::Text)]
        reason: String,
        #[diesel(sql_type = sql_types::BigInt)]
        amount: i64,
    }
    let used: Vec<Used> =
        sql("select g.reason, -u.amount as amount from journal j join bonus_use u on u.journal_id = j.id \
         join bonus_grant g on g.id = u.grant_id \
         where j.kind = 'charge' and j.ref_type = 'invoice' and j.ref_id = $1 order by g.id")
        .bind::<sql_types::BigInt, _>(invoice.0)
        .load(connection)
        .await?;
    let of = |used: Used| OfGrant { amount: Money::minor(used.amount, currency), reason: used.reason };
    Ok(used.into_iter().map(of).collect())
}

#[derive(QueryableByName)]
struct Sum {
    #[diesel(sql_type = sql_types::BigInt)]
    sum: i64,
}

/// What was given back of a credit note, by the company's own side of it.
pub(crate) async fn refunded_of(connection: &mut Conn, credit_note: i64, currency: Currency) -> Result<Money, Error> {
    let query = "select coalesce(-sum(e.amount), 0)::bigint as sum from journal j join entry e on e.journal_id = j.id \
         join account a on a.id = e.account_id \
         where j.kind = 'refund' and j.ref_type = 'credit_note' and j.ref_id = $1 and a.kind = 'revenue'";
    let found: Sum = sql(query).bind::<sql_types::BigInt, _>(credit_note).get_result(connection).await?;
    Ok(Money::minor(found.sum, currency))
}

/// What the company's revenue has of an order's invoices and credit notes.
pub(crate) async fn revenue_of(connection: &mut Conn, order: OrderId, currency: Currency) -> Result<Money, Error> {
    let query = "select coalesce(sum(e.amount), 0)::bigint as sum from journal j join entry e on e.journal_id = j.id \
         join account a on a.id = e.account_id where a.kind = 'revenue' \
           and ((j.ref_type = 'invoice' and j.ref_id in (select id from invoice where order_id = $1)) \
             or (j.ref_type = 'credit_note' and j.ref_id in \
               (select c.id from credit_note c join invoice i on i.id = c.invoice_id where i.order_id = $1)))";
    let found: Sum = sql(query).bind::<sql_types::BigInt, _>(order.0).get_result(connection).await?;
    Ok(Money::minor(found.sum, currency))
}
