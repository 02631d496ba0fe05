//! Invoices of the database as documents for people.

use domain::{
    billing::InvoiceId,
    calendar::day_of,
    customers::{CustomerId, Prices},
    language::Language,
    money::{Currency, Money, Percent},
};
use paper::{DocumentKind, DocumentLine, DocumentNumber, InvoiceDocument, LineTerm, Party, Totals};
use store::{
    Error, Realm, RealmKind,
    customers::{CustomerRow, Profile, by_id, profile},
    invoices::{InvoiceLineRow, InvoiceRow, lines, show},
};

use crate::Api;

/// The document of an invoice; `None` when there is none.
pub(crate) async fn document(api: &Api, realm: RealmKind, id: InvoiceId) -> Result<Option<InvoiceDocument>, Error> {
    let realm = api.database().realm(realm);
    let read = realm.read(async |connection| {
        let invoice = show(connection, id).await?;
        let lines = lines(connection, id).await?;
        let customer = by_id(connection, CustomerId(invoice.customer_id)).await?;
        let profile = profile(connection, CustomerId(invoice.customer_id)).await?;
        Ok::<_, Error>((invoice, lines, customer, profile))
    });
    match read.await {
        Ok((invoice, lines, customer, profile)) => {
            compose(realm, api.settings().seller.clone(), &invoice, &lines, &customer, &profile).map(Some)
        }
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn compose(
    realm: &Realm,
    seller: Party,
    invoice: &InvoiceRow,
    lines: &[InvoiceLineRow],
    customer: &CustomerRow,
    profile: &Profile,
) -> Result<InvoiceDocument, Error> {
    let zone = &realm.rules().zone;
    let currency: Currency = invoice.currency.parse().map_err(Error::corrupt)?;
    let language: Language = customer.language.parse().map_err(Error::corrupt)?;
    let number = invoice.series.clone().zip(invoice.number);
    let sum = |of: fn(&InvoiceLineRow) -> i64| Money::minor(lines.iter().map(of).sum(), currency);
    Ok(InvoiceDocument {
        // Until it has its number, which takes seconds after payment, it is none.
        kind: if number.is_some() { DocumentKind::Invoice } else { DocumentKind::Proforma },
        number: number.map(|(series, number)| DocumentNumber { series, number }),
        payment_reference: Some(invoice.id.to_string()),
        issued: day_of(invoice.created_at, zone),
        paid: invoice.paid_at.map(|at| day_of(at, zone)),
        currency,
        seller,
        buyer: buyer(customer, profile),
        lines: lines.iter().map(|line| of_line(line, currency)).collect::<Result<_, Error>>()?,
        vat_rate: Percent::basis_points(invoice.vat_points.into()).map_err(Error::corrupt)?,
        prices: if invoice.prices == "net" { Prices::Net } else { Prices::Gross },
        totals: Totals { net: sum(|l| l.net), vat: sum(|l| l.vat), gross: sum(|l| l.gross) },
        language,
        note: None,
    })
}

fn of_line(line: &InvoiceLineRow, currency: Currency) -> Result<DocumentLine, Error> {
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
        discount: Percent::basis_points(line.discount_points.into()).map_err(Error::corrupt)?,
        net: money(line.net),
        vat: money(line.vat),
        gross: money(line.gross),
    })
}

/// The customer as its profile has it; by its login where nothing is known.
fn buyer(customer: &CustomerRow, profile: &Profile) -> Party {
    let name = profile.company.clone().or_else(|| profile.name.clone()).unwrap_or_else(|| customer.login.clone());
    let town = [&profile.zip, &profile.city].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
    let address =
        [profile.address.clone(), Some(town).filter(|t| !t.is_empty()), profile.state.clone(), profile.country.clone()];
    Party {
        name,
        code: profile.code.clone(),
        vat_code: profile.vat_code.clone(),
        address: address.into_iter().flatten().collect(),
        bank: None,
        email: profile.email.clone(),
        phone: profile.phone.clone(),
    }
}
