//! version.

use futures_util::{FutureExt, future::LocalBoxFuture};
use gateway_http::reply::{Map, Reply};
use store::{Conn, Realm};

use crate::command::{Call, Effect, Failure, Iv, Reading, ReplyField, Spec};

/// Tells the API's version.
pub struct Version;

static SPEC: Spec = Spec {
    name: "version",
    section: "version",
    about: "Tells the version of this API.",
    effects: &[Effect::Reads],
    fields: &[],
    reply: &[ReplyField::text("version", "The version.")],
    faults: &[],
};

impl Reading<Iv> for Version {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn answer<'a>(
        &'a self,
        _: &'a Call<'a>,
        _: &'a Realm,
        _: &'a mut Conn,
    ) -> LocalBoxFuture<'a, Result<Reply, Failure>> {
        async { Ok(Map::new().with("version", "1.0").into()) }.boxed_local()
    }
}
