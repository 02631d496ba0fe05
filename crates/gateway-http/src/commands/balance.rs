//! getBalance.

use futures_util::{FutureExt, future::LocalBoxFuture};
use store::{Conn, Error, Realm, ledger};

use crate::{
    command::{Call, Effect, Failure, Reading, ReplyField, Spec, success},
    reply::Map,
};

/// What the customer has.
pub struct GetBalance;

static SPEC: Spec = Spec {
    name: "getBalance",
    section: "4.9",
    about: "Tells the balance: credit and bonus together.",
    effects: &[Effect::Reads],
    fields: &[],
    reply: &[
        ReplyField::text("balance", "Credit and bonus together."),
        ReplyField::text("currency", "Its currency (ISO 4217), which is the customer's."),
    ],
    faults: &[],
};

impl Reading for GetBalance {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn answer<'a>(
        &'a self,
        call: &'a Call<'a>,
        realm: &'a Realm,
        connection: &'a mut Conn,
    ) -> LocalBoxFuture<'a, Result<Map, Failure>> {
        async move {
            let buyer = call.buyer();
            let wallets = ledger::balance(connection, realm.kind(), buyer.customer, buyer.currency).await?;
            let balance = wallets.balance().map_err(Error::corrupt)?;
            Ok(success().with("balance", balance.to_string()).with("currency", buyer.currency.code()))
        }
        .boxed_local()
    }
}
