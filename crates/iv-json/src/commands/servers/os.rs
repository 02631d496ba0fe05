//! server_os.

use ::domain::{
    calendar::day_of,
    catalogue::{Arch, OsImage, PriceError, Pricing},
};
use futures_util::{FutureExt, future::LocalBoxFuture};
use gateway_http::reply::{Map, Reply};
use store::{Conn, Error, Realm, catalogue};

use crate::command::{Call, Effect, Failure, Iv, Reading, ReplyField, SERVER_ID, Shape, Spec};

/// Lists the operating systems that a server can have.
pub struct ServerOs;

static SPEC: Spec = Spec {
    name: "server_os",
    section: "server_os",
    about: "Lists the operating systems that a server can have, by their ids; also those that need more memory.",
    effects: &[Effect::Reads],
    fields: &[SERVER_ID],
    reply: &[
        ReplyField::text("title", "Its name."),
        ReplyField::text("arch", "64-bit or 32-bit."),
        ReplyField::or_null("url", "Where to read about it."),
        ReplyField::or_absent("min_ram", "The least memory that it runs in, in MB, where it needs more than any."),
        ReplyField::or_absent("panel", "yes, where it brings a control panel."),
        ReplyField::or_absent("price", "What it costs a month, where it does."),
    ],
    faults: &[],
};

impl Reading<Iv> for ServerOs {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn shape(&self) -> Shape {
        Shape::ByName
    }

    fn answer<'a>(
        &'a self,
        call: &'a Call<'a>,
        realm: &'a Realm,
        connection: &'a mut Conn,
    ) -> LocalBoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let catalogue = catalogue::newest(realm, connection).await?;
            let today = day_of(call.caller.now, &realm.rules().zone);
            let pricing = catalogue.pricing(call.caller.buyer.currency, today);
            let tariff = catalogue.tariff(call.service()?.order.tariff);
            let ids = tariff.map_or(&[][..], |tariff| &tariff.images);
            let mut listed = Map::new();
            for image in ids.iter().filter_map(|id| catalogue.image(id)).filter(|image| image.for_sale) {
                let shown = of_image(image, &pricing).map_err(Error::corrupt)?;
                listed.try_push(image.id.0.clone(), shown).map_err(Error::corrupt)?;
            }
            Ok(listed.into())
        }
        .boxed_local()
    }
}

fn of_image(image: &OsImage, pricing: &Pricing<'_>) -> Result<Map, PriceError> {
    let arch = match image.arch {
        Arch::Bits64 => "64-bit",
        Arch::Bits32 => "32-bit",
    };
    let mut shown = Map::new().with("title", image.title.as_str()).with("arch", arch).with("url", image.url.as_deref());
    if let Some(ram) = image.min_ram_mb {
        shown = shown.with("min_ram", ram.to_string());
    }
    if image.panel {
        shown = shown.with("panel", "yes");
    }
    if let Some(price) = image.price {
        shown = shown.with("price", pricing.convert(price)?.price.to_string());
    }
    Ok(shown)
}
