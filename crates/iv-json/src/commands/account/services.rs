//! account_services, and the fields of a service wherever it is shown.

use std::net::IpAddr;

use domain::{
    billing::{Renewed, quote_renewal},
    calendar::{Months, day_of, moment_text},
    catalogue::{Catalogue, Period, PriceError},
    domain_name::DomainName,
    language::Language,
    money::{Money, Percent},
};
use futures_util::{FutureExt, future::LocalBoxFuture};
use gateway_http::reply::{Map, Reply};
use store::{
    Conn, Error, Realm, catalogue,
    servers::{Service, services},
};

use crate::command::{Call, Effect, Failure, Iv, Reading, ReplyField, Shape, Spec};

/// Lists the customer's active services.
pub struct AccountServices;

/// The fields of a service.
pub(crate) const SERVICE: &[ReplyField] = &[
    ReplyField::text("se_id", "The service: its orderid."),
    ReplyField::text("se_created", "When it was ordered."),
    ReplyField::or_null("se_since", "The day it was first paid."),
    ReplyField::or_null("se_until", "The day it is paid until."),
    ReplyField::text("se_quantity", "For how many units the running time was paid."),
    ReplyField::text("se_price", "What a unit costs now."),
    ReplyField::text("se_discount", "The discount of the running time, in percent."),
    ReplyField::text("se_unit", "The unit: a month."),
    ReplyField::text("se_description", "The tariff, and the domain."),
];

static SPEC: Spec = Spec {
    name: "account_services",
    section: "account_services",
    about: "Lists the active services: those that run and those that are suspended.",
    effects: &[Effect::Reads],
    fields: &[],
    reply: SERVICE,
    faults: &[],
};

impl Reading<Iv> for AccountServices {
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
            let today = day_of(call.caller.now, &realm.rules().zone);
            let services = services(connection, call.caller.buyer.customer, today).await?;
            let catalogue = catalogue::newest(realm, connection).await?;
            let listed = services.iter().map(|s| service_fields(s, &catalogue, call, realm).map(Reply::from));
            Ok(listed.collect::<Result<Vec<Reply>, Error>>()?.into())
        }
        .boxed_local()
    }
}

/// The `se_*` fields of a service.
pub(crate) fn service_fields(
    service: &Service,
    catalogue: &Catalogue,
    call: &Call<'_>,
    realm: &Realm,
) -> Result<Map, Error> {
    let order = &service.order;
    let tariff = catalogue.tariff(order.tariff).map_or("", |t| t.name.as_str());
    let description = match &order.domain {
        Some(domain) => format!("{tariff} ({})", domain.unicode()),
        None => tariff.to_owned(),
    };
    let months = service.running.map_or_else(|| order.months.count(), |running| running.months);
    let discount = service.running.map_or(Percent::ZERO, |running| running.discount);
    let price = monthly(service, catalogue, call, realm).map_err(Error::corrupt)?;
    Ok(Map::new()
        .with("se_id", order.id.to_string())
        .with("se_created", moment_text(service.created_at, &realm.rules().zone))
        .with("se_since", order.start.map(|day| day.to_string()))
        .with("se_until", order.paid_until.map(|day| day.to_string()))
        .with("se_quantity", months.to_string())
        .with("se_price", price.to_string())
        .with("se_discount", discount.to_string())
        .with("se_unit", unit(call.caller.language))
        .with("se_description", description))
}

/// What a month costs now, without a discount.
fn monthly(service: &Service, catalogue: &Catalogue, call: &Call<'_>, realm: &Realm) -> Result<Money, PriceError> {
    let order = &service.order;
    let terms = call.caller.buyer.terms(realm.rules(), day_of(call.caller.now, &realm.rules().zone));
    let (Some(tariff), Some(month)) = (catalogue.tariff(order.tariff), Months::new(1)) else {
        return Ok(Money::zero(terms.currency));
    };
    let period = Period { months: month, discount: Percent::ZERO, for_new: false, for_renewal: true };
    let of = Renewed { addons: &order.addons, server: order.server.as_ref(), fixed_monthly: order.fixed_monthly };
    Ok(quote_renewal(catalogue, tariff, &period, of, &terms)?.total)
}

const fn unit(language: Language) -> &'static str {
    match language {
        Language::Lt => "mėn.",
        Language::Ru => "мес.",
        Language::En => "month",
    }
}

/// What a server calls itself, as people read it.
pub(crate) fn shown_hostname(ascii: &str) -> String {
    DomainName::parse(ascii).map_or_else(|_| ascii.to_owned(), |name| name.unicode().to_owned())
}

/// A service's addresses, separated by commas.
pub(crate) fn addresses(service: &Service) -> String {
    let addresses: Vec<String> = service.addresses.iter().map(IpAddr::to_string).collect();
    addresses.join(",")
}
