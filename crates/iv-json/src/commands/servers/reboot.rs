//! server_reboot.

use futures_util::{FutureExt, future::LocalBoxFuture};
use gateway_http::reply::Reply;
use store::{Tx, servers};

use super::{STATES, TASK, failure, queued};
use crate::command::{Call, Effect, Failure, Iv, SERVER_ID, Spec, Writing};

/// Restarts a server.
pub struct ServerReboot;

static SPEC: Spec = Spec {
    name: "server_reboot",
    section: "server_reboot",
    about: "Restarts a server.",
    effects: &[Effect::Queues],
    fields: &[SERVER_ID],
    reply: TASK,
    faults: &STATES,
};

impl Writing<Iv> for ServerReboot {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn answer<'a>(&'a self, call: &'a Call<'a>, tx: &'a mut Tx) -> LocalBoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let task = servers::reboot(tx, call.caller.buyer.customer, call.order()?).await;
            task.map(queued).map_err(failure)
        }
        .boxed_local()
    }
}
