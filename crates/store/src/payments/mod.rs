//! Money that arrives: recorded once, and what it pays.

mod list;
mod refusals;

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    billing::{InvoiceId, PaymentReference},
    customers::CustomerId,
    dunning::Settle,
    money::Money,
    orders::{BillingMode, OrderId},
};

pub use list::{PaymentRow, list, show};
pub use refusals::{PaymentRefusal, note_refusal, repeated_refusals};

use crate::{
    db::{Conn, Error, Realm, Sql, Tx, sql},
    invoices::{self, PaidFrom},
    ledger::{self, Movement},
    orders::lock,
};

/// Money that arrived.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// Who paid.
    pub customer: CustomerId,
    /// How much, in the customer's currency; more than nothing.
    pub amount: Money,
    /// What the bank or the payment provider calls it: it is recorded once, however often it is reported.
    pub reference: Option<&'a PaymentReference>,
    /// The invoice that it is meant for, if any.
    pub invoice: Option<InvoiceId>,
    /// Why, for the statement.
    pub note: &'a str,
}

/// What became of money that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It was recorded before: nothing was done.
    Again,
    /// It is in the customer's credit.
    Credited,
    /// It paid the invoice that it was meant for; what was left over is in the customer's credit.
    Paid,
}

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = sql_types::Bool)]
    same: bool,
}

/// Records money that arrived, and pays the invoice that it is meant for, once it is enough: with what the customer had.
/// An invoice that is paid or cancelled already gets none of it.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] for a reference that was another payment's, another customer's invoice, an
/// amount of nothing, and in a realm where no money moves. Nothing is written then.
pub async fn receive(tx: &mut Tx, money: &Incoming<'_>) -> Result<Received, Error> {
    if tx.realm().billing() != BillingMode::Charging {
        return Err(Error::Refused("no money moves in this realm".into()));
    }
    if money.amount.in_minor() <= 0 {
        return Err(Error::Refused(format!("{} is not an amount: it must be more than nothing", money.amount)));
    }
    let unpaid = match money.invoice {
        Some(id) => open_invoice(tx, id, money.customer).await?,
        None => None,
    };
    let movement = ledger::next_movement(tx).await?;
    let named = Named { movement, kind: "deposit", reference: money.reference, invoice: money.invoice };
    if !is_first(tx, money.customer, money.amount, &named).await? {
        return Ok(Received::Again);
    }
    let note = named.note(money.note);
    ledger::enter(tx, movement, money.customer, Movement::Deposit, money.amount, &note).await?;
    match unpaid {
        Some((id, total)) if money.amount.in_minor() >= total.in_minor() => {
            invoices::pay(tx, id, PaidFrom::Credit, money.note).await?;
            Ok(Received::Paid)
        }
        Some((id, _)) if pay_from_balance(tx, id).await? => Ok(Received::Paid),
        Some(_) | None => Ok(Received::Credited),
    }
}

/// Money that is paid back.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// Whose credit it is taken from.
    pub customer: CustomerId,
    /// How much; more than nothing.
    pub amount: Money,
    /// What the bank calls the transfer: it is recorded once, however often it is entered.
    pub reference: Option<&'a PaymentReference>,
    /// Why, for the statement.
    pub note: &'a str,
}

/// What became of money that is paid back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaidBack {
    /// It was recorded before: nothing was done.
    Again,
    /// It was taken from the customer's credit.
    Taken,
}

/// Records money that is paid back.
///
/// # Errors
/// [`Error::Refused`] for a reference that was another payment's, an amount of nothing, and more than the credit has.
/// Nothing is written then.
pub async fn pay_back(tx: &mut Tx, money: &Outgoing<'_>) -> Result<PaidBack, Error> {
    if money.amount.in_minor() <= 0 {
        return Err(Error::Refused(format!("{} is not an amount: it must be more than nothing", money.amount)));
    }
    let movement = ledger::next_movement(tx).await?;
    let named = Named { movement, kind: "withdrawal", reference: money.reference, invoice: None };
    if !is_first(tx, money.customer, money.amount, &named).await? {
        return Ok(PaidBack::Again);
    }
    let note = named.note(money.note);
    ledger::enter(tx, movement, money.customer, Movement::Withdrawal, money.amount, &note).await?;
    Ok(PaidBack::Taken)
}

/// A movement, and the name that others have for it, if any.
struct Named<'a> {
    movement: i64,
    kind: &'static str,
    reference: Option<&'a PaymentReference>,
    invoice: Option<InvoiceId>,
}

impl Named<'_> {
    /// What the statement says: the reference stands in it, so that it is sealed with the entry.
    fn note(&self, note: &str) -> String {
        match self.reference {
            None => note.to_owned(),
            Some(reference) if note.is_empty() => reference.to_string(),
            Some(reference) => format!("{note} ({reference})"),
        }
    }
}

/// Writes a movement's name down, where it has one; false when it was before.
async fn is_first(tx: &mut Tx, customer: CustomerId, amount: Money, named: &Named<'_>) -> Result<bool, Error> {
    let Some(reference) = named.reference else { return Ok(true) };
    let written = sql("insert into payment (reference, customer_id, amount, currency, invoice_id, kind, movement_id) \
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (reference) do nothing");
    let known =
        sql("select customer_id = $2 and amount = $3 and currency = $4 and invoice_id is not distinct from $5 \
         and kind = $6 as same from payment where reference = $1");
    let bound = |query: Sql| {
        query
            .bind::<sql_types::Text, _>(reference.as_str().to_owned())
            .bind::<sql_types::BigInt, _>(customer.0)
            .bind::<sql_types::BigInt, _>(amount.in_minor())
            .bind::<sql_types::Text, _>(amount.currency().code())
            .bind::<sql_types::Nullable<sql_types::BigInt>, _>(named.invoice.map(|invoice| invoice.0))
            .bind::<sql_types::Text, _>(named.kind)
    };
    if bound(written).bind::<sql_types::BigInt, _>(named.movement).execute(tx.conn()).await? == 1 {
        return Ok(true);
    }
    let Known { same } = bound(known).get_result(tx.conn()).await?;
    if same { Ok(false) } else { Err(Error::Refused(format!("{reference} is the reference of another payment"))) }
}

/// A customer's invoice that is still to be paid, with its total; its order is held.
async fn open_invoice(tx: &mut Tx, id: InvoiceId, payer: CustomerId) -> Result<Option<(InvoiceId, Money)>, Error> {
    let order = invoices::show(tx.conn(), id).await?.order_id;
    lock(tx, OrderId(order)).await?;
    let invoice = invoices::show(tx.conn(), id).await?;
    if invoice.customer_id != payer.0 {
        return Err(Error::Refused(format!("invoice {} is another customer's", id.0)));
    }
    Ok(if invoice.status == "unpaid" { Some((id, invoice.total()?)) } else { None })
}

/// False when the balance is too low.
async fn pay_from_balance(tx: &mut Tx, id: InvoiceId) -> Result<bool, Error> {
    match invoices::pay(tx, id, PaidFrom::Balance, "").await {
        Ok(_) => Ok(true),
        Err(Error::Refused(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
}

/// Pays a customer's oldest unpaid invoices from the balance, one a transaction, until one is more than what is left;
/// nothing where money is for the invoice that it is meant for. Returns how many were paid.
///
/// # Errors
/// [`Error`] from the database; what was paid stays paid.
pub async fn settle(realm: &Realm, customer: CustomerId) -> Result<usize, Error> {
    if realm.rules().policy.settle != Settle::OldestFirst || realm.kind().billing() != BillingMode::Charging {
        return Ok(0);
    }
    let mut paid = 0;
    while realm.transaction("settle", async |tx| settle_oldest(tx, customer).await).await? {
        paid += 1;
    }
    Ok(paid)
}

async fn settle_oldest(tx: &mut Tx, customer: CustomerId) -> Result<bool, Error> {
    let oldest = "select id from invoice where customer_id = $1 and status = 'unpaid' order by created_at, id limit 1";
    let oldest: Option<Id> =
        sql(oldest).bind::<sql_types::BigInt, _>(customer.0).get_result(tx.conn()).await.optional()?;
    match oldest {
        Some(Id { id }) => pay_from_balance(tx, InvoiceId(id)).await,
        None => Ok(false),
    }
}

/// Customers who have both money and unpaid invoices: money that arrived as a process died is theirs.
///
/// # Errors
/// [`Error`] from the database.
pub async fn unsettled(connection: &mut Conn) -> Result<Vec<CustomerId>, Error> {
    let query = "select distinct i.customer_id as id from invoice i where i.status = 'unpaid' \
         and exists (select from account a where a.customer_id = i.customer_id and a.balance > 0) order by 1";
    let rows: Vec<Id> = sql(query).load(connection).await?;
    Ok(rows.into_iter().map(|row| CustomerId(row.id)).collect())
}
