//! Invoices and credit notes of the database as documents for people.

use domain::{
    billing::{CreditNoteId, InvoiceId, Party},
    calendar::day_of,
    customers::Prices,
    money::{Currency, Money, Percent},
};
use paper::{DocumentKind, DocumentLine, DocumentNumber, InvoiceDocument, LineTerm, Totals};
use store::{
    Error, Realm,
    invoices::{
        self, CreditNoteLineRow, CreditNoteRow, InvoiceLineRow, InvoiceRow, Parties, credit_note_lines, lines,
        of_credit_note, of_invoice, show,
    },
};

/// The document of an invoice; `None` when there is none.
pub(crate) async fn invoice(realm: &Realm, id: InvoiceId) -> Result<Option<InvoiceDocument>, Error> {
    let read = realm.read(async |connection| {
        let invoice = show(connection, id).await?;
        let lines = lines(connection, id).await?;
        Ok::<_, Error>((invoice, lines, of_invoice(connection, id).await?))
    });
    there(read.await)?.map(|(invoice, lines, parties)| of(realm, &invoice, &lines, parties)).transpose()
}

/// The document of a credit note; `None` when there is none.
pub(crate) async fn credit_note(realm: &Realm, id: CreditNoteId) -> Result<Option<InvoiceDocument>, Error> {
    let read = realm.read(async |connection| {
        let note = invoices::credit_note(connection, id).await?;
        let invoice = show(connection, InvoiceId(note.invoice_id)).await?;
        let lines = credit_note_lines(connection, id).await?;
        Ok::<_, Error>((note, invoice, lines, of_credit_note(connection, id).await?))
    });
    let found = there(read.await)?;
    found.map(|(note, invoice, lines, parties)| crediting(realm, &note, &invoice, &lines, parties)).transpose()
}

/// What was found, if it is there.
fn there<T>(found: Result<T, Error>) -> Result<Option<T>, Error> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn of(
    realm: &Realm,
    invoice: &InvoiceRow,
    lines: &[InvoiceLineRow],
    parties: Parties,
) -> Result<InvoiceDocument, Error> {
    let zone = &realm.rules().zone;
    let currency: Currency = invoice.currency.parse().map_err(Error::corrupt)?;
    let number = number(invoice.series.as_deref(), invoice.number);
    let issued = match &number {
        // What was a proforma until it was paid is an invoice from that day on.
        Some(_) => invoice.paid_at.unwrap_or(invoice.created_at),
        None => invoice.created_at,
    };
    let lines = lines.iter().map(|line| line_of_invoice(line, currency)).collect::<Result<Vec<_>, _>>()?;
    Ok(InvoiceDocument {
        // Until it has its number, which takes seconds after payment, it is none.
        kind: if number.is_some() { DocumentKind::Invoice } else { DocumentKind::Proforma },
        number,
        payment_reference: Some(invoice.id.to_string()),
        issued: day_of(issued, zone),
        paid: invoice.paid_at.map(|at| day_of(at, zone)),
        currency,
        seller: seller(realm, parties.seller),
        buyer: parties.buyer,
        totals: totals(&lines, currency)?,
        lines,
        vat_rate: rate(invoice.vat_points)?,
        vat_ground: invoice.vat_ground.parse().map_err(Error::corrupt)?,
        prices: prices(invoice),
        language: parties.language,
        note: None,
    })
}

fn crediting(
    realm: &Realm,
    note: &CreditNoteRow,
    invoice: &InvoiceRow,
    lines: &[CreditNoteLineRow],
    parties: Parties,
) -> Result<InvoiceDocument, Error> {
    let day = day_of(note.created_at, &realm.rules().zone);
    let currency: Currency = note.currency.parse().map_err(Error::corrupt)?;
    let prices = prices(invoice);
    let lines: Vec<_> = lines.iter().map(|line| line_of_credit(line, prices, currency)).collect();
    Ok(InvoiceDocument {
        kind: DocumentKind::CreditNote { of: number(invoice.series.as_deref(), invoice.number) },
        number: number(note.series.as_deref(), note.number),
        payment_reference: None,
        issued: day,
        paid: Some(day),
        currency,
        seller: seller(realm, parties.seller),
        buyer: parties.buyer,
        totals: totals(&lines, currency)?,
        lines,
        vat_rate: rate(invoice.vat_points)?,
        vat_ground: invoice.vat_ground.parse().map_err(Error::corrupt)?,
        prices,
        language: parties.language,
        note: Some(note.note.clone()),
    })
}

/// What was issued before the seller was kept shows the company as it is today.
fn seller(realm: &Realm, kept: Option<Party>) -> Party {
    kept.unwrap_or_else(|| realm.rules().seller.clone())
}

fn number(series: Option<&str>, number: Option<i64>) -> Option<DocumentNumber> {
    Some(DocumentNumber { series: series?.to_owned(), number: number? })
}

fn rate(points: i32) -> Result<Percent, Error> {
    Percent::basis_points(points.into()).map_err(Error::corrupt)
}

fn prices(invoice: &InvoiceRow) -> Prices {
    if invoice.prices == "net" { Prices::Net } else { Prices::Gross }
}

fn totals(lines: &[DocumentLine], currency: Currency) -> Result<Totals, Error> {
    let sum = |of: fn(&DocumentLine) -> Money| {
        lines.iter().try_fold(Money::zero(currency), |sum, line| sum.plus(of(line))).map_err(Error::corrupt)
    };
    Ok(Totals { net: sum(|l| l.net)?, vat: sum(|l| l.vat)?, gross: sum(|l| l.gross)? })
}

fn line_of_invoice(line: &InvoiceLineRow, currency: Currency) -> Result<DocumentLine, Error> {
    let money = |minor| Money::minor(minor, currency);
    let months = u16::try_from(line.months).map_err(Error::corrupt)?;
    let term = match (line.item.as_str(), months) {
        ("change", _) => LineTerm::Change,
        (_, 0) => LineTerm::Setup,
        (_, months) => LineTerm::Months(months),
    };
    Ok(DocumentLine {
        title: line.title.clone(),
        term,
        quantity: u32::try_from(line.quantity).map_err(Error::corrupt)?,
        unit_price: money(line.unit_price),
        discount: rate(line.discount_points)?,
        net: money(line.net),
        vat: money(line.vat),
        gross: money(line.gross),
    })
}

/// A line's share may be any part of it: so it stands as one thing, at the price that is taken back.
fn line_of_credit(line: &CreditNoteLineRow, prices: Prices, currency: Currency) -> DocumentLine {
    let money = |minor| Money::minor(minor, currency);
    DocumentLine {
        title: line.title.clone(),
        term: LineTerm::Credit(money(line.invoiced)),
        quantity: 1,
        unit_price: match prices {
            Prices::Gross => money(line.gross),
            Prices::Net => money(line.net),
        },
        discount: Percent::ZERO,
        net: money(line.net),
        vat: money(line.vat),
        gross: money(line.gross),
    }
}
