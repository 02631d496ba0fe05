//! Credit notes, as they were written.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, QueryableByName, Selectable, SelectableHelper, sql_types,
};
use diesel_async::RunQueryDsl;
use domain::{
    billing::{CreditNoteId, InvoiceId, VatLine},
    customers::CustomerId,
    money::{Currency, Money},
};

use crate::{
    db::{Conn, Error, sql},
    schema::credit_note,
};

/// A credit note in a list.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = credit_note)]
pub struct CreditNoteRow {
    /// Its number for staff; no invoice has the same.
    pub id: i64,
    /// The invoice that it takes back.
    pub invoice_id: i64,
    /// Whose it is.
    pub customer_id: i64,
    /// Why, for people.
    pub note: String,
    /// `wallets` or `outside`: where the money went.
    pub refund: String,
    /// ISO 4217.
    pub currency: String,
    /// Minor units, gross, negative.
    pub total: i64,
    /// With number, what stands on paper.
    pub series: Option<String>,
    /// Gapless in its series.
    pub number: Option<i64>,
    /// When it was issued, and the money given back.
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    pub created_at: jiff::Timestamp,
}

impl CreditNoteRow {
    /// What it comes to: less than nothing.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn total(&self) -> Result<Money, Error> {
        Ok(Money::minor(self.total, self.currency.parse().map_err(Error::corrupt)?))
    }
}

/// A line of a credit note, and the line of the invoice that it takes back.
#[derive(Debug, Clone, QueryableByName)]
pub struct CreditNoteLineRow {
    /// Of the invoice.
    #[diesel(sql_type = sql_types::SmallInt)]
    pub line: i16,
    /// The invoice's word for it.
    #[diesel(sql_type = sql_types::Text)]
    pub title: String,
    /// Minor units with VAT that the invoice's line has.
    #[diesel(sql_type = sql_types::BigInt)]
    pub invoiced: i64,
    /// Minor units, without VAT, taken back: negative, unless the line itself was.
    #[diesel(sql_type = sql_types::BigInt)]
    pub net: i64,
    /// Minor units of VAT.
    #[diesel(sql_type = sql_types::BigInt)]
    pub vat: i64,
    /// Minor units, with VAT.
    #[diesel(sql_type = sql_types::BigInt)]
    pub gross: i64,
}

/// Credit notes, by id: of a customer, or all.
///
/// # Errors
/// [`Error`] from the database.
pub async fn credit_notes(connection: &mut Conn, customer: Option<CustomerId>) -> Result<Vec<CreditNoteRow>, Error> {
    let query = credit_note::table.order(credit_note::id).select(CreditNoteRow::as_select());
    Ok(match customer {
        Some(customer) => query.filter(credit_note::customer_id.eq(customer.0)).load(connection).await?,
        None => query.load(connection).await?,
    })
}

/// An invoice's credit notes, by id.
///
/// # Errors
/// [`Error`] from the database.
pub async fn credit_notes_of(connection: &mut Conn, invoice: InvoiceId) -> Result<Vec<CreditNoteRow>, Error> {
    let query = credit_note::table.filter(credit_note::invoice_id.eq(invoice.0)).order(credit_note::id);
    Ok(query.select(CreditNoteRow::as_select()).load(connection).await?)
}

/// A credit note.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn credit_note(connection: &mut Conn, id: CreditNoteId) -> Result<CreditNoteRow, Error> {
    let query = credit_note::table.find(id.0).select(CreditNoteRow::as_select());
    let found = query.get_result(connection).await.optional()?;
    found.ok_or_else(|| Error::NotFound(format!("there is no credit note {}", id.0)))
}

/// A credit note's lines.
///
/// # Errors
/// [`Error`] from the database.
pub async fn credit_note_lines(connection: &mut Conn, id: CreditNoteId) -> Result<Vec<CreditNoteLineRow>, Error> {
    let query = "select l.line, i.title, i.gross as invoiced, l.net, l.vat, l.gross from credit_note_line l \
         join credit_note c on c.id = l.credit_note_id \
         join invoice_line i on i.invoice_id = c.invoice_id and i.line = l.line \
         where c.id = $1 order by l.line";
    Ok(sql(query).bind::<sql_types::BigInt, _>(id.0).load(connection).await?)
}

#[derive(QueryableByName)]
struct Left {
    #[diesel(sql_type = sql_types::SmallInt)]
    line: i16,
    #[diesel(sql_type = sql_types::BigInt)]
    net: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    vat: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    gross: i64,
}

/// What credit notes have left of each line of an invoice, by line.
pub(crate) async fn left(
    connection: &mut Conn,
    invoice: InvoiceId,
    currency: Currency,
) -> Result<Vec<(i16, VatLine)>, Error> {
    let query = "select i.line, (i.net - coalesce(c.net, 0))::bigint as net, \
           (i.vat - coalesce(c.vat, 0))::bigint as vat, (i.gross - coalesce(c.gross, 0))::bigint as gross \
         from invoice_line i left join credited_line c on c.invoice_id = i.invoice_id and c.line = i.line \
         where i.invoice_id = $1 order by i.line";
    let rows: Vec<Left> = sql(query).bind::<sql_types::BigInt, _>(invoice.0).load(connection).await?;
    let money = |minor| Money::minor(minor, currency);
    let of = |row: Left| (row.line, VatLine { net: money(row.net), vat: money(row.vat), gross: money(row.gross) });
    Ok(rows.into_iter().map(of).collect())
}
