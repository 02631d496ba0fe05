//! server_reset_password.

use futures_util::{FutureExt, future::LocalBoxFuture};
use gateway_http::reply::Reply;
use store::{Tx, servers};

use super::{NEW_PASSWORD, TASK, failure, new_password, queued};
use crate::{
    command::{Call, Effect, Failure, Iv, SERVER_ID, Spec, Writing},
    fault::Fault,
};

/// Gives a server another password.
pub struct ServerResetPassword;

static SPEC: Spec = Spec {
    name: "server_reset_password",
    section: "server_reset_password",
    about: "Gives a server another password; the task's results tell it.",
    effects: &[Effect::Queues],
    fields: &[SERVER_ID, NEW_PASSWORD],
    reply: TASK,
    faults: &[
        Fault::Parameter("new_password"),
        Fault::Unpaid,
        Fault::Overdue,
        Fault::Suspended,
        Fault::Undoable,
        Fault::TooMuch,
    ],
};

impl Writing<Iv> for ServerResetPassword {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn answer<'a>(&'a self, call: &'a Call<'a>, tx: &'a mut Tx) -> LocalBoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let password = new_password(call)?;
            let task = servers::reset_password(tx, call.caller.buyer.customer, call.order()?, password).await;
            task.map(queued).map_err(failure)
        }
        .boxed_local()
    }
}
