//! server_domain.

use ::domain::{domain_name::DomainName, field::Field};
use futures_util::{FutureExt, future::LocalBoxFuture};
use gateway_http::reply::Reply;
use store::{Tx, servers};

use super::{TASK, failure, queued};
use crate::{
    command::{Call, Effect, Failure, FieldSpec, Iv, Need, SERVER_ID, Spec, Writing},
    fault::Fault,
};

/// Gives a server another hostname.
pub struct ServerDomain;

const HOSTNAME: FieldSpec = FieldSpec {
    name: "domain",
    about: "What the server is to call itself. The order's domain stays.",
    need: Need::Required(Fault::Parameter("domain")),
    example: "vps.example.lt",
    malformed: Some(("not a host", Fault::Parameter("domain"))),
    extension: false,
};

static SPEC: Spec = Spec {
    name: "server_domain",
    section: "server_domain",
    about: "Gives a server another hostname.",
    effects: &[Effect::Queues],
    fields: &[SERVER_ID, HOSTNAME],
    reply: TASK,
    faults: &[
        Fault::Parameter("domain"),
        Fault::Unpaid,
        Fault::Overdue,
        Fault::Suspended,
        Fault::Undoable,
        Fault::TooMuch,
    ],
};

impl Writing<Iv> for ServerDomain {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn answer<'a>(&'a self, call: &'a Call<'a>, tx: &'a mut Tx) -> LocalBoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let wrong = Fault::Parameter(HOSTNAME.name);
            let hostname = Field::read(call.text(&HOSTNAME), |text| DomainName::parse(text).ok());
            let hostname = hostname.required(wrong, wrong)?;
            let task = servers::rename(tx, call.caller.buyer.customer, call.order()?, hostname).await;
            task.map(queued).map_err(failure)
        }
        .boxed_local()
    }
}
