//! server_info.

use ::domain::{
    orders::ServerSpec,
    usage::{Counters, Sample},
};
use futures_util::{FutureExt, future::LocalBoxFuture};
use gateway_http::reply::{Map, Reply};
use store::{Conn, Realm, catalogue, servers::Service, usage};

use super::super::account::{SERVICE, addresses, service_fields, shown_hostname};
use crate::command::{Call, Effect, Failure, Iv, Reading, ReplyField, SERVER_ID, Spec, joined};

/// Tells what a server is and what it uses.
pub struct ServerInfo;

const INFO: &[ReplyField] = &[
    ReplyField::or_null("in_node", "The hypervisor that it is on."),
    ReplyField::or_null("in_host", "What it calls itself."),
    ReplyField::or_null("in_bw_in", "Traffic coming in, in kbit/s; null until measured."),
    ReplyField::or_null("in_bw_out", "Traffic going out, in kbit/s; null until measured."),
    ReplyField::or_null("in_qt_limit", "Disk, in MB."),
    ReplyField::or_null("in_qt_usage", "Disk in use, in MB; null until measured."),
    ReplyField::or_null("in_inodes_limit", "Files that there can be; null where there is no limit."),
    ReplyField::or_null("in_inodes_usage", "Files that there are; null until measured."),
    ReplyField::or_null("in_mm_limit", "Memory, in MB."),
    ReplyField::or_null("in_mm_usage", "Memory in use, in MB; null until measured."),
    ReplyField::text("in_ips", "Its addresses, separated by commas."),
];

/// The fields of a service, then those of a server.
const REPLY: &[ReplyField] = &joined::<16>(
    SERVICE,
    &[
        ReplyField::or_null("se_plan", "Its size in short: 2GHz:2048MB:20GB:20Mbps."),
        ReplyField::or_null("se_domain", "What it calls itself."),
        ReplyField::or_null("se_cpu", "Processor, in GHz."),
        ReplyField::or_null("se_ram", "Memory, in MB."),
        ReplyField::or_null("se_quota", "Disk, in GB."),
        ReplyField::or_null("se_bandwidth", "Bandwidth, in Mbps."),
        ReplyField::one("se_info", "What of it is used, measured at least once an hour.", INFO),
    ],
);

static SPEC: Spec = Spec {
    name: "server_info",
    section: "server_info",
    about: "Tells what a server is, and what it uses of that.",
    effects: &[Effect::Reads],
    fields: &[SERVER_ID],
    reply: REPLY,
    faults: &[],
};

impl Reading<Iv> for ServerInfo {
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
            let measured = usage::newest(connection, service.order.id).await?;
            Ok(of_server(fields, service, measured.as_ref()).into())
        }
        .boxed_local()
    }
}

/// What was measured last.
type Measured = (Counters, Sample);

fn of_server(fields: Map, service: &Service, measured: Option<&Measured>) -> Map {
    let spec = service.order.server.as_ref();
    let size = |of: fn(&ServerSpec) -> u32| spec.map(|spec| of(spec).to_string());
    let plan = spec.map(|s| format!("{}GHz:{}MB:{}GB:{}Mbps", s.cpu_ghz, s.ram_mb, s.disk_gb, s.bandwidth_mbps));
    let hostname = service.hostname.as_deref().map(shown_hostname);
    fields
        .with("se_plan", plan)
        .with("se_domain", hostname.clone())
        .with("se_cpu", size(|s| s.cpu_ghz))
        .with("se_ram", size(|s| s.ram_mb))
        .with("se_quota", size(|s| s.disk_gb))
        .with("se_bandwidth", size(|s| s.bandwidth_mbps))
        .with("se_info", in_use(service, hostname, measured))
}

fn in_use(service: &Service, hostname: Option<String>, measured: Option<&Measured>) -> Map {
    let rate = |of: fn(&Sample) -> Option<i64>| measured.and_then(|(_, sample)| of(sample)).map(|n| n.to_string());
    let count = |of: fn(&Counters) -> Option<i64>| measured.and_then(|(now, _)| of(now)).map(|n| n.to_string());
    let spec = service.order.server.as_ref();
    Map::new()
        .with("in_node", service.node.as_deref())
        .with("in_host", hostname)
        .with("in_bw_in", rate(|s| s.traffic_in))
        .with("in_bw_out", rate(|s| s.traffic_out))
        .with("in_qt_limit", spec.map(|s| (u64::from(s.disk_gb) * 1024).to_string()))
        .with("in_qt_usage", rate(|s| s.storage))
        .with("in_inodes_limit", count(|c| c.inodes_limit))
        .with("in_inodes_usage", count(|c| c.inodes_used))
        .with("in_mm_limit", spec.map(|s| s.ram_mb.to_string()))
        .with("in_mm_usage", rate(|s| s.memory))
        .with("in_ips", addresses(service))
}
