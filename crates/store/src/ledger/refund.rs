//! Returning what an invoice was charged with.

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{billing::InvoiceId, customers::CustomerId, money::Money};

use super::post::{Event, post};
use crate::db::{Error, Tx};

#[derive(QueryableByName)]
struct Charged {
    #[diesel(sql_type = sql_types::BigInt)]
    customer_id: i64,
    #[diesel(sql_type = sql_types::Text)]
    currency: String,
    #[diesel(sql_type = sql_types::BigInt)]
    account_id: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    amount: i64,
    #[diesel(sql_type = sql_types::Bool)]
    of_company: bool,
}

const CHARGED: &str = "\
    select j.customer_id, e.currency, e.account_id, e.amount, a.customer_id is null as of_company \
    from journal j join entry e on e.journal_id = j.id join account a on a.id = e.account_id \
    where j.kind = 'charge' and j.ref_type = 'invoice' and j.ref_id = $1 \
      and not exists (select from journal r where r.kind = 'refund' and r.ref_type = 'invoice' and r.ref_id = $1) \
    order by e.line";

/// Returns the whole charge of an invoice to the wallets that it was taken from. `None` when it was never charged, or
/// returned before; the journal's key makes a second time impossible.
pub(crate) async fn refund_invoice(tx: &mut Tx, invoice: InvoiceId, note: &str) -> Result<Option<Money>, Error> {
    let charged: Vec<Charged> =
        diesel::sql_query(CHARGED).bind::<sql_types::BigInt, _>(invoice.0).load(tx.conn()).await?;
    let Some(revenue) = charged.iter().find(|line| line.of_company) else { return Ok(None) };
    let currency = revenue.currency.parse().map_err(Error::corrupt)?;
    let customer = CustomerId(revenue.customer_id);
    let event = Event { kind: "refund", ref_type: "invoice", ref_id: invoice.0, customer, note };
    let lines: Vec<(i64, i64)> = charged.iter().map(|line| (line.account_id, -line.amount)).collect();
    post(tx, &event, &lines).await?;
    Ok(Some(Money::minor(revenue.amount, currency)))
}
