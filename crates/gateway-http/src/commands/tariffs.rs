//! getTarifs.

use domain::{
    calendar::day_of,
    catalogue::{Addon, Catalogue, Period, PriceError, Pricing, Tariff, Vid},
    field::Field,
    money::Currency,
};
use futures_util::{FutureExt, future::LocalBoxFuture};
use store::{Conn, Error, Realm, catalogue};

use crate::{
    command::{Call, Effect, Failure, FieldSpec, Need, Reading, ReplyField, Spec, success},
    faults::Fault,
    reply::{Map, Reply},
};

/// What is for sale.
pub struct GetTarifs;

/// The kind of tariff, of this command and of createOrder.
pub(super) const VID: FieldSpec = FieldSpec {
    name: "vid",
    about: "The kind of tariff: hosting, vds or dedicated.",
    need: Need::Optional("hosting"),
    example: "vds",
    malformed: Some(("cloud", Fault::BadVid)),
    extension: false,
};

const MONTHS: &[ReplyField] = &[
    ReplyField::text("months", "The period's length in months."),
    ReplyField::text("discount", "The discount on its monthly prices, in percent."),
    ReplyField::text("allowForNewOrder", "1 when new orders can have it."),
    ReplyField::text("allowForRenew", "1 when renewals can have it."),
];

const ADDONS: &[ReplyField] = &[
    ReplyField::text("id", "The addon's id."),
    ReplyField::text("name", "Its name."),
    ReplyField::text("costMonthly", "The price of a month of one."),
    ReplyField::text("costSetup", "The price of setting one up."),
    ReplyField::text("group", "The group that it is of; empty when of none. (Extension)"),
    ReplyField::text("groupRequired", "1 when an order must have one of the group. (Extension)"),
    ReplyField::text("minQuantity", "The fewest that an order can have. (Extension)"),
    ReplyField::text("maxQuantity", "The most that an order can have. (Extension)"),
];

const TARIFS: &[ReplyField] = &[
    ReplyField::text("id", "The tariff's id."),
    ReplyField::text("vid", "Its kind."),
    ReplyField::text("name", "Its name."),
    ReplyField::text("costMonthly", "The price of a month."),
    ReplyField::text("costSetup", "The price of setting it up."),
    ReplyField::text("currency", "The currency of the prices, which is the customer's."),
    ReplyField::text("allowWithoutDomain", "1 when it can be ordered without a domain."),
    ReplyField::list("months", "The periods it is sold for.", MONTHS),
    ReplyField::list("addons", "The addons it can have.", ADDONS),
];

static SPEC: Spec = Spec {
    name: "getTarifs",
    section: "4.5",
    about: "Lists the tariffs of a kind that are for sale, with their periods and addons.",
    effects: &[Effect::Reads],
    fields: &[VID],
    reply: &[ReplyField::list("tarifs", "The tariffs, in the company's order.", TARIFS)],
    faults: &[Fault::BadVid, Fault::NoTariffs],
};

impl Reading for GetTarifs {
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
            let vid = match read_vid(call.text(&VID)) {
                Field::Absent => Vid::default(),
                Field::Malformed => return Err(Fault::BadVid.into()),
                Field::Given(vid) => vid,
            };
            let catalogue = catalogue::newest(realm, connection).await?;
            let currency = call.buyer().currency;
            let pricing = catalogue.pricing(currency, day_of(call.caller.now, &realm.rules().zone));
            let listed = catalogue.for_sale(vid).map(|t| tariff(t, &catalogue, &pricing, currency));
            let listed = listed.collect::<Result<Vec<Reply>, PriceError>>().map_err(Error::corrupt)?;
            if listed.is_empty() {
                return Err(Fault::NoTariffs.into());
            }
            Ok(success().with("tarifs", listed))
        }
        .boxed_local()
    }
}

/// The field `vid`.
pub(super) fn read_vid(text: Option<&str>) -> Field<Vid> {
    Field::read(text, |text| text.parse().ok())
}

fn flag(set: bool) -> &'static str {
    if set { "1" } else { "0" }
}

fn tariff(
    tariff: &Tariff,
    catalogue: &Catalogue,
    pricing: &Pricing<'_>,
    currency: Currency,
) -> Result<Reply, PriceError> {
    let addons = catalogue.addons_of(tariff).map(|a| addon(a, catalogue, pricing));
    let sold = tariff.periods.iter().filter(|p| p.for_new || p.for_renewal);
    Ok(Map::new()
        .with("id", tariff.id.to_string())
        .with("vid", tariff.vid.name())
        .with("name", tariff.name.as_str())
        .with("costMonthly", pricing.tariff_monthly(tariff)?.price.to_string())
        .with("costSetup", pricing.tariff_setup(tariff)?.price.to_string())
        .with("currency", currency.code())
        .with("allowWithoutDomain", flag(tariff.without_domain))
        .with("months", sold.map(period).collect::<Reply>())
        .with("addons", addons.collect::<Result<Vec<Reply>, PriceError>>()?)
        .into())
}

fn period(period: &Period) -> Reply {
    Map::new()
        .with("months", period.months.to_string())
        .with("discount", period.discount.to_string())
        .with("allowForNewOrder", flag(period.for_new))
        .with("allowForRenew", flag(period.for_renewal))
        .into()
}

fn addon(addon: &Addon, catalogue: &Catalogue, pricing: &Pricing<'_>) -> Result<Reply, PriceError> {
    let group = addon.group.as_deref().and_then(|key| catalogue.group(key));
    Ok(Map::new()
        .with("id", addon.id.to_string())
        .with("name", addon.name.as_str())
        .with("costMonthly", pricing.addon_monthly(addon)?.price.to_string())
        .with("costSetup", pricing.addon_setup(addon)?.price.to_string())
        .with("group", group.map_or("", |g| g.key.as_str()))
        .with("groupRequired", flag(group.is_some_and(|g| g.required)))
        .with("minQuantity", addon.min_quantity.to_string())
        .with("maxQuantity", addon.max_quantity.to_string())
        .into())
}
