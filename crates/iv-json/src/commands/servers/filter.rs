//! server_flush_iptables and server_firewall: the packet filter inside a server, and the limits before it.

use ::domain::{
    calendar::parse_digits,
    field::Field,
    firewall::{FirewallChanges, Limit},
};
use futures_util::{FutureExt, future::LocalBoxFuture};
use gateway_http::reply::{Map, Reply};
use store::{Tx, servers};

use super::{STATES, TASK, failure, queued};
use crate::{
    command::{Call, Effect, Failure, FieldSpec, Iv, Need, ReplyField, SERVER_ID, Spec, Writing},
    fault::Fault,
};

/// Empties the packet filter inside a server.
pub struct ServerFlushIptables;

/// Sets and tells the limits of a server's packet filter.
pub struct ServerFirewall;

static FLUSH: Spec = Spec {
    name: "server_flush_iptables",
    section: "server_flush_iptables",
    about: "Empties the packet filter inside a server, so that it lets everything through.",
    effects: &[Effect::Queues],
    fields: &[SERVER_ID],
    reply: TASK,
    faults: &STATES,
};

const fn limit(limit: Limit, about: &'static str, example: &'static str, past: &'static str) -> FieldSpec {
    FieldSpec {
        name: limit.name(),
        about,
        need: Need::Optional("it stays; without any of the five they are only told"),
        example,
        malformed: Some((past, Fault::Parameter(limit.name()))),
        extension: false,
    }
}

const PPS: FieldSpec = limit(Limit::Packets, "Packets a second, 1000 to 5000.", "2000", "999");
const PPS_ICMP: FieldSpec = limit(Limit::Icmp, "ICMP packets a second, 10 to 500; 0 for no limit.", "50", "9");
const PPS_UDP: FieldSpec = limit(Limit::Udp, "UDP packets a second, 10 to 500; 0 for no limit.", "500", "501");
const PPS_SYN: FieldSpec = limit(Limit::Syn, "New TCP connections a second, 2 to 20; 0 for no limit.", "20", "1");
const CONNLIMIT: FieldSpec =
    limit(Limit::Connections, "TCP connections of one address at a time, 16 to 512; 0 for no limit.", "64", "513");

static FIREWALL: Spec = Spec {
    name: "server_firewall",
    section: "server_firewall",
    about: "Sets the limits of a server's packet filter, and tells them.",
    effects: &[Effect::Queues],
    fields: &[SERVER_ID, PPS, PPS_ICMP, PPS_UDP, PPS_SYN, CONNLIMIT],
    reply: &[
        ReplyField::text("pps", "Packets a second; 0 is no limit, here and in the next four."),
        ReplyField::text("pps_icmp", "ICMP packets a second."),
        ReplyField::text("pps_udp", "UDP packets a second."),
        ReplyField::text("pps_syn", "New TCP connections a second."),
        ReplyField::text("connlimit", "TCP connections of one address at a time."),
        ReplyField::or_null("task_id", "The task, for server_tasks; null when nothing changes."),
    ],
    faults: &[
        Fault::Parameter("pps"),
        Fault::Parameter("pps_icmp"),
        Fault::Parameter("pps_udp"),
        Fault::Parameter("pps_syn"),
        Fault::Parameter("connlimit"),
        Fault::Unpaid,
        Fault::Overdue,
        Fault::Suspended,
        Fault::Undoable,
        Fault::TooMuch,
    ],
};

impl Writing<Iv> for ServerFlushIptables {
    fn spec(&self) -> &'static Spec {
        &FLUSH
    }

    fn answer<'a>(&'a self, call: &'a Call<'a>, tx: &'a mut Tx) -> LocalBoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let task = servers::flush_filter(tx, call.caller.buyer.customer, call.order()?).await;
            task.map(queued).map_err(failure)
        }
        .boxed_local()
    }
}

impl Writing<Iv> for ServerFirewall {
    fn spec(&self) -> &'static Spec {
        &FIREWALL
    }

    fn answer<'a>(&'a self, call: &'a Call<'a>, tx: &'a mut Tx) -> LocalBoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let order = call.order()?;
            let whole = |limit: Limit| {
                Field::read(call.fields.text(limit.name()), |text| {
                    parse_digits(text).and_then(|n| u32::try_from(n).ok())
                })
            };
            let changes = FirewallChanges::read(whole).map_err(|limit| Fault::Parameter(limit.name()))?;
            let (limits, task) = match changes.is_empty() {
                true => (servers::limits_in_force(tx, order).await?, None),
                false => {
                    let customer = call.caller.buyer.customer;
                    servers::set_firewall(tx, customer, order, &changes).await.map_err(failure)?
                }
            };
            let mut told = Map::new();
            for limit in Limit::ALL {
                told = told.with(limit.name(), limits.get(limit).to_string());
            }
            Ok(told.with("task_id", task.map(|task| task.0.to_string())).into())
        }
        .boxed_local()
    }
}
