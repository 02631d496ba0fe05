//! account_orders: the invoices.

use domain::{billing::InvoiceId, calendar::moment_text};
use futures_util::{FutureExt, future::LocalBoxFuture};
use gateway_http::reply::{Map, Reply};
use store::{
    Conn, Error, Realm,
    invoices::{InvoiceRow, list},
};

use crate::{
    command::{Call, Effect, Failure, Reading, ReplyField, Spec},
    links::{InvoiceLink, seal},
};

/// Lists the customer's invoices.
pub struct AccountOrders;

static SPEC: Spec = Spec {
    name: "account_orders",
    section: "account_orders",
    about: "Lists the invoices, newest first, each with a link to print it by.",
    effects: &[Effect::Reads],
    fields: &[],
    reply: &[
        ReplyField::text("or_id", "The invoice."),
        ReplyField::text("or_created", "When it was issued."),
        ReplyField::text("or_paid", "When it was paid; null until then."),
        ReplyField::text("or_series", "Its series; null until it is paid and numbered, which takes seconds."),
        ReplyField::text("or_number", "Its number in the series; null until then."),
        ReplyField::text("or_cost", "What it comes to."),
        ReplyField::text("or_url", "A link to print it by: it opens without a login and can't be guessed."),
    ],
    faults: &[],
};

impl Reading for AccountOrders {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn answer<'a>(
        &'a self,
        call: &'a Call<'a>,
        realm: &'a Realm,
        connection: &'a mut Conn,
    ) -> LocalBoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let rows = list(connection, Some(call.caller.buyer.customer)).await?;
            let invoices = rows.iter().rev().filter(|row| row.status != "cancelled");
            let listed = invoices.map(|row| invoice(row, call, realm)).collect::<Result<Vec<_>, Error>>()?;
            Ok(listed.into())
        }
        .boxed_local()
    }
}

fn invoice(row: &InvoiceRow, call: &Call<'_>, realm: &Realm) -> Result<Reply, Error> {
    let zone = &realm.rules().zone;
    let link = InvoiceLink::to(realm.kind(), InvoiceId(row.id));
    let token = seal(&link, realm.keys()).ok_or_else(|| Error::Failed("a link can't be sealed".into()))?;
    Ok(Map::new()
        .with("or_id", row.id.to_string())
        .with("or_created", moment_text(row.created_at, zone))
        .with("or_paid", row.paid_at.map(|at| moment_text(at, zone)))
        .with("or_series", row.series.as_deref())
        .with("or_number", row.number.map(|number| number.to_string()))
        .with("or_cost", row.total()?.to_string())
        .with("or_url", format!("{}/invoices/{token}", call.settings.public_url))
        .into())
}
