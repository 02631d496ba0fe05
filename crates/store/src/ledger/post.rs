//! Posting journals. The database's `post` keeps them balanced, closed and never overdrawn.

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    billing::{Charge, CreditNoteId, InvoiceId},
    customers::CustomerId,
    money::{Currency, Money},
};

use super::{
    bonus::{NewBonus, grant_bonus},
    taken::charged_of,
};
use crate::db::{Error, Tx, sql};

/// A movement that staff enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    /// Money came in: to credit.
    Deposit,
    /// Money is paid back: from credit.
    Withdrawal,
    /// The company gives a bonus.
    Bonus,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
}

/// What a journal is about; no two journals can be about the same.
pub(super) struct Event<'a> {
    pub kind: &'a str,
    pub ref_type: &'a str,
    pub ref_id: i64,
    /// Which time, where there can be several.
    pub ref_seq: i32,
    pub customer: CustomerId,
    pub note: &'a str,
}

/// The account of a kind: a wallet of `customer`, or the company's own.
pub(super) async fn account(
    tx: &mut Tx,
    customer: Option<CustomerId>,
    kind: &str,
    currency: Currency,
) -> Result<i64, Error> {
    let found: Id = sql("select open_account($1, $2, $3) as id")
        .bind::<sql_types::Nullable<sql_types::BigInt>, _>(customer.map(|c| c.0))
        .bind::<sql_types::Text, _>(kind)
        .bind::<sql_types::Text, _>(currency.code())
        .get_result(tx.conn())
        .await?;
    Ok(found.id)
}

pub(super) async fn post(tx: &mut Tx, event: &Event<'_>, lines: &[(i64, i64)]) -> Result<(), Error> {
    let (accounts, amounts): (Vec<i64>, Vec<i64>) = lines.iter().filter(|(_, amount)| *amount != 0).copied().unzip();
    sql("select post($1, $2, $3, $4, $5, $6, $7, $8) as id")
        .bind::<sql_types::Text, _>(event.kind)
        .bind::<sql_types::Text, _>(event.ref_type)
        .bind::<sql_types::BigInt, _>(event.ref_id)
        .bind::<sql_types::Integer, _>(event.ref_seq)
        .bind::<sql_types::BigInt, _>(event.customer.0)
        .bind::<sql_types::Text, _>(event.note)
        .bind::<sql_types::Array<sql_types::BigInt>, _>(accounts)
        .bind::<sql_types::Array<sql_types::BigInt>, _>(amounts)
        .get_result::<Id>(tx.conn())
        .await?;
    Ok(())
}

/// Takes an invoice's total from the wallets. It can't happen twice for one invoice.
///
/// # Errors
/// [`Error::Insufficient`], [`Error::Constraint`] when it was charged before.
pub async fn charge_invoice(
    tx: &mut Tx,
    customer: CustomerId,
    invoice: InvoiceId,
    charge: &Charge,
    note: &str,
) -> Result<(), Error> {
    let total = charge.total().map_err(Error::corrupt)?;
    let currency = total.currency();
    let credit = account(tx, Some(customer), "credit", currency).await?;
    let bonus = account(tx, Some(customer), "bonus", currency).await?;
    let revenue = account(tx, None, "revenue", currency).await?;
    let event = Event { kind: "charge", ref_type: "invoice", ref_id: invoice.0, ref_seq: 0, customer, note };
    let lines = [(credit, -charge.credit.in_minor()), (bonus, -charge.bonus.in_minor()), (revenue, total.in_minor())];
    post(tx, &event, &lines).await
}

/// Money came from outside for exactly this invoice: to credit, whence the charge then takes it.
///
/// # Errors
/// [`Error::Constraint`] when it was recorded before.
pub async fn deposit_for_invoice(
    tx: &mut Tx,
    customer: CustomerId,
    invoice: InvoiceId,
    total: Money,
    note: &str,
) -> Result<(), Error> {
    let credit = account(tx, Some(customer), "credit", total.currency()).await?;
    let cash = account(tx, None, "cash", total.currency()).await?;
    let event = Event { kind: "deposit", ref_type: "invoice", ref_id: invoice.0, ref_seq: 0, customer, note };
    post(tx, &event, &[(credit, total.in_minor()), (cash, -total.in_minor())]).await
}

/// Gives back what a credit note credits: the bonus to bonus, the rest to credit; or, where it was paid back `outside`,
/// out of cash. It can't happen twice for one credit note.
///
/// # Errors
/// [`Error::Constraint`] when it was refunded before.
pub(crate) async fn refund(
    tx: &mut Tx,
    customer: CustomerId,
    credit_note: CreditNoteId,
    refund: &Charge,
    outside: bool,
    note: &str,
) -> Result<(), Error> {
    let total = refund.total().map_err(Error::corrupt)?;
    let currency = total.currency();
    let paid_in = match outside {
        true => account(tx, None, "cash", currency).await?,
        false => account(tx, Some(customer), "credit", currency).await?,
    };
    let bonus = account(tx, Some(customer), "bonus", currency).await?;
    let revenue = account(tx, None, "revenue", currency).await?;
    let event = Event { kind: "refund", ref_type: "credit_note", ref_id: credit_note.0, ref_seq: 0, customer, note };
    let lines = [(paid_in, refund.credit.in_minor()), (bonus, refund.bonus.in_minor()), (revenue, -total.in_minor())];
    post(tx, &event, &lines).await
}

/// What an invoice's charge took from each wallet; nothing where it was not charged.
pub(crate) async fn charged(tx: &mut Tx, invoice: InvoiceId, currency: Currency) -> Result<Charge, Error> {
    charged_of(tx.conn(), invoice, currency).await
}

/// The number of the next movement that staff enter.
pub(super) async fn next_movement(tx: &mut Tx) -> Result<i64, Error> {
    let number: Id = sql("select nextval('movement_id') as id").get_result(tx.conn()).await?;
    Ok(number.id)
}

/// Enters a movement of `amount`, which must be positive.
///
/// # Errors
/// [`Error::Refused`] when the amount isn't positive or the customer hasn't as much to withdraw.
pub async fn move_money(
    tx: &mut Tx,
    customer: CustomerId,
    movement: Movement,
    amount: Money,
    note: &str,
) -> Result<(), Error> {
    if amount.in_minor() <= 0 {
        return Err(Error::Refused(format!("{amount} is not an amount to move: it must be more than nothing")));
    }
    let (kind, sign) = match movement {
        Movement::Deposit => ("deposit", 1),
        Movement::Withdrawal => ("withdrawal", -1),
        Movement::Bonus => {
            return grant_bonus(tx, customer, &NewBonus { amount, reason: note, expires_on: None }).await;
        }
    };
    let ref_id = next_movement(tx).await?;
    let wallet = account(tx, Some(customer), "credit", amount.currency()).await?;
    let counter = account(tx, None, "cash", amount.currency()).await?;
    let event = Event { kind, ref_type: "movement", ref_id, ref_seq: 0, customer, note };
    let minor = amount.in_minor() * sign;
    match post(tx, &event, &[(wallet, minor), (counter, -minor)]).await {
        Err(Error::Insufficient(_)) => Err(Error::Refused(format!("the customer's credit is less than {amount}"))),
        outcome => outcome,
    }
}
