//! Putting tasks in the queue, in the transaction that they come of.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper, TextExpressionMethods,
    sql_types,
};
use diesel_async::RunQueryDsl;
use domain::{
    billing::InvoiceId,
    orders::OrderId,
    tasks::{Operation, TaskId},
};

use secrecy::{ExposeSecret, SecretString};

use super::{budget, secret, undo::Undo};
use crate::{
    db::{Error, Tx},
    schema::task::{self, dsl},
};

/// A task in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enqueued {
    /// Its id.
    pub id: TaskId,
    /// False when an equal task was waiting already.
    pub is_new: bool,
    /// Whether it waits for staff: they do it by hand, or the budget of destructive operations is used up.
    pub for_staff: bool,
}

/// What is to be put in the queue.
#[derive(Debug)]
pub(crate) struct NewTask<'a> {
    /// The operation.
    pub operation: Operation,
    /// `ta_params`; never a secret.
    pub params: serde_json::Value,
    /// What its result will show that is a secret.
    pub secret: Option<&'a SecretString>,
    /// Whether staff do it by hand.
    pub by_hand: bool,
    /// What was paid for it alone.
    pub invoice: Option<InvoiceId>,
    /// What was changed of the order and its server for it, as that was before.
    pub undo: Option<Undo>,
    /// Not before so many hours have gone by.
    pub after_hours: u32,
    /// A task, of another order, that must have succeeded before.
    pub after: Option<TaskId>,
}

impl From<Operation> for NewTask<'_> {
    fn from(operation: Operation) -> Self {
        Self {
            operation,
            params: serde_json::json!({}),
            secret: None,
            by_hand: false,
            invoice: None,
            undo: None,
            after_hours: 0,
            after: None,
        }
    }
}

/// A task that another may be the same as.
#[derive(Queryable, Selectable)]
#[diesel(table_name = task)]
struct Waiting {
    id: i64,
    operation: String,
    params: serde_json::Value,
    state: String,
    secret: Option<Vec<u8>>,
    #[diesel(deserialize_as = jiff_diesel::NullableTimestamp)]
    assigned_at: Option<jiff::Timestamp>,
}

/// The order's last task, when it is this one already and no worker has ever taken it: one that was taken may have had
/// its effect already, before this was asked for. Secrets that differ make tasks differ.
pub(crate) async fn waiting(tx: &mut Tx, order: OrderId, new: &NewTask<'_>) -> Result<Option<TaskId>, Error> {
    let last: Option<Waiting> = dsl::task
        .filter(dsl::order_id.eq(order.0))
        .order(dsl::id.desc())
        .select(Waiting::as_select())
        .first(tx.conn())
        .await
        .optional()?;
    let Some(last) = last else { return Ok(None) };
    let equal = last.operation == new.operation.name() && last.params == new.params;
    let begins = if new.by_hand { "manual" } else { "queued" };
    let untaken = last.state == begins && (new.by_hand || last.assigned_at.is_none());
    if !equal || !untaken {
        return Ok(None);
    }
    let id = TaskId(last.id);
    let Some(wanted) = new.secret else { return Ok(Some(id)) };
    let Some(sealed) = last.secret else { return Ok(None) };
    let same = secret::open(tx.keys(), tx.realm(), id, &sealed)?.expose_secret() == wanted.expose_secret();
    Ok(same.then_some(id))
}

/// Queues an operation on an order, whose row this transaction holds: so ids are in the order of commits. Where
/// [`waiting`] finds it, that one serves.
pub(crate) async fn enqueue(tx: &mut Tx, order: OrderId, new: NewTask<'_>) -> Result<Enqueued, Error> {
    if let Some(id) = waiting(tx, order, &new).await? {
        return Ok(Enqueued { id, is_new: false, for_staff: new.by_hand });
    }
    let held = if new.by_hand { None } else { budget::over(tx, order, new.operation).await? };
    let for_staff = new.by_hand || held.is_some();
    let hours = i32::try_from(new.after_hours).map_err(Error::corrupt)?;
    let run_at = diesel::dsl::sql::<sql_types::Timestamptz>("now() + make_interval(hours => ")
        .bind::<sql_types::Integer, _>(hours)
        .sql(")");
    let id: i64 = diesel::insert_into(dsl::task)
        .values((
            dsl::order_id.eq(order.0),
            dsl::operation.eq(new.operation.name()),
            dsl::params.eq(new.params),
            dsl::state.eq(if for_staff { "manual" } else { "queued" }),
            dsl::results.eq(held.unwrap_or_default()),
            dsl::invoice_id.eq(new.invoice.map(|invoice| invoice.0)),
            dsl::undo.eq(new.undo.map(|undo| undo.0)),
            dsl::run_at.eq(run_at),
            dsl::after.eq(new.after.map(|first| first.0)),
        ))
        .returning(dsl::id)
        .get_result(tx.conn())
        .await?;
    if !for_staff && new.after_hours == 0 {
        tx.wake();
    }
    if let Some(secret) = new.secret {
        let sealed = secret::seal(tx, TaskId(id), secret)?;
        diesel::update(dsl::task.find(id)).set(dsl::secret.eq(sealed)).execute(tx.conn()).await?;
    }
    Ok(Enqueued { id: TaskId(id), is_new: true, for_staff })
}

/// Queues what a customer asks for; `None` when the server has as many open tasks as it may. One that serves already
/// needs no room.
pub(crate) async fn enqueue_in_bounds(
    tx: &mut Tx,
    order: OrderId,
    new: NewTask<'_>,
) -> Result<Option<Enqueued>, Error> {
    let most = i64::from(tx.rules().provisioning.open_tasks_per_server);
    let open = dsl::task.filter(dsl::order_id.eq(order.0)).filter(dsl::state.eq_any(["queued", "running", "manual"]));
    let open: i64 = open.count().get_result(tx.conn()).await?;
    if open >= most && waiting(tx, order, &new).await?.is_none() {
        return Ok(None);
    }
    enqueue(tx, order, new).await.map(Some)
}

/// The newest task of that operation which no worker has ever taken, wherever in the order's queue it is.
pub(crate) async fn untaken(tx: &mut Tx, order: OrderId, operation: Operation) -> Result<Option<Enqueued>, Error> {
    let found: Option<(i64, String)> = dsl::task
        .filter(dsl::order_id.eq(order.0))
        .filter(dsl::operation.eq(operation.name()))
        .filter(dsl::state.eq_any(["queued", "manual"]))
        .filter(dsl::assigned_at.is_null())
        .order(dsl::id.desc())
        .select((dsl::id, dsl::state))
        .first(tx.conn())
        .await
        .optional()?;
    Ok(found.map(|(id, state)| Enqueued { id: TaskId(id), is_new: false, for_staff: state == "manual" }))
}

/// Adds to what a task's results say.
pub(crate) async fn note(tx: &mut Tx, id: TaskId, line: &str) -> Result<(), Error> {
    diesel::update(dsl::task.find(id.0)).set(dsl::results.eq(dsl::results.concat(line))).execute(tx.conn()).await?;
    Ok(())
}

/// Closes an order's tasks that wait for staff, as done. Returns their operations, oldest first.
pub(crate) async fn close_manual(tx: &mut Tx, order: OrderId) -> Result<Vec<Operation>, Error> {
    let manual = dsl::task.filter(dsl::order_id.eq(order.0)).filter(dsl::state.eq("manual"));
    let mut closed: Vec<(i64, String)> = diesel::update(manual)
        .set((dsl::state.eq("succeeded"), dsl::completed_at.eq(diesel::dsl::now), dsl::results.eq("done by staff\n")))
        .returning((dsl::id, dsl::operation))
        .get_results(tx.conn())
        .await?;
    closed.sort_unstable();
    closed.iter().map(|(_, operation)| operation.parse().map_err(Error::corrupt)).collect()
}
