//! hosting_info.

use domain::{catalogue::Catalogue, domain_name::DomainName, usage::Counters};
use futures_util::{FutureExt, future::LocalBoxFuture};
use gateway_http::reply::{Map, Reply};
use store::{Conn, Realm, catalogue, servers::Service, usage};

use super::account::{SERVICE, addresses, service_fields};
use crate::command::{Call, Effect, Failure, HOSTING_ID, Iv, Reading, ReplyField, Spec, joined};

/// Tells what a web hosting is and what it uses.
pub struct HostingInfo;

const ADDON: &[ReplyField] = &[
    ReplyField::text("ad_id", "The addon."),
    ReplyField::text("ad_name", "Its name."),
    ReplyField::text("ad_quantity", "How many of it."),
];

const INFO: &[ReplyField] = &[
    ReplyField::or_null("in_qt_limit", "Disk, in MB; null where it is not known."),
    ReplyField::or_null("in_qt_usage", "Disk in use, in MB; null until measured."),
    ReplyField::or_null("in_inodes_limit", "Files that there can be; null where it is not known."),
    ReplyField::or_null("in_inodes_usage", "Files that there are; null until measured."),
    ReplyField::text("in_ips", "Its own addresses, separated by commas."),
];

/// The fields of a service, then those of a hosting.
const REPLY: &[ReplyField] = &joined::<15>(
    SERVICE,
    &[
        ReplyField::or_null("se_domain", "Its domain."),
        ReplyField::text("se_login", "Its login; empty until it is made."),
        ReplyField::text("se_status", "0 not processed, 1 processed, 2 suspended, 3 in processing."),
        ReplyField::text("se_remark", "What there is to say of it."),
        ReplyField::list("se_addons", "Its addons.", ADDON),
        ReplyField::one("se_info", "What of it is used.", INFO),
    ],
);

static SPEC: Spec = Spec {
    name: "hosting_info",
    section: "hosting_info",
    about: "Tells what a web hosting is, and what it uses of that.",
    effects: &[Effect::Reads],
    fields: &[HOSTING_ID],
    reply: REPLY,
    faults: &[],
};

impl Reading<Iv> for HostingInfo {
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
            let service = call.service()?;
            let catalogue = catalogue::newest(realm, connection).await?;
            let fields = service_fields(service, &catalogue, call, realm)?;
            let measured = usage::newest(connection, service.order.id).await?.map(|(counters, _)| counters);
            let order = &service.order;
            let hosting = fields
                .with("se_domain", order.domain.as_ref().map(DomainName::unicode))
                .with("se_login", service.login.as_str())
                .with("se_status", order.state.wire())
                .with("se_remark", service.remark.as_str())
                .with("se_addons", addons(service, &catalogue))
                .with("se_info", in_use(service, measured.as_ref()));
            Ok(hosting.into())
        }
        .boxed_local()
    }
}

fn addons(service: &Service, catalogue: &Catalogue) -> Vec<Reply> {
    let addon = |chosen: &domain::billing::Selection| {
        let name = catalogue.addon(chosen.addon).map_or("", |addon| addon.name.as_str());
        let (id, quantity) = (chosen.addon.to_string(), chosen.quantity.to_string());
        Map::new().with("ad_id", id).with("ad_name", name).with("ad_quantity", quantity).into()
    };
    service.order.addons.iter().map(addon).collect()
}

fn in_use(service: &Service, measured: Option<&Counters>) -> Map {
    let count = |of: fn(&Counters) -> Option<i64>| measured.and_then(of).map(|n| n.to_string());
    Map::new()
        .with("in_qt_limit", count(|c| c.disk_limit_mb))
        .with("in_qt_usage", count(|c| c.disk_used_mb))
        .with("in_inodes_limit", count(|c| c.inodes_limit))
        .with("in_inodes_usage", count(|c| c.inodes_used))
        .with("in_ips", addresses(service))
}
