//! Taking tasks out of the queue, by a lease. The database's clock is the only clock.

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    catalogue::{Handling, TariffId},
    orders::OrderId,
    tasks::{Operation, TaskId},
};
use secrecy::SecretString;
use uuid::Uuid;

use crate::{
    db::{Error, Tx},
    orders::open_password,
};

/// A lease lasts so many seconds unless it is renewed.
const LEASE_SECONDS: i32 = 30;

/// A task that this worker has for now.
#[derive(Debug)]
pub struct ClaimedTask {
    /// Its id.
    pub id: TaskId,
    /// Of which order.
    pub order: OrderId,
    /// What is to be done.
    pub operation: Operation,
    /// Which try this is, from 1.
    pub attempt: i32,
    /// After so many it has failed for good.
    pub max_attempts: i32,
    /// Of this claim; what an older claim still writes is refused.
    pub fence: i64,
    /// The hypervisor driver, if the tariff still has one.
    pub driver: Option<String>,
    /// The system that the server is to have: grows with each reinstallation.
    pub generation: i32,
    /// The image that the server is to have.
    pub image: Option<String>,
    /// The service's login.
    pub login: String,
    /// The service's password.
    pub password: Option<SecretString>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    order_id: i64,
    #[diesel(sql_type = sql_types::Text)]
    operation: String,
    #[diesel(sql_type = sql_types::Integer)]
    attempt: i32,
    #[diesel(sql_type = sql_types::Integer)]
    max_attempts: i32,
    #[diesel(sql_type = sql_types::BigInt)]
    fence: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    tariff_id: i64,
    #[diesel(sql_type = sql_types::Integer)]
    generation: i32,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    image_id: Option<String>,
    #[diesel(sql_type = sql_types::Text)]
    server_login: String,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Binary>)]
    server_password: Option<Vec<u8>>,
}

/// Takes only the oldest open task of an order, so that operations on a server never pass one another.
const CLAIM: &str = "\
    with due as ( \
      select t.id from task t where t.state = 'queued' and t.run_at <= now() \
        and not exists (select from task p where p.order_id = t.order_id and p.state in ('queued', 'running') \
          and (p.id < t.id or p.state = 'running')) \
      order by t.run_at, t.id limit 1 for update of t skip locked), \
    taken as ( \
      update task t set state = 'running', attempt = t.attempt + 1, fence = nextval('task_fence'), lease_owner = $1, \
        lease_until = now() + make_interval(secs => $2), assigned_at = coalesce(t.assigned_at, now()) \
      from due where t.id = due.id \
      returning t.id, t.order_id, t.operation, t.attempt, t.max_attempts, t.fence) \
    select taken.*, o.tariff_id, coalesce(s.generation, 1) as generation, s.image_id, o.server_login, o.server_password \
    from taken join orders o on o.id = taken.order_id left join server s on s.order_id = o.id";

/// Takes the task that is due first, if one is.
///
/// # Errors
/// [`Error`] from the database.
pub async fn claim(tx: &mut Tx, worker: Uuid) -> Result<Option<ClaimedTask>, Error> {
    let row: Option<Row> = diesel::sql_query(CLAIM)
        .bind::<sql_types::Uuid, _>(worker)
        .bind::<sql_types::Integer, _>(LEASE_SECONDS)
        .get_result(tx.conn())
        .await
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let order = OrderId(row.order_id);
    let driver = tx.catalogue().tariff(TariffId(row.tariff_id)).and_then(|t| match &t.handling {
        Handling::Driver(name) => Some(name.0.clone()),
        Handling::Manual => None,
    });
    let password = row.server_password.map(|sealed| open_password(tx, order, &sealed)).transpose()?;
    Ok(Some(ClaimedTask {
        id: TaskId(row.id),
        order,
        operation: row.operation.parse().map_err(Error::corrupt)?,
        attempt: row.attempt,
        max_attempts: row.max_attempts,
        fence: row.fence,
        driver,
        generation: row.generation,
        image: row.image_id,
        login: row.server_login,
        password,
    }))
}

/// Says that the worker is alive. False when the lease is lost: the work is another's now.
///
/// # Errors
/// [`Error`] from the database.
pub async fn renew_lease(tx: &mut Tx, id: TaskId, fence: i64) -> Result<bool, Error> {
    let renewed = diesel::sql_query(
        "update task set lease_until = now() + make_interval(secs => $3) \
         where id = $1 and state = 'running' and fence = $2",
    )
    .bind::<sql_types::BigInt, _>(id.0)
    .bind::<sql_types::BigInt, _>(fence)
    .bind::<sql_types::Integer, _>(LEASE_SECONDS)
    .execute(tx.conn())
    .await?;
    Ok(renewed == 1)
}
