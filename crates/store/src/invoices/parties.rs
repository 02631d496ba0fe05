//! Who sold and who bought, as a paper keeps it from its issue on.

use diesel::{OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use domain::{
    billing::{CreditNoteId, InvoiceId, Party},
    language::Language,
};
use serde_json::Value;

use crate::{
    db::{Conn, Error},
    schema::{credit_note, invoice},
};

/// Who is on a paper, and the language that it speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parties {
    /// The company; `None` on an invoice of the time before this was kept.
    pub seller: Option<Party>,
    /// The customer.
    pub buyer: Party,
    /// The customer's language then.
    pub language: Language,
}

/// The parties of an invoice.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Corrupt`].
pub async fn of_invoice(connection: &mut Conn, id: InvoiceId) -> Result<Parties, Error> {
    let query = invoice::table.find(id.0).select((invoice::seller, invoice::buyer, invoice::language));
    let found = query.get_result(connection).await.optional()?;
    read(found.ok_or_else(|| Error::NotFound(format!("there is no invoice {}", id.0)))?)
}

/// The parties of a credit note.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Corrupt`].
pub async fn of_credit_note(connection: &mut Conn, id: CreditNoteId) -> Result<Parties, Error> {
    let columns = (credit_note::seller, credit_note::buyer, credit_note::language);
    let found = credit_note::table.find(id.0).select(columns).get_result(connection).await.optional()?;
    let (seller, buyer, language) =
        found.ok_or_else(|| Error::NotFound(format!("there is no credit note {}", id.0)))?;
    read((Some(seller), buyer, language))
}

fn read((seller, buyer, language): (Option<Value>, Value, String)) -> Result<Parties, Error> {
    let party = |value| serde_json::from_value(value).map_err(Error::corrupt);
    Ok(Parties {
        seller: seller.map(party).transpose()?,
        buyer: party(buyer)?,
        language: language.parse().map_err(Error::corrupt)?,
    })
}
