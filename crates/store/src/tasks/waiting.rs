//! Tasks that wait for hypervisors which can't be asked: their tries don't count, and staff are told.

use std::time::Duration;

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    customers::CustomerId,
    notices::{News, TasksWaiting},
    tasks::TELL_STAFF_AFTER,
};
use jiff::Timestamp;

use super::{finish::Failed, lease::Lease};
use crate::{
    db::{Conn, Error, Tx, sql},
    notices,
};

/// Who a task waits for that names no driver: nobody could make it out.
const NO_DRIVER: &str = "none";

/// Sends a task back into the queue for `pause`. The try doesn't count, and of many such tries in a row one row and one
/// line of the log are kept.
pub(super) async fn wait(
    tx: &mut Tx,
    lease: &Lease,
    failed: &Failed<'_>,
    pause: Duration,
    log: &str,
) -> Result<(), Error> {
    let is_news = !joined_to_the_one_before(tx, lease).await?;
    sql("update task set state = 'queued', run_at = now() + make_interval(secs => $2), lease_owner = null, \
           lease_until = null, attempt = greatest(attempt - 1, 0), results = results || $3, unseen = $4, \
           waiting_since = coalesce(waiting_since, now()), waits_for = $5, handle = null, handle_at = null \
         where id = $1")
    .bind::<sql_types::BigInt, _>(lease.id.0)
    .bind::<sql_types::Double, _>(pause.as_secs_f64())
    .bind::<sql_types::Text, _>(if is_news { log } else { "" })
    .bind::<sql_types::Bool, _>(failed.unseen)
    .bind::<sql_types::Text, _>(failed.driver.unwrap_or(NO_DRIVER))
    .execute(tx.conn())
    .await?;
    if lease.waited.is_some_and(|waited| waited >= TELL_STAFF_AFTER) {
        tell_staff(tx, lease, failed).await?;
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Before {
    #[diesel(sql_type = sql_types::BigInt)]
    fence: i64,
    #[diesel(sql_type = sql_types::Bool)]
    says_the_same: bool,
}

/// Joins a try that had to wait to the one before it, if that had to wait for the same kind of reason. Whether it says
/// the same, too.
async fn joined_to_the_one_before(tx: &mut Tx, lease: &Lease) -> Result<bool, Error> {
    if lease.waited.is_none() {
        return Ok(false);
    }
    let before: Option<Before> = sql("select b.fence, b.detail = a.detail as says_the_same \
         from task_attempt a join lateral (select * from task_attempt p where p.task_id = a.task_id and p.fence < a.fence \
             order by p.fence desc limit 1) b on b.outcome = a.outcome and b.class = a.class \
         where a.task_id = $1 and a.fence = $2")
    .bind::<sql_types::BigInt, _>(lease.id.0)
    .bind::<sql_types::BigInt, _>(lease.fence)
    .get_result(tx.conn())
    .await
    .optional()?;
    let Some(before) = before else { return Ok(false) };
    sql("with gone as (delete from task_attempt where task_id = $1 and fence = $3 returning started_at) \
         update task_attempt set started_at = gone.started_at from gone where task_id = $1 and fence = $2")
    .bind::<sql_types::BigInt, _>(lease.id.0)
    .bind::<sql_types::BigInt, _>(lease.fence)
    .bind::<sql_types::BigInt, _>(before.fence)
    .execute(tx.conn())
    .await?;
    Ok(before.says_the_same)
}

#[derive(QueryableByName)]
struct Outage {
    #[diesel(sql_type = sql_types::BigInt)]
    customer_id: i64,
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    since: Timestamp,
}

/// Tells staff once of each time that a hypervisor is away, whatever number of tasks waits for it: the task that has
/// waited longest names the time.
async fn tell_staff(tx: &mut Tx, lease: &Lease, failed: &Failed<'_>) -> Result<(), Error> {
    let driver = failed.driver.unwrap_or(NO_DRIVER);
    let outage: Outage = sql("select (select customer_id from orders where id = $2) as customer_id, \
           min(waiting_since) as since from task \
         where waits_for = $1 and waiting_since is not null and state in ('queued', 'running')")
    .bind::<sql_types::Text, _>(driver)
    .bind::<sql_types::BigInt, _>(lease.order.0)
    .get_result(tx.conn())
    .await?;
    let key = format!("tasks.waiting {driver} {}", outage.since.as_microsecond());
    let news = News::TasksWaiting(TasksWaiting {
        driver: driver.to_owned(),
        class: failed.class.to_owned(),
        why: failed.why.to_owned(),
        since: outage.since,
    });
    notices::tell_staff(tx, &key, CustomerId(outage.customer_id), &news).await
}

/// A hypervisor that tasks wait for.
#[derive(Debug, Clone, QueryableByName)]
pub struct WaitingFor {
    /// Its driver's name.
    #[diesel(sql_type = sql_types::Text)]
    pub driver: String,
    /// How many tasks wait.
    #[diesel(sql_type = sql_types::BigInt)]
    pub tasks: i64,
    /// Since when, in seconds, the one does that has waited longest.
    #[diesel(sql_type = sql_types::BigInt)]
    pub seconds: i64,
    /// The kind of failure of the newest try; empty where none was written down.
    #[diesel(sql_type = sql_types::Text)]
    pub class: String,
    /// What that one said.
    #[diesel(sql_type = sql_types::Text)]
    pub why: String,
}

/// The hypervisors that tasks wait for.
///
/// # Errors
/// [`Error`] from the database.
pub async fn waited_for(connection: &mut Conn) -> Result<Vec<WaitingFor>, Error> {
    let query = "with w as (select id, waits_for, waiting_since from task \
             where waiting_since is not null and state in ('queued', 'running')) \
         select w.waits_for as driver, count(*) as tasks, \
           greatest(extract(epoch from now() - min(w.waiting_since)), 0)::bigint as seconds, \
           coalesce((array_agg(a.class order by a.ended_at desc nulls last))[1], '') as class, \
           coalesce((array_agg(a.detail order by a.ended_at desc nulls last))[1], '') as why \
         from w left join lateral (select class, detail, ended_at from task_attempt \
             where task_id = w.id and ended_at is not null order by fence desc limit 1) a on true \
         group by w.waits_for order by w.waits_for";
    Ok(sql(query).load(connection).await?)
}
