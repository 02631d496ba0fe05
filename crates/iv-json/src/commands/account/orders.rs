//! account_orders: the invoices and the credit notes.

use std::collections::BTreeMap;

use domain::{
    billing::{CreditNoteId, InvoiceId},
    calendar::moment_text,
    money::Money,
};
use futures_util::{FutureExt, future::LocalBoxFuture};
use gateway_http::reply::{Map, Reply};
use jiff::Timestamp;
use store::{
    Conn, Error, Realm,
    invoices::{CreditNoteRow, InvoiceRow, credit_notes, list},
};

use crate::{
    command::{Call, Effect, Failure, Iv, Reading, ReplyField, Shape, Spec},
    links::{CreditNoteLink, InvoiceLink, Link, seal},
};

/// Lists the customer's invoices and credit notes.
pub struct AccountOrders;

static SPEC: Spec = Spec {
    name: "account_orders",
    section: "account_orders",
    about: "Lists the invoices and credit notes, newest first, each with a link to print it by.",
    effects: &[Effect::Reads],
    fields: &[],
    reply: &[
        ReplyField::text("or_id", "The invoice or credit note; no two have the same."),
        ReplyField::text("or_created", "When it was issued."),
        ReplyField::or_null("or_paid", "When it was paid, of a credit note refunded; null until then."),
        ReplyField::or_null("or_series", "Its series; null until it is paid and numbered, which takes seconds."),
        ReplyField::or_null("or_number", "Its number in the series; null until then."),
        ReplyField::text("or_cost", "What it comes to; of a credit note less than nothing."),
        ReplyField::text("or_url", "A link to print it by: it opens without a login and can't be guessed."),
    ],
    faults: &[],
};

impl Reading<Iv> for AccountOrders {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn shape(&self) -> Shape {
        Shape::List
    }

    fn answer<'a>(
        &'a self,
        call: &'a Call<'a>,
        realm: &'a Realm,
        connection: &'a mut Conn,
    ) -> LocalBoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let customer = call.caller.buyer.customer;
            let invoices = list(connection, Some(customer)).await?;
            let credit_notes = credit_notes(connection, Some(customer)).await?;
            // Their ids are out of the same numbers, in the order of their issue.
            let mut papers = BTreeMap::new();
            for row in invoices.iter().filter(|row| row.status != "cancelled") {
                papers.insert(row.id, invoice(row, call, realm)?);
            }
            for row in &credit_notes {
                papers.insert(row.id, credit_note(row, call, realm)?);
            }
            let listed: Vec<Reply> = papers.into_values().rev().collect();
            Ok(listed.into())
        }
        .boxed_local()
    }
}

/// What stands in the list, whatever the paper is.
struct Paper<'a, L> {
    id: i64,
    created: Timestamp,
    paid: Option<Timestamp>,
    series: Option<&'a str>,
    number: Option<i64>,
    cost: Money,
    link: L,
}

fn invoice(row: &InvoiceRow, call: &Call<'_>, realm: &Realm) -> Result<Reply, Error> {
    let paper = Paper {
        id: row.id,
        created: row.created_at,
        paid: row.paid_at,
        series: row.series.as_deref(),
        number: row.number,
        cost: row.total()?,
        link: InvoiceLink::to(realm.kind(), InvoiceId(row.id)),
    };
    reply(&paper, call, realm)
}

fn credit_note(row: &CreditNoteRow, call: &Call<'_>, realm: &Realm) -> Result<Reply, Error> {
    let paper = Paper {
        id: row.id,
        created: row.created_at,
        paid: Some(row.created_at),
        series: row.series.as_deref(),
        number: row.number,
        cost: row.total()?,
        link: CreditNoteLink::to(realm.kind(), CreditNoteId(row.id)),
    };
    reply(&paper, call, realm)
}

fn reply<L: Link>(paper: &Paper<'_, L>, call: &Call<'_>, realm: &Realm) -> Result<Reply, Error> {
    let zone = &realm.rules().zone;
    let token = seal(&paper.link, realm.keys()).ok_or_else(|| Error::Failed("a link can't be sealed".into()))?;
    Ok(Map::new()
        .with("or_id", paper.id.to_string())
        .with("or_created", moment_text(paper.created, zone))
        .with("or_paid", paper.paid.map(|at| moment_text(at, zone)))
        .with("or_series", paper.series)
        .with("or_number", paper.number.map(|number| number.to_string()))
        .with("or_cost", paper.cost.to_string())
        .with("or_url", format!("{}/invoices/{token}", call.settings.public_url))
        .into())
}
