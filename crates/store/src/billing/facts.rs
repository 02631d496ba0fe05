//! What the interlock looks at.

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::dunning::{Ends, Facts, Payments, TaskOutcomes};
use jiff::{Timestamp, civil::Date};
use jiff_diesel::ToDiesel;

use super::due::{count_ending, count_running};
use crate::db::{Error, Tx, sql};

/// What is usual is reckoned over so many days.
const USUAL_DAYS: i64 = 28;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::BigInt)]
    recent: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    before: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    failed: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    ended: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    done: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    usual: i64,
}

/// $1 hours of a payments' span, $2 days for what is usual, $3 the day.
const QUERY: &str = "\
    select \
      (select count(*) from journal where kind = 'deposit' and created_at > realm_now() - make_interval(hours => $1)) as recent, \
      (select count(*) from journal where kind = 'deposit' and created_at <= realm_now() - make_interval(hours => $1) \
        and created_at > realm_now() - make_interval(hours => $1, days => $2)) as before, \
      t.failed, t.failed + t.succeeded as ended, \
      (select coalesce(sum(suspended + terminated), 0)::bigint from billing_day where day = $3) as done, \
      (select coalesce(ceil(avg(suspended + terminated)), 0)::bigint from billing_day \
        where day < $3 and day >= $3 - $2) as usual \
    from (select \
      (select count(*) from task where completed_at > now() - interval '1 hour' and state = 'failed') \
      + (select count(*) from task where state = 'manual' and attempt >= max_attempts \
           and run_at > now() - interval '1 hour') as failed, \
      (select count(*) from task where completed_at > now() - interval '1 hour' and state = 'succeeded') as succeeded) t";

/// The facts of a round that would run `day`.
pub(super) async fn facts(
    tx: &mut Tx,
    day: Date,
    now: Timestamp,
    last_run: Option<Timestamp>,
    expected_now: Option<Timestamp>,
) -> Result<Facts, Error> {
    let (policy, catalogue) = (tx.rules().policy, tx.catalogue());
    let span = i32::try_from(policy.limits.payments_span_hours).map_err(Error::corrupt)?;
    let row: Row = sql(QUERY)
        .bind::<sql_types::Integer, _>(span)
        .bind::<sql_types::Integer, _>(i32::try_from(USUAL_DAYS).map_err(Error::corrupt)?)
        .bind::<sql_types::Date, _>(day.to_diesel())
        .get_result(tx.conn())
        .await?;
    let due = count_ending(tx.conn(), &catalogue, &policy, day).await?;
    let count = |of: i64| u64::try_from(of).map_err(Error::corrupt);
    let done = count(row.done)?;
    // Few are no finding, whatever their share is: the orders that run are counted for many.
    let running = match due.saturating_add(done) > policy.limits.ends_floor.into() {
        true => count_running(tx.conn()).await?,
        false => due,
    };
    Ok(Facts {
        now,
        last_run,
        expected_now,
        payments: Payments {
            recent: count(row.recent)?,
            usual: count(row.before.saturating_mul(span.into()) / (USUAL_DAYS * 24))?,
        },
        tasks: TaskOutcomes { failed: count(row.failed)?, ended: count(row.ended)? },
        ends: Ends { due, done, usual: count(row.usual)?, running },
    })
}
