//! A paid invoice is credited: the credit note, its lines and the money in one transaction.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use domain::{
    billing::{CreditNoteId, InvoiceId, VatLine, credit_line, split_credit, split_refund},
    customers::CustomerId,
    money::Money,
    orders::{BillingMode, OrderId},
};

use super::{
    credited::{CreditNoteRow, credit_note as read, left},
    list::{InvoiceRow, show},
    write::seller,
};
use crate::{
    db::{Error, Tx},
    ledger,
    orders::lock,
    schema::{credit_note, credit_note_line},
};

/// Where the money of a credit note goes. What a bonus had paid goes back as bonus either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refund {
    /// Back to the customer's wallets.
    Wallets,
    /// It was paid back outside, as by a bank.
    Outside,
}

impl Refund {
    const fn name(self) -> &'static str {
        match self {
            Self::Wallets => "wallets",
            Self::Outside => "outside",
        }
    }
}

/// What is to be credited of an invoice, and why.
#[derive(Debug, Clone, Copy)]
pub struct Credit<'a> {
    /// Gross, more than nothing; all that is left of the invoice when `None`.
    pub amount: Option<Money>,
    /// What it is for, such as `failed create of order 17`: an invoice is credited once for it.
    pub cause: &'a str,
    /// Why, for people.
    pub note: &'a str,
    /// Where the money goes.
    pub refund: Refund,
}

/// A credit note, as it is after [`credit`].
#[derive(Debug, Clone)]
pub struct Credited {
    /// The credit note.
    pub credit_note: CreditNoteRow,
    /// Whether it was written now; else it was there already.
    pub new: bool,
}

/// Credits a paid invoice, wholly or in part, and gives the money back. It happens once for each cause: the same again
/// finds the credit note that is there. The order stays as it is.
///
/// Locks the order's row and then the customer's wallets.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] when the invoice is not paid, has not as much left, or was credited for this
/// cause otherwise. Nothing is written then.
pub async fn credit(tx: &mut Tx, id: InvoiceId, wanted: &Credit<'_>) -> Result<Credited, Error> {
    let order_id = OrderId(show(tx.conn(), id).await?.order_id);
    lock(tx, order_id).await?.ok_or_else(|| Error::corrupt(format!("invoice {} has no order", id.0)))?;
    let invoice = show(tx.conn(), id).await?;
    let lines = left(tx.conn(), id, invoice.total()?.currency()).await?;
    let rest = lines.iter().try_fold(Money::zero(invoice.total()?.currency()), |sum, (_, l)| sum.plus(l.gross));
    let rest = rest.map_err(Error::corrupt)?;
    if let Some(there) = of_cause(tx, id, wanted.cause).await? {
        return same(there, wanted, rest).map(|credit_note| Credited { credit_note, new: false });
    }
    if invoice.status != "paid" {
        return Err(Error::Refused(format!("invoice {} is {}: only a paid one is credited", id.0, invoice.status)));
    }
    if rest.is_zero() {
        return Err(Error::Refused(format!("nothing of invoice {} is left to credit", id.0)));
    }
    let amount = wanted.amount.unwrap_or(rest);
    let left: Vec<VatLine> = lines.iter().map(|(_, line)| *line).collect();
    let taken = split_credit(&left, amount).map_err(|error| Error::Refused(format!("invoice {}: {error}", id.0)))?;
    let written = write(tx, id, &invoice, amount, wanted).await?;
    let taken: Vec<(i16, VatLine)> = lines.iter().map(|(line, _)| *line).zip(taken).collect();
    write_lines(tx, written, &taken).await?;
    if tx.realm().billing() == BillingMode::Charging {
        give_back(tx, &invoice, written, rest, amount, wanted).await?;
    }
    Ok(Credited { credit_note: read(tx.conn(), written).await?, new: true })
}

/// Credits lines of a paid invoice by so much each, gross, and gives the money back to the wallets. The order's row is
/// held. What sums to nothing is not written.
///
/// # Errors
/// [`Error`] from the database, which refuses more than a line has.
pub(crate) async fn credit_lines(
    tx: &mut Tx,
    id: InvoiceId,
    parts: &[(i16, Money)],
    cause: &str,
    note: &str,
) -> Result<(), Error> {
    let invoice = show(tx.conn(), id).await?;
    let zero = Money::zero(invoice.total()?.currency());
    let lines = left(tx.conn(), id, zero.currency()).await?;
    let rest = lines.iter().try_fold(zero, |sum, (_, line)| sum.plus(line.gross)).map_err(Error::corrupt)?;
    let amount = parts.iter().try_fold(zero, |sum, (_, share)| sum.plus(*share)).map_err(Error::corrupt)?;
    if amount.is_zero() {
        return Ok(());
    }
    let of = |(line, share): &(i16, Money)| {
        let left = lines.iter().find(|(of, _)| of == line).map(|(_, left)| left);
        let left = left.ok_or_else(|| Error::corrupt(format!("invoice {} has no line {line}", id.0)))?;
        Ok((*line, credit_line(left, *share).map_err(Error::corrupt)?))
    };
    let taken: Vec<(i16, VatLine)> = parts.iter().map(of).collect::<Result<_, Error>>()?;
    let wanted = Credit { amount: Some(amount), cause, note, refund: Refund::Wallets };
    let written = write(tx, id, &invoice, amount, &wanted).await?;
    write_lines(tx, written, &taken).await?;
    if tx.realm().billing() == BillingMode::Charging {
        give_back(tx, &invoice, written, rest, amount, &wanted).await?;
    }
    Ok(())
}

async fn of_cause(tx: &mut Tx, id: InvoiceId, cause: &str) -> Result<Option<CreditNoteRow>, Error> {
    let query = credit_note::table.filter(credit_note::invoice_id.eq(id.0)).filter(credit_note::cause.eq(cause));
    Ok(query.select(CreditNoteRow::as_select()).get_result(tx.conn()).await.optional()?)
}

/// The credit note that is there, if it is what is wanted. All that was left was taken by one that leaves nothing.
fn same(there: CreditNoteRow, wanted: &Credit<'_>, rest: Money) -> Result<CreditNoteRow, Error> {
    let amount = match wanted.amount {
        Some(amount) => amount.in_minor() == -there.total && amount.currency().code() == there.currency,
        None => rest.is_zero(),
    };
    if amount && there.refund == wanted.refund.name() {
        return Ok(there);
    }
    let (invoice, id) = (there.invoice_id, there.id);
    Err(Error::Refused(format!(
        "invoice {invoice} was credited for this before, otherwise: see credit note {id}, or give another reason"
    )))
}

async fn write(
    tx: &mut Tx,
    id: InvoiceId,
    invoice: &InvoiceRow,
    amount: Money,
    wanted: &Credit<'_>,
) -> Result<CreditNoteId, Error> {
    let written: i64 = diesel::insert_into(credit_note::table)
        .values((
            credit_note::invoice_id.eq(id.0),
            credit_note::customer_id.eq(invoice.customer_id),
            credit_note::cause.eq(wanted.cause),
            credit_note::note.eq(wanted.note),
            credit_note::refund.eq(wanted.refund.name()),
            credit_note::currency.eq(amount.currency().code()),
            credit_note::total.eq(-amount.in_minor()),
            credit_note::seller.eq(seller(tx)?),
        ))
        .returning(credit_note::id)
        .get_result(tx.conn())
        .await?;
    Ok(CreditNoteId(written))
}

async fn write_lines(tx: &mut Tx, id: CreditNoteId, taken: &[(i16, VatLine)]) -> Result<(), Error> {
    let some = taken.iter().filter(|(_, amount)| !amount.gross.is_zero());
    let rows: Vec<_> = some
        .map(|(line, amount)| {
            (
                credit_note_line::credit_note_id.eq(id.0),
                credit_note_line::line.eq(line),
                credit_note_line::net.eq(amount.net.in_minor()),
                credit_note_line::vat.eq(amount.vat.in_minor()),
                credit_note_line::gross.eq(amount.gross.in_minor()),
            )
        })
        .collect();
    diesel::insert_into(credit_note_line::table).values(rows).execute(tx.conn()).await?;
    Ok(())
}

/// `rest` is what was left of the invoice before.
async fn give_back(
    tx: &mut Tx,
    invoice: &InvoiceRow,
    id: CreditNoteId,
    rest: Money,
    amount: Money,
    wanted: &Credit<'_>,
) -> Result<(), Error> {
    let (customer, currency) = (CustomerId(invoice.customer_id), amount.currency());
    ledger::lock_wallets(tx, customer, currency).await?;
    let paid = ledger::charged(tx, InvoiceId(invoice.id), currency).await?;
    let before = invoice.total()?.minus(rest).map_err(Error::corrupt)?;
    let refund = split_refund(&paid, before, amount).map_err(Error::corrupt)?;
    let note = format!("credit of invoice {}: {}", invoice.id, wanted.note);
    ledger::refund(tx, customer, id, &refund, wanted.refund == Refund::Outside, &note).await
}
