//! Tasks that come to nothing: failed for good, or not wanted any more. What was paid for them is returned, what they
//! had changed when they were queued is put back, and what builds on them comes to nothing, too. All of it in the
//! transaction that ends the task, so that it happens once.

use diesel::{ExpressionMethods, QueryDsl, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    billing::InvoiceId,
    money::Money,
    orders::OrderId,
    tasks::{Operation, TaskId},
};
use serde_json::Value;

use super::{moves, undo};
use crate::{
    addresses,
    db::{Error, Tx, sql},
    invoices,
    schema::{orders, task},
};

/// How a task comes to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nothing {
    /// All its tries failed: staff see why.
    Failed,
    /// It is not wanted any more.
    Cancelled,
}

impl Nothing {
    const fn state(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A task that has not ended, with what hangs on it.
#[derive(Debug, QueryableByName)]
pub(super) struct OpenTask {
    #[diesel(sql_type = sql_types::BigInt)]
    pub id: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    pub order_id: i64,
    #[diesel(sql_type = sql_types::Text)]
    pub operation: String,
    #[diesel(sql_type = sql_types::Text)]
    pub state: String,
    #[diesel(sql_type = sql_types::Bool)]
    pub cancel_asked: bool,
    #[diesel(sql_type = sql_types::Nullable<sql_types::BigInt>)]
    pub invoice_id: Option<i64>,
    /// Whether it has changed something that is to be put back.
    #[diesel(sql_type = sql_types::Bool)]
    pub undoes: bool,
    /// Whether it may have been done and nobody could look since.
    #[diesel(sql_type = sql_types::Bool)]
    pub unseen: bool,
}

impl OpenTask {
    /// Whether it is of that operation.
    pub fn is(&self, operation: Operation) -> bool {
        self.operation == operation.name()
    }

    /// Whether what was paid for it is returned when it comes to nothing. A change that stands for another tariff
    /// leaves the papers, the order and the server's sizes as they are (ADR 0024).
    pub fn is_paid_for(&self) -> bool {
        self.is(Operation::Create) || self.is(Operation::Change) && self.undoes
    }

    fn order(&self) -> OrderId {
        OrderId(self.order_id)
    }
}

/// Open tasks that a condition names, oldest first, held until the transaction ends; the order's row is held already.
///
/// That they are open is told by `completed_at`, which no index of open tasks is of: the condition says how they are
/// found.
pub(super) async fn open_tasks(tx: &mut Tx, condition: &str, id: i64, fence: i64) -> Result<Vec<OpenTask>, Error> {
    let query = format!(
        "select id, order_id, operation, state, cancel_requested_at is not null as cancel_asked, invoice_id, \
           undo is not null as undoes, unseen \
         from task t where completed_at is null and {condition} order by id for update"
    );
    Ok(sql(query).bind::<sql_types::BigInt, _>(id).bind::<sql_types::BigInt, _>(fence).load(tx.conn()).await?)
}

/// Ends a task so, with what hangs on it; `log` is what it says of it.
pub(super) async fn end(tx: &mut Tx, of: &OpenTask, how: Nothing, log: &str) -> Result<(), Error> {
    let log = if of.is(Operation::Create) { log.to_owned() + &return_all(tx, of).await? } else { log.to_owned() };
    close(tx, of, how, &log).await?;
    if of.is(Operation::Create) {
        let why = "cancelled: there is no server that it could be done to\n";
        for waiting in waiting_after(tx, of).await? {
            close(tx, &waiting, Nothing::Cancelled, why).await?;
        }
    }
    if of.is(Operation::Change) {
        // Their sizes and prices start from a size that the server never gets.
        let why = "cancelled: the change before it came to nothing\n";
        for change in waiting_after(tx, of).await?.iter().filter(|later| later.is(Operation::Change)) {
            close(tx, change, Nothing::Cancelled, why).await?;
        }
    }
    // An order whose tariff was changed would be left with another server than it pays for.
    if how == Nothing::Failed || of.is(Operation::Change) && !of.is_paid_for() {
        attend(tx, of, how).await?;
    }
    Ok(())
}

async fn waiting_after(tx: &mut Tx, of: &OpenTask) -> Result<Vec<OpenTask>, Error> {
    let condition = "order_id = $1 and state in ('queued', 'manual') and operation <> 'server_destroy' and id > $2";
    open_tasks(tx, condition, of.order_id, of.id).await
}

/// Ends one task: what it alone was paid with is returned, what it alone had changed is put back.
async fn close(tx: &mut Tx, of: &OpenTask, how: Nothing, log: &str) -> Result<(), Error> {
    let mut log = log.to_owned();
    if let Some(invoice) = of.invoice_id {
        let note = format!("{} of order {} came to nothing", of.operation, of.order_id);
        log.push_str(&told(invoices::return_paid(tx, InvoiceId(invoice), &note).await?));
    }
    // Read here and no earlier: one before it that came to nothing may just have left it more to put back.
    let undo: Option<Value> = task::table.find(of.id).select(task::undo).get_result(tx.conn()).await?;
    sql("update task set state = $2, completed_at = greatest(now(), assigned_at), lease_owner = null, \
           lease_until = null, undo = null, handle = null, handle_at = null, results = results || $3 where id = $1")
    .bind::<sql_types::BigInt, _>(of.id)
    .bind::<sql_types::Text, _>(how.state())
    .bind::<sql_types::Text, _>(log)
    .execute(tx.conn())
    .await?;
    undo::put_back(tx, of.order(), TaskId(of.id), undo).await
}

/// What a task's log says of money that was returned.
fn told(returned: Option<Money>) -> String {
    returned.map(|money| format!("{money} {} returned to the balance\n", money.currency())).unwrap_or_default()
}

/// A service that is never made was not sold: all that was paid for its order is returned, and its days are not paid
/// for any more. What the task's log says of it.
async fn return_all(tx: &mut Tx, create: &OpenTask) -> Result<String, Error> {
    let note = format!("order {} came to nothing", create.order_id);
    let mut log = String::new();
    for invoice in invoices::paid_of(tx, create.order()).await? {
        log.push_str(&told(invoices::return_paid(tx, invoice, &note).await?));
    }
    diesel::update(orders::table.find(create.order_id))
        .set((orders::start_day.eq(None::<jiff_diesel::Date>), orders::paid_until.eq(None::<jiff_diesel::Date>)))
        .execute(tx.conn())
        .await?;
    Ok(log)
}

/// Staff are to look at the order: what can't be made is theirs, what could not be changed goes on as it is.
async fn attend(tx: &mut Tx, of: &OpenTask, how: Nothing) -> Result<(), Error> {
    let what = match (of.is_paid_for(), of.undoes) {
        (true, _) => "its money was returned",
        (false, true) => "what it set was put back",
        (false, false) if of.is(Operation::Change) => "its server is not what its tariff says",
        (false, false) => "nothing was to be put back",
    };
    let how = match how {
        Nothing::Failed => "failed for good",
        Nothing::Cancelled => "was cancelled",
    };
    let why = format!("{} {how}, and {what}: vartai task log {}", of.operation, of.id);
    diesel::update(orders::table.find(of.order_id)).set(orders::attention.eq(why)).execute(tx.conn()).await?;
    if of.is(Operation::Create) {
        sql("update orders set by_hand = true, state = 'manual', suspended_by = null \
             where id = $1 and state <> 'terminated'")
        .bind::<sql_types::BigInt, _>(of.order_id)
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}

/// Whether what the task `t` wants may be so already: an earlier try may have done it, or a system was made or
/// addresses were brought there since, with all that was wanted then. A creation is not in doubt, since what is there
/// of it is removed.
pub(super) const IN_DOUBT: &str = "\
    t.operation <> 'server_create' and exists ( \
      select from task r join task_attempt a on a.task_id = r.id where r.order_id = t.order_id and case when r.id = t.id \
        then a.outcome in ('unknown', 'lost', 'released') \
        else t.undo is not null and r.operation in ('server_create', 'server_recreate', 'server_move_ip') \
          and a.started_at >= t.created_at end)";

/// Which of the tasks of an order that ends are cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// All: there will be no server.
    All,
    /// Those of which it is known that they were not done. The others are held: the end may be taken back.
    Undone,
}

/// Cancels an order's tasks that no worker has in hand, with what hangs on them: the order ends.
pub(crate) async fn cancel_waiting(tx: &mut Tx, order: OrderId, which: Waiting) -> Result<(), Error> {
    let mut condition = "order_id = $1 and state in ('queued', 'manual') and id > $2".to_owned();
    if which == Waiting::Undone {
        condition.push_str(&format!(" and not ({IN_DOUBT})"));
    }
    loop {
        // Ending one may end others.
        let waiting = open_tasks(tx, &condition, order.0, 0).await?;
        let Some(first) = waiting.into_iter().next() else { return Ok(()) };
        end(tx, &first, Nothing::Cancelled, "cancelled: the order ended\n").await?;
    }
}

/// An order's service is gone: what a worker had in hand when the order ended, and did not bring to an end since, can't
/// be done to it any more. Its addresses rest.
pub(crate) async fn gone(tx: &mut Tx, order: OrderId) -> Result<(), Error> {
    cancel_waiting(tx, order, Waiting::All).await?;
    moves::wait_for_removal(tx, order, None).await?;
    addresses::release_all(tx, order).await
}
