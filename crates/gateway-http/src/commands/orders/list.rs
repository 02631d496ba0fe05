//! getOrders.

use domain::{
    calendar::{day_of, days_between, moment_text, parse_digits},
    catalogue::{Catalogue, TariffId},
    field::Field,
    orders::OrderId,
};
use futures_util::{FutureExt, future::LocalBoxFuture};
use jiff::civil::Date;
use store::{
    Conn, Error, Realm, catalogue,
    db::Rules,
    orders::{OrderFilter, OrderRow, list},
};

use super::ORDER_ID;
use crate::{
    command::{Call, Effect, Failure, FieldSpec, Need, Reading, ReplyField, Spec, success},
    faults::{Fault, Refusal},
    reply::{Map, Reply},
};

/// Lists the customer's orders.
pub struct GetOrders;

const ONE_ORDER: FieldSpec = FieldSpec { about: "One order only.", need: Need::Optional("all orders"), ..ORDER_ID };

const LIMIT: FieldSpec = FieldSpec {
    name: "limit",
    about: "So many orders at the most, 1 to 1000.",
    need: Need::Optional("all orders"),
    example: "100",
    malformed: Some(("1001", Fault::BadField)),
    extension: true,
};

const AFTER: FieldSpec = FieldSpec {
    name: "after",
    about: "Only orders after this orderid: the last one of the page before.",
    need: Need::Optional("from the first order"),
    example: "1042",
    malformed: Some(("x", Fault::BadField)),
    extension: true,
};

const ORDERS: &[ReplyField] = &[
    ReplyField::text("orderid", "The order."),
    ReplyField::text("domain", "Its domain; empty without one."),
    ReplyField::text("domain_reg", "0 without registration of the domain, 1 with, 3 with transfer."),
    ReplyField::text("vid", "The kind of tariff."),
    ReplyField::text("tarifid", "The tariff."),
    ReplyField::text("tarifname", "Its name."),
    ReplyField::text("orderdate", "When it was ordered."),
    ReplyField::text("startdate", "The day it was first paid; empty until then."),
    ReplyField::text("todate", "The day it is paid until; empty until it is paid."),
    ReplyField::text("leftdays", "Days until then; negative when overdue; empty until it is paid."),
    ReplyField::text("status", "0 not processed, 1 processed, 2 suspended, 3 in processing."),
];

static SPEC: Spec = Spec {
    name: "getOrders",
    section: "4.8",
    about: "Lists the orders, by orderid. Terminated ones are not listed.",
    effects: &[Effect::Reads],
    fields: &[ONE_ORDER, LIMIT, AFTER],
    reply: &[ReplyField::list("orders", "The orders, by orderid.", ORDERS)],
    faults: &[Fault::UnknownOrder, Fault::NoOrders, Fault::BadField],
};

impl Reading for GetOrders {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn answer<'a>(
        &'a self,
        call: &'a Call<'a>,
        realm: &'a Realm,
        connection: &'a mut Conn,
    ) -> LocalBoxFuture<'a, Result<Map, Failure>> {
        async move {
            let filter = filter(call)?;
            let orders = list(connection, &filter).await?;
            if orders.is_empty() {
                return Err(if filter.id.is_some() { Fault::UnknownOrder } else { Fault::NoOrders }.into());
            }
            let catalogue = catalogue::newest(realm, connection).await?;
            let today = day_of(call.caller.now, &realm.rules().zone);
            let listed = orders.iter().map(|row| order(row, &catalogue, realm.rules(), today));
            Ok(success().with("orders", listed.collect::<Result<Vec<Reply>, Error>>()?))
        }
        .boxed_local()
    }
}

fn filter(call: &Call<'_>) -> Result<OrderFilter, Refusal> {
    let bad = |field: &FieldSpec| Refusal::with_detail(Fault::BadField, field.name);
    let id = match Field::read(call.text(&ONE_ORDER), parse_digits) {
        Field::Malformed => return Err(Fault::UnknownOrder.into()),
        id => id.given().copied().map(OrderId),
    };
    let limit = Field::read(call.text(&LIMIT), |text| parse_digits(text).filter(|n| (1..=1000).contains(n)));
    let after = Field::read(call.text(&AFTER), parse_digits);
    if limit == Field::Malformed {
        return Err(bad(&LIMIT));
    }
    if after == Field::Malformed {
        return Err(bad(&AFTER));
    }
    Ok(OrderFilter {
        customer: Some(call.buyer().customer),
        id,
        limit: limit.given().copied(),
        after: after.given().copied().map(OrderId),
        ..OrderFilter::default()
    })
}

fn order(row: &OrderRow, catalogue: &Catalogue, rules: &Rules, today: Date) -> Result<Reply, Error> {
    let day = |day: Option<Date>| day.map(|d| d.to_string()).unwrap_or_default();
    let left = row.paid_until().map(|until| days_between(today, until).to_string()).unwrap_or_default();
    Ok(Map::new()
        .with("orderid", row.id.to_string())
        .with("domain", row.domain.as_deref().unwrap_or_default())
        .with("domain_reg", row.domain_reg.to_string())
        .with("vid", row.vid.as_str())
        .with("tarifid", row.tariff_id.to_string())
        .with("tarifname", catalogue.tariff(TariffId(row.tariff_id)).map_or("", |t| t.name.as_str()))
        .with("orderdate", moment_text(row.created_at, &rules.zone))
        .with("startdate", day(row.start()))
        .with("todate", day(row.paid_until()))
        .with("leftdays", left)
        .with("status", row.state()?.wire())
        .into())
}
