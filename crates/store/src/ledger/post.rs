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

/// What a journal does to an account.
pub(super) struct Line {
    /// Whose wallet; none: an account of the company's.
    customer: Option<CustomerId>,
    kind: &'static str,
    /// Minor units, signed.
    amount: i64,
}

impl Line {
    /// To a customer's wallet.
    pub(super) const fn wallet(customer: CustomerId, kind: &'static str, amount: i64) -> Self {
        Self { customer: Some(customer), kind, amount }
    }

    /// To an account of the company's.
    pub(super) const fn company(kind: &'static str, amount: i64) -> Self {
        Self { customer: None, kind, amount }
    }
}

/// Accounts that are not there yet are opened.
const POST: &str = "\
    select post($1, $2, $3, $4, $5, $6, \
      coalesce((select array_agg(open_account(l.customer, l.kind, $7) order by l.at) \
        from unnest($8::bigint[], $9::text[]) with ordinality as l (customer, kind, at)), '{}'), $10) as id";

/// Posts a journal. Lines of nothing are left out.
pub(super) async fn post(tx: &mut Tx, event: &Event<'_>, currency: Currency, lines: &[Line]) -> Result<(), Error> {
    let lines = || lines.iter().filter(|line| line.amount != 0);
    let customers: Vec<_> = lines().map(|line| line.customer.map(|customer| customer.0)).collect();
    let kinds: Vec<_> = lines().map(|line| line.kind).collect();
    let amounts: Vec<_> = lines().map(|line| line.amount).collect();
    sql(POST)
        .bind::<sql_types::Text, _>(event.kind)
        .bind::<sql_types::Text, _>(event.ref_type)
        .bind::<sql_types::BigInt, _>(event.ref_id)
        .bind::<sql_types::Integer, _>(event.ref_seq)
        .bind::<sql_types::BigInt, _>(event.customer.0)
        .bind::<sql_types::Text, _>(event.note)
        .bind::<sql_types::Text, _>(currency.code())
        .bind::<sql_types::Array<sql_types::Nullable<sql_types::BigInt>>, _>(customers)
        .bind::<sql_types::Array<sql_types::Text>, _>(kinds)
        .bind::<sql_types::Array<sql_types::BigInt>, _>(amounts)
        .get_result::<Id>(tx.conn())
        .await
        .map_err(Error::from)
        .map_err(|error| match error.constraint() {
            Some("account_holds_no_more") => Error::Refused("that is more than an account can hold".to_owned()),
            _ => error,
        })?;
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
    let event = Event { kind: "charge", ref_type: "invoice", ref_id: invoice.0, ref_seq: 0, customer, note };
    let lines = [
        Line::wallet(customer, "credit", -charge.credit.in_minor()),
        Line::wallet(customer, "bonus", -charge.bonus.in_minor()),
        Line::company("revenue", total.in_minor()),
    ];
    post(tx, &event, total.currency(), &lines).await
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
    let event = Event { kind: "deposit", ref_type: "invoice", ref_id: invoice.0, ref_seq: 0, customer, note };
    let lines = [Line::wallet(customer, "credit", total.in_minor()), Line::company("cash", -total.in_minor())];
    post(tx, &event, total.currency(), &lines).await
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
    let event = Event { kind: "refund", ref_type: "credit_note", ref_id: credit_note.0, ref_seq: 0, customer, note };
    let back = refund.credit.in_minor();
    let lines = [
        if outside { Line::company("cash", back) } else { Line::wallet(customer, "credit", back) },
        Line::wallet(customer, "bonus", refund.bonus.in_minor()),
        Line::company("revenue", -total.in_minor()),
    ];
    post(tx, &event, total.currency(), &lines).await
}

/// What an invoice's charge took from each wallet; nothing where it was not charged.
pub(crate) async fn charged(tx: &mut Tx, invoice: InvoiceId, currency: Currency) -> Result<Charge, Error> {
    charged_of(tx.conn(), invoice, currency).await
}

/// The number of the next movement that staff enter.
pub(crate) async fn next_movement(tx: &mut Tx) -> Result<i64, Error> {
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
    if movement == Movement::Bonus {
        return grant_bonus(tx, customer, &NewBonus { amount, reason: note, expires_on: None }).await;
    }
    let number = next_movement(tx).await?;
    enter(tx, number, customer, movement, amount, note).await
}

/// Enters a deposit or a withdrawal of `amount`, which is positive, under the number that [`next_movement`] gave.
///
/// # Errors
/// [`Error::Refused`] when the customer hasn't as much to withdraw.
pub(crate) async fn enter(
    tx: &mut Tx,
    ref_id: i64,
    customer: CustomerId,
    movement: Movement,
    amount: Money,
    note: &str,
) -> Result<(), Error> {
    let (kind, sign) = match movement {
        Movement::Deposit => ("deposit", 1),
        Movement::Withdrawal => ("withdrawal", -1),
        Movement::Bonus => return Err(Error::Refused("a bonus is a grant".to_owned())),
    };
    let event = Event { kind, ref_type: "movement", ref_id, ref_seq: 0, customer, note };
    let minor = amount.in_minor() * sign;
    let lines = [Line::wallet(customer, "credit", minor), Line::company("cash", -minor)];
    match post(tx, &event, amount.currency(), &lines).await {
        Err(Error::Insufficient(_)) => Err(Error::Refused(format!("the customer's credit is less than {amount}"))),
        outcome => outcome,
    }
}
