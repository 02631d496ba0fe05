//! server_recreate.

use ::domain::catalogue::ImageId;
use futures_util::{FutureExt, future::LocalBoxFuture};
use gateway_http::reply::Reply;
use store::{
    Tx,
    servers::{self, Recreate},
};

use super::{NEW_PASSWORD, TASK, failure, new_password, queued};
use crate::{
    command::{Call, Effect, Failure, FieldSpec, Iv, Need, SERVER_ID, Spec, Writing},
    fault::Fault,
};

/// Makes a server's system anew.
pub struct ServerRecreate;

const OS: FieldSpec = FieldSpec {
    name: "os",
    about: "The operating system: one of server_os that the server has memory enough for.",
    need: Need::Required(Fault::Parameter("os")),
    example: "debian-12-x86_64",
    malformed: Some(("beos-5", Fault::Parameter("os"))),
    extension: false,
};

static SPEC: Spec = Spec {
    name: "server_recreate",
    section: "server_recreate",
    about: "Makes a server's system anew. What is on its disk is lost.",
    effects: &[Effect::Destroys, Effect::Queues],
    fields: &[SERVER_ID, OS, NEW_PASSWORD],
    reply: TASK,
    faults: &[
        Fault::Parameter("os"),
        Fault::Parameter("new_password"),
        Fault::Unpaid,
        Fault::Overdue,
        Fault::Suspended,
        Fault::Undoable,
        Fault::TooMuch,
    ],
};

impl Writing<Iv> for ServerRecreate {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn answer<'a>(&'a self, call: &'a Call<'a>, tx: &'a mut Tx) -> LocalBoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let image = call.text(&OS).map(|os| ImageId(os.to_owned())).ok_or(Fault::Parameter(OS.name))?;
            let wanted = Recreate { image: &image, password: new_password(call)? };
            let task = servers::recreate(tx, call.caller.buyer.customer, call.order()?, &wanted).await;
            task.map(queued).map_err(failure)
        }
        .boxed_local()
    }
}
