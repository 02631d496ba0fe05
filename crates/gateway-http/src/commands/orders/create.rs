//! createOrder.

use domain::{
    calendar::parse_digits,
    catalogue::TariffId,
    domain_name::DomainName,
    field::Field,
    language::Language,
    orders::{AddonError, Payment, PlaceError, PlaceRequest, echo_addons, parse_addons},
};
use futures_util::{FutureExt, future::LocalBoxFuture};
use secrecy::ExposeSecret;
use store::{
    Tx,
    orders::{PlaceFailure, Placed, place},
};

use super::{PERIOD, notice, period, price_failure};
use crate::{
    command::{Answer, Call, Effect, Failure, FieldSpec, Need, REQUEST_ID, ReplyField, Spec, Writing, success},
    commands::tariffs::{VID, read_vid},
    faults::{Fault, Refusal},
};

/// Orders a tariff.
pub struct CreateOrder;

const TARIFF_ID: FieldSpec = FieldSpec {
    name: "tarifid",
    about: "The tariff, by its id in getTarifs.",
    need: Need::Required(Fault::NoTariffId),
    example: "10",
    malformed: Some(("abc", Fault::UnknownTariff)),
    extension: false,
};

const DOMAIN: FieldSpec = FieldSpec {
    name: "domain",
    about: "The full domain name that the order is for; other than Latin letters in UTF-8.",
    need: Need::When("the tariff's allowWithoutDomain is 0", Fault::BadDomain),
    example: "example.com",
    malformed: Some(("under_score.example", Fault::BadDomain)),
    extension: false,
};

const ADDONS: FieldSpec = FieldSpec {
    name: "addons",
    about: "Addons by their ids in getTarifs, separated by commas, or as an array, the way PHP writes one \
            (addons[]); id:quantity for more than one of an addon.",
    need: Need::Optional("no addons"),
    example: "20,22:2",
    malformed: Some(("x", Fault::BadAddon)),
    extension: false,
};

static SPEC: Spec = Spec {
    name: "createOrder",
    section: "4.1",
    about: "Orders a tariff: charges the balance, writes the invoice and has the service made.",
    effects: &[Effect::Charges, Effect::Queues],
    fields: &[VID, TARIFF_ID, PERIOD, DOMAIN, ADDONS, REQUEST_ID],
    reply: &[
        ReplyField::text("orderid", "The order; all that is done with it later names it."),
        ReplyField::text("vid", "The kind of tariff."),
        ReplyField::text("tarifid", "The tariff."),
        ReplyField::text("domain", "The domain, in lower-case Unicode; empty without one."),
        ReplyField::text("period", "The period, in months."),
        ReplyField::text("addons", "The addons, in the order given."),
        ReplyField::text("balance", "The balance after the order."),
        ReplyField::text("cost", "What the order costs."),
        ReplyField::text("currency", "The currency of cost and balance, which is the customer's."),
        ReplyField::text("serverlogin", "The service's login; empty until it is known (30, 31)."),
        ReplyField::text("serverpassword", "The service's password; empty until it is known (30, 31)."),
        ReplyField::text("remark", "What else there is to know; mostly empty."),
    ],
    faults: &[
        Fault::BadVid,
        Fault::NoTariffId,
        Fault::UnknownTariff,
        Fault::OncePerCustomer,
        Fault::BadDomain,
        Fault::AlreadyOrdered,
        Fault::NoPeriod,
        Fault::BadPeriod,
        Fault::BadAddon,
        Fault::BadQuantity,
        Fault::GroupRequired,
        Fault::Manual,
        Fault::AwaitingPayment,
    ],
};

impl Writing for CreateOrder {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn answer<'a>(&'a self, call: &'a Call<'a>, tx: &'a mut Tx) -> LocalBoxFuture<'a, Result<Answer, Failure>> {
        async move {
            let request = PlaceRequest {
                vid: read_vid(call.text(&VID)),
                tariff: Field::read(call.text(&TARIFF_ID), |text| parse_digits(text).map(TariffId)),
                period: period(call),
                domain: Field::read(call.text(&DOMAIN), |text| DomainName::parse(text).ok()),
                addons: call.list(&ADDONS).map(parse_addons).unwrap_or_default(),
            };
            match place(tx, &call.buyer(), &request, call.unpaid()).await {
                Ok(placed) => Ok(answer(&placed)),
                Err(PlaceFailure::Decided(PlaceError::Domain)) if request.domain == Field::Malformed => {
                    Err(Refusal::with_detail(Fault::BadDomain, not_a_domain(call.caller.language)).into())
                }
                Err(PlaceFailure::Decided(error)) => Err(refusal(error)),
                Err(PlaceFailure::Store(error)) => Err(error.into()),
            }
        }
        .boxed_local()
    }
}

fn answer(placed: &Placed) -> Answer {
    let order = &placed.placement;
    let fields = success()
        .with("orderid", placed.id.to_string())
        .with("vid", order.vid.name())
        .with("tarifid", order.tariff.to_string())
        .with("domain", order.domain.as_ref().map_or("", DomainName::unicode))
        .with("period", order.months.to_string())
        .with("addons", echo_addons(&order.addons))
        .with("balance", order.balance.to_string())
        .with("cost", order.invoice.total.to_string())
        .with("currency", order.invoice.total.currency().code())
        .with("serverlogin", placed.login.as_str())
        .with("serverpassword", placed.password.as_ref().map_or("", |p| p.expose_secret()))
        .with("remark", "");
    let notice = match (order.payment, order.by_hand) {
        (Payment::Owed, _) => notice(Fault::AwaitingPayment),
        (Payment::Charged(_) | Payment::Free, true) => notice(Fault::Manual),
        (Payment::Charged(_) | Payment::Free, false) => None,
    };
    Answer { fields, notice }
}

/// The table's text for 13 says that none is given; this goes on after it where one is.
const fn not_a_domain(language: Language) -> &'static str {
    match language {
        Language::Ru => "указанное значение не является доменным именем",
        Language::En => "what is given is not one",
        Language::Lt => "nurodyta reikšmė nėra domeno vardas",
    }
}

fn refusal(error: PlaceError) -> Failure {
    match error {
        PlaceError::Vid => Fault::BadVid.into(),
        PlaceError::NoTariff => Fault::NoTariffId.into(),
        PlaceError::UnknownTariff => Fault::UnknownTariff.into(),
        PlaceError::HadOnce => Fault::OncePerCustomer.into(),
        PlaceError::Domain => Fault::BadDomain.into(),
        PlaceError::DomainTaken => Fault::AlreadyOrdered.into(),
        PlaceError::NoPeriod => Fault::NoPeriod.into(),
        PlaceError::Period => Fault::BadPeriod.into(),
        PlaceError::Addons(AddonError::NotAllowed) => Fault::BadAddon.into(),
        PlaceError::Addons(AddonError::Quantity(addon)) => {
            Refusal::with_detail(Fault::BadQuantity, addon.to_string()).into()
        }
        PlaceError::Addons(AddonError::TooManyOfGroup(group)) => Refusal::with_detail(Fault::BadQuantity, group).into(),
        PlaceError::Addons(AddonError::GroupRequired(group)) => {
            Refusal::with_detail(Fault::GroupRequired, group).into()
        }
        PlaceError::NotEnough => Fault::AwaitingPayment.into(),
        PlaceError::Price(error) => price_failure(error),
    }
}
