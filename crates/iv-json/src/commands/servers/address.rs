//! server_ptr and server_move_ip.

use std::net::IpAddr;

use ::domain::{calendar::parse_digits, domain_name::DomainName, field::Field, orders::OrderId};
use futures_util::{FutureExt, future::LocalBoxFuture};
use gateway_http::reply::Reply;
use store::{Tx, servers};

use super::{TASK, failure, queued};
use crate::{
    command::{Call, Effect, Failure, FieldSpec, Iv, Need, SERVER_ID, Spec, Writing},
    fault::Fault,
};

/// Gives an address of a server another reverse name.
pub struct ServerPtr;

/// Moves an address from one server to another.
pub struct ServerMoveIp;

const IP: FieldSpec = FieldSpec {
    name: "ip",
    about: "The address: one that the server holds.",
    need: Need::Required(Fault::Parameter("ip")),
    example: "198.18.0.2",
    malformed: Some(("198.18.0", Fault::Parameter("ip"))),
    extension: false,
};

const NAME: FieldSpec = FieldSpec {
    name: "domain",
    about: "The name that the address is to resolve to.",
    need: Need::Required(Fault::Parameter("domain")),
    example: "vps.example.lt",
    malformed: Some(("not a host", Fault::Parameter("domain"))),
    extension: false,
};

const TARGET: FieldSpec = FieldSpec {
    name: "target_id",
    about: "The server that is to have the address, by the id of its service: another of the same customer's.",
    need: Need::Required(Fault::Parameter("target_id")),
    example: "1043",
    malformed: Some(("x", Fault::Parameter("target_id"))),
    extension: false,
};

static PTR: Spec = Spec {
    name: "server_ptr",
    section: "server_ptr",
    about: "Gives an address of a server another reverse name.",
    effects: &[Effect::Queues],
    fields: &[SERVER_ID, IP, NAME],
    reply: TASK,
    faults: &[
        Fault::Parameter("ip"),
        Fault::Parameter("domain"),
        Fault::Unpaid,
        Fault::Overdue,
        Fault::Suspended,
        Fault::Undoable,
        Fault::TooMuch,
    ],
};

static MOVE_IP: Spec = Spec {
    name: "server_move_ip",
    section: "server_move_ip",
    about: "Moves an address from one server to another of the same customer's.",
    effects: &[Effect::Queues],
    fields: &[SERVER_ID, IP, TARGET],
    reply: TASK,
    faults: &[
        Fault::Parameter("ip"),
        Fault::Parameter("target_id"),
        Fault::Unpaid,
        Fault::Overdue,
        Fault::Suspended,
        Fault::Undoable,
        Fault::TooMuch,
        Fault::Immovable,
    ],
};

fn ip(call: &Call<'_>) -> Result<IpAddr, Fault> {
    let wrong = Fault::Parameter(IP.name);
    Field::read(call.text(&IP), |text| text.parse().ok()).required(wrong, wrong).copied()
}

impl Writing<Iv> for ServerPtr {
    fn spec(&self) -> &'static Spec {
        &PTR
    }

    fn answer<'a>(&'a self, call: &'a Call<'a>, tx: &'a mut Tx) -> LocalBoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let ip = ip(call)?;
            let wrong = Fault::Parameter(NAME.name);
            let name = Field::read(call.text(&NAME), |text| DomainName::parse(text).ok());
            let name = name.required(wrong, wrong)?;
            let task = servers::set_ptr(tx, call.caller.buyer.customer, call.order()?, ip, name).await;
            task.map(queued).map_err(failure)
        }
        .boxed_local()
    }
}

impl Writing<Iv> for ServerMoveIp {
    fn spec(&self) -> &'static Spec {
        &MOVE_IP
    }

    fn answer<'a>(&'a self, call: &'a Call<'a>, tx: &'a mut Tx) -> LocalBoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let ip = ip(call)?;
            let target = match (call.text(&TARGET), call.text(&TARGET).and_then(parse_digits)) {
                (_, Some(id)) => OrderId(id),
                // Digits that no id has: a server that is not there.
                (Some(text), None) if text.bytes().all(|b| b.is_ascii_digit()) => return Err(Fault::Service.into()),
                _ => return Err(Fault::Parameter(TARGET.name).into()),
            };
            let task = servers::move_address(tx, call.caller.buyer.customer, call.order()?, ip, target).await;
            task.map(queued).map_err(failure)
        }
        .boxed_local()
    }
}
