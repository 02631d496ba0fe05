//! Taking out what has had its day: answers past their 24 hours, and the test realm's old orders.

use std::borrow::Cow;

use diesel::sql_types;
use diesel_async::RunQueryDsl;

use crate::{
    db::{Error, RealmKind, Tx, sql},
    saved_answers::KEPT,
};

/// So many orders the test realm holds at the most; the oldest go first.
pub const TEST_ORDERS: i64 = 20_000;

/// So many a customer's own test realm holds.
pub const OWN_ORDERS: i64 = 1_000;

/// So many a sweep takes out at the most, so that no transaction is long; there may be more when it took as many.
pub const AT_A_TIME: usize = 1000;

/// Takes out saved answers that are no longer kept. Returns how many.
///
/// # Errors
/// [`Error`] from the database.
pub async fn saved_answers(tx: &mut Tx) -> Result<usize, Error> {
    let query = format!(
        "delete from saved_answer where (customer_id, request_id) in ( \
           select customer_id, request_id from saved_answer where created_at < now() - interval '{KEPT}' \
           limit {AT_A_TIME} for update skip locked)"
    );
    Ok(sql(query).execute(tx.conn()).await?)
}

/// Takes the secrets out of the results of tasks that ended so many days ago. Returns how many.
///
/// # Errors
/// [`Error`] from the database.
pub async fn task_secrets(tx: &mut Tx, days: i32) -> Result<usize, Error> {
    Ok(sql(
        "update task set secret = null where secret is not null and completed_at < now() - make_interval(days => $1)",
    )
    .bind::<sql_types::Integer, _>(days)
    .execute(tx.conn())
    .await?)
}

/// Takes out a test realm's orders that are older than 24 hours or beyond [`TEST_ORDERS`], with all that belongs to
/// them (CONTRACT 1.6). Returns how many.
///
/// # Errors
/// [`Error::Refused`] in any other realm; [`Error`] from the database.
pub async fn test_realm(tx: &mut Tx) -> Result<usize, Error> {
    if tx.realm() != RealmKind::Test {
        return Err(Error::Refused("only the test realm is swept".into()));
    }
    let old = "select o.id from orders o where (o.entered_at < now() - interval '24 hours' \
         or o.id <= (select id from orders order by id desc offset $1 limit 1)) \
         and not exists (select from task t where t.order_id = o.id and t.state = 'running')";
    let children = [
        "usage_rollup",
        "usage_reading",
        "address",
        "firewall",
        "simulated_server",
        "task",
        "tariff_change",
        "service_period",
        "server",
        "order_addon",
    ];
    // Waited for, not skipped: what is written of an order, such as its usage, holds its row for a moment only.
    let ids: Vec<OrderNumber> = sql(format!("{old} limit {AT_A_TIME} for update of o"))
        .bind::<sql_types::BigInt, _>(if tx.is_own() { OWN_ORDERS } else { TEST_ORDERS })
        .load(tx.conn())
        .await?;
    let ids: Vec<i64> = ids.into_iter().map(|row| row.id).collect();
    let tries = "delete from task_attempt where task_id in (select id from task where order_id = any($1))";
    delete(tx, tries, &ids).await?;
    for table in children {
        delete(tx, format!("delete from {table} where order_id = any($1)"), &ids).await?;
    }
    let of_orders = "(select id from invoice where order_id = any($1))";
    for papers in [
        format!(
            "credit_note_line where credit_note_id in (select id from credit_note where invoice_id in {of_orders})"
        ),
        format!("credit_note where invoice_id in {of_orders}"),
        format!("invoice_line where invoice_id in {of_orders}"),
    ] {
        delete(tx, format!("delete from {papers}"), &ids).await?;
    }
    delete(tx, "delete from invoice where order_id = any($1)", &ids).await?;
    delete(tx, "delete from orders where id = any($1)", &ids).await
}

#[derive(diesel::QueryableByName)]
struct OrderNumber {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
}

async fn delete(tx: &mut Tx, query: impl Into<Cow<'static, str>>, ids: &[i64]) -> Result<usize, Error> {
    let query = sql(query).bind::<sql_types::Array<sql_types::BigInt>, _>(ids);
    Ok(query.execute(tx.conn()).await?)
}
