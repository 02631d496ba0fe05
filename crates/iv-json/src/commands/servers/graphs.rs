//! server_graphs.

use std::net::IpAddr;

use ::domain::{calendar::parse_digits, field::Field};
use futures_util::{FutureExt, future::LocalBoxFuture};
use gateway_http::reply::{Map, Reply};
use graphs::{Kind, Width};
use store::{Conn, Error, Realm};

use crate::{
    command::{Call, Effect, Failure, FieldSpec, Iv, Need, Reading, ReplyField, SERVER_ID, Shape, Spec},
    fault::Fault,
    links::{GraphLink, seal},
};

/// Gives links to a server's graphs.
pub struct ServerGraphs;

/// A link opens for a day.
const SECONDS: i64 = 24 * 3600;

const WIDTH: FieldSpec = FieldSpec {
    name: "width",
    about: "How wide the pictures are to be, 1 to 1000 pixels.",
    need: Need::Required(Fault::Parameter("width")),
    example: "600",
    malformed: Some(("1001", Fault::Parameter("width"))),
    extension: false,
};

const IP: FieldSpec = FieldSpec {
    name: "ip",
    about: "The address that the pictures will be looked at from: the links open for no other.",
    need: Need::Required(Fault::Parameter("ip")),
    example: "198.51.100.7",
    malformed: Some(("x", Fault::Parameter("ip"))),
    extension: false,
};

static SPEC: Spec = Spec {
    name: "server_graphs",
    section: "server_graphs",
    about: "Gives 24 links to pictures of what a server used: six graphs, each of a day, a week, a month and a year.",
    effects: &[Effect::Reads],
    fields: &[SERVER_ID, WIDTH, IP],
    reply: &[ReplyField::text("traffic_daily", "A link; and so on for the other 23, by their names.")],
    faults: &[Fault::Parameter("width"), Fault::Parameter("ip")],
};

impl Reading<Iv> for ServerGraphs {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn shape(&self) -> Shape {
        Shape::Texts
    }

    fn answer<'a>(
        &'a self,
        call: &'a Call<'a>,
        realm: &'a Realm,
        _: &'a mut Conn,
    ) -> LocalBoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let wrong = Fault::Parameter(WIDTH.name);
            let width = Field::read(call.text(&WIDTH), |text| {
                parse_digits(text).and_then(|n| u32::try_from(n).ok()).and_then(Width::new)
            });
            let width = width.required(wrong, wrong)?;
            let wrong = Fault::Parameter(IP.name);
            let ip = Field::read(call.text(&IP), |text| text.parse::<IpAddr>().ok());
            let ip = ip.required(wrong, wrong)?.to_canonical();
            let expires = call.caller.now.as_second() + SECONDS;
            let pixels = u32::try_from(width.pixels()).unwrap_or(0);
            let mut links = Map::new();
            for kind in Kind::all() {
                let link = GraphLink::to(realm.kind(), call.order()?, kind.to_string(), pixels, ip, expires);
                let token = seal(&link, realm.keys());
                let token = token.ok_or_else(|| Error::Failed("a link can't be sealed".into()))?;
                let url = format!("{}/graphs/{token}.png", call.settings.public_url);
                links.try_push(kind.to_string(), url).map_err(Error::corrupt)?;
            }
            Ok(links.into())
        }
        .boxed_local()
    }
}
