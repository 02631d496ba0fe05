//! account_credits and account_bonuses: one shape, two wallets.

use domain::{calendar::moment_text, money::Money};
use futures_util::{FutureExt, future::LocalBoxFuture};
use gateway_http::reply::{Map, Reply};
use store::{
    Conn, Realm,
    ledger::{StatementLine, Wallet, statement},
};

use super::super::count::{COUNT, count};
use crate::{
    command::{Call, Effect, Failure, Iv, Reading, ReplyField, Shape, Spec},
    fault::Fault,
};

/// Lists what moved a wallet.
pub struct AccountStatement {
    wallet: Wallet,
    names: [&'static str; 4],
    spec: &'static Spec,
}

/// What moved the credit.
pub static ACCOUNT_CREDITS: AccountStatement = AccountStatement {
    wallet: Wallet::Credit,
    names: ["cr_id", "cr_created", "cr_amount", "cr_description"],
    spec: &CREDITS,
};

/// What moved the bonus.
pub static ACCOUNT_BONUSES: AccountStatement = AccountStatement {
    wallet: Wallet::Bonus,
    names: ["bo_id", "bo_created", "bo_amount", "bo_description"],
    spec: &BONUSES,
};

static CREDITS: Spec = Spec {
    name: "account_credits",
    section: "account_credits",
    about: "Lists what was added to the credit and what was taken from it, newest first.",
    effects: &[Effect::Reads],
    fields: &[COUNT],
    reply: &[
        ReplyField::text("cr_id", "The entry."),
        ReplyField::text("cr_created", "When."),
        ReplyField::text("cr_amount", "How much; negative when taken."),
        ReplyField::text("cr_description", "Why."),
    ],
    faults: &[Fault::Parameter("count")],
};

static BONUSES: Spec = Spec {
    name: "account_bonuses",
    section: "account_bonuses",
    about: "Lists what was added to the bonus and what was taken from it, newest first.",
    effects: &[Effect::Reads],
    fields: &[COUNT],
    reply: &[
        ReplyField::text("bo_id", "The entry."),
        ReplyField::text("bo_created", "When."),
        ReplyField::text("bo_amount", "How much; negative when taken."),
        ReplyField::text("bo_description", "Why: a message's text, a service's name."),
    ],
    faults: &[Fault::Parameter("count")],
};

impl Reading<Iv> for AccountStatement {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn shape(&self) -> Shape {
        Shape::List
    }

    fn answer<'a>(
        &'a self,
        call: &'a Call<'a>,
        realm: &'a Realm,
        connection: &'a mut Conn,
    ) -> LocalBoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let buyer = call.caller.buyer;
            let lines = statement(connection, buyer.customer, Some(self.wallet), count(call)?).await?;
            let [id, created, amount, description] = self.names;
            let entry = |line: &StatementLine| -> Reply {
                Map::new()
                    .with(id, line.journal.to_string())
                    .with(created, moment_text(line.at, &realm.rules().zone))
                    .with(amount, Money::minor(line.amount, buyer.currency).to_string())
                    .with(description, line.note.as_str())
                    .into()
            };
            Ok(lines.iter().map(entry).collect::<Vec<_>>().into())
        }
        .boxed_local()
    }
}
