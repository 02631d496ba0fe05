//! Taking tasks out of the queue, by a lease.

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    catalogue::{Handling, TariffId},
    orders::{Order, OrderId, ServerSpec},
    tasks::{Operation, TaskId},
};
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    lease::{LEASE_SECONDS, Lease},
    network::{ServerNetwork, network_of},
};
use crate::{
    RealmKind,
    db::{Conn, Error, Tx},
    orders::{Sizes, open_password},
};

/// A task that this worker has for now.
#[derive(Debug)]
pub struct ClaimedTask {
    /// The claim.
    pub lease: Lease,
    /// What is to be done.
    pub operation: Operation,
    /// The hypervisor driver, if the tariff still has one.
    pub driver: Option<String>,
    /// The system that the server is to have: grows with each reinstallation.
    pub generation: i32,
    /// The image that the server is to have.
    pub image: Option<String>,
    /// `ta_params`.
    pub params: serde_json::Value,
    /// The server, as it was last changed; none without a plan.
    pub server: Option<ServerSpec>,
    /// What the server is to call itself, as it was last set.
    pub hostname: Option<String>,
    /// Which of the order's passwords the service is to have.
    pub password_version: i32,
    /// What connects the server.
    pub network: ServerNetwork,
    /// The service's login.
    pub login: String,
    /// The service's password.
    pub password: Option<SecretString>,
}

impl ClaimedTask {
    /// The size that the server is to have when this task is done. A change names its own: one that was asked for later
    /// has a task of its own.
    #[must_use]
    pub fn size(&self) -> Option<ServerSpec> {
        let now = self.server.as_ref()?;
        let own = |name: &str, else_: u32| {
            let text = self.params.get(name).and_then(serde_json::Value::as_str);
            text.and_then(|text| text.parse().ok()).unwrap_or(else_)
        };
        Some(ServerSpec {
            cpu_ghz: own("cpu", now.cpu_ghz),
            ram_mb: own("ram", now.ram_mb),
            disk_gb: own("quota", now.disk_gb),
            bandwidth_mbps: own("bandwidth", now.bandwidth_mbps),
            image: now.image.clone(),
        })
    }

    /// What the server is to call itself when this task is done.
    #[must_use]
    pub fn wanted_hostname(&self) -> Option<&str> {
        let own = self.params.get("domain").filter(|_| self.operation == Operation::Rename);
        own.and_then(serde_json::Value::as_str).or(self.hostname.as_deref())
    }
}

/// What came out of the queue.
#[derive(Debug)]
pub enum Claim {
    /// Work to do.
    Ready(Box<ClaimedTask>),
    /// A task that can't be made out, such as an operation of a newer version. It counts as a failed attempt.
    Unreadable {
        /// The claim.
        lease: Lease,
        /// What is wrong with it.
        why: String,
    },
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
    #[diesel(sql_type = sql_types::Jsonb)]
    params: serde_json::Value,
    #[diesel(embed)]
    sizes: Sizes,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    hostname: Option<String>,
    #[diesel(sql_type = sql_types::Integer)]
    password_version: i32,
    #[diesel(sql_type = sql_types::Text)]
    server_login: String,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Binary>)]
    server_password: Option<Vec<u8>>,
}

/// Takes only the oldest open task of an order, so that operations on a server never pass one another, and none before
/// the task that it comes after: one whose first waits for staff keeps no other of its order. The systems of
/// an order without a plan are counted by the reinstallations asked for until then.
const CLAIM: &str = "\
    with due as ( \
      select t.id from task t where t.state = 'queued' and t.run_at <= now() \
        and (t.after is null or exists (select from task f where f.id = t.after and f.state = 'succeeded')) \
        and not exists (select from task p where p.order_id = t.order_id and p.state in ('queued', 'running') \
          and (p.id < t.id or p.state = 'running') \
          and not exists (select from task f where f.id = p.after and f.state in ('manual', 'failed'))) \
      order by t.run_at, t.id limit 1 for update of t skip locked), \
    taken as ( \
      update task t set state = 'running', attempt = t.attempt + 1, fence = nextval('task_fence'), lease_owner = $1, \
        lease_until = now() + make_interval(secs => $2), assigned_at = coalesce(t.assigned_at, now()) \
      from due where t.id = due.id \
      returning t.id, t.order_id, t.operation, t.attempt, t.max_attempts, t.fence, t.params) \
    select taken.*, o.tariff_id, s.image_id, s.cpu_ghz, s.ram_mb, s.disk_gb, s.bandwidth_mbps, o.server_login, o.server_password, \
      coalesce(s.hostname, o.domain_ascii, 's' || o.id) as hostname, coalesce(s.password_version, 1) as password_version, \
      coalesce(s.generation, 1 + (select count(*) from task r where r.order_id = taken.order_id \
        and r.operation = 'server_recreate' and r.id <= taken.id and r.state <> 'cancelled')::int) as generation \
    from taken join orders o on o.id = taken.order_id left join server s on s.order_id = o.id";

/// Takes the task that is due first, if one is.
///
/// # Errors
/// [`Error`] from the database; see [`is_lost_race`].
pub async fn claim(tx: &mut Tx, worker: Uuid) -> Result<Option<Claim>, Error> {
    let row: Option<Row> = diesel::sql_query(CLAIM)
        .bind::<sql_types::Uuid, _>(worker)
        .bind::<sql_types::Integer, _>(LEASE_SECONDS)
        .get_result(tx.conn())
        .await
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let mut claim = made_out(tx, row);
    if let Claim::Ready(task) = &mut claim {
        task.network = network_of(tx, &task.lease).await?;
        task.tell_own_ptr();
    }
    Ok(Some(claim))
}

/// A task that can't be made out is claimed all the same: left where it is, it would be found first for ever.
fn made_out(tx: &Tx, row: Row) -> Claim {
    let order = OrderId(row.order_id);
    let lease =
        Lease { id: TaskId(row.id), order, attempt: row.attempt, max_attempts: row.max_attempts, fence: row.fence };
    let operation: Operation = match row.operation.parse() {
        Ok(operation) => operation,
        Err(why) => return Claim::Unreadable { lease, why },
    };
    let password = match row.server_password.map(|sealed| open_password(tx, order, &sealed)).transpose() {
        Ok(password) => password,
        Err(error) => return Claim::Unreadable { lease, why: error.to_string() },
    };
    let driver = driver_of(tx, TariffId(row.tariff_id));
    let server = match row.sizes.server(row.image_id.as_deref()) {
        Ok(server) => server,
        Err(error) => return Claim::Unreadable { lease, why: error.to_string() },
    };
    let (generation, image, login) = (row.generation, row.image_id, row.server_login);
    Claim::Ready(Box::new(ClaimedTask {
        lease,
        operation,
        driver,
        generation,
        image,
        params: row.params,
        server,
        hostname: row.hostname,
        password_version: row.password_version,
        network: ServerNetwork::default(),
        login,
        password,
    }))
}

/// Whether an operation on an order's service can be done: by its driver, or by staff. The test realm's driver can do
/// everything, whatever the tariff says (CONTRACT 1.6).
pub(crate) fn can_be_done(tx: &Tx, order: &Order, operation: Operation) -> bool {
    let by_machine = tx.realm() == RealmKind::Live && !order.by_hand;
    let driver = driver_of(tx, order.tariff).filter(|_| by_machine);
    driver.is_none_or(|driver| tx.rules().capabilities.can(&driver, operation))
}

/// The hypervisor driver of a tariff, if it still has one.
pub(super) fn driver_of(tx: &Tx, tariff: TariffId) -> Option<String> {
    tx.catalogue().tariff(tariff).and_then(|t| match &t.handling {
        Handling::Driver(name) => Some(name.0.clone()),
        Handling::Manual => None,
    })
}

/// Whether a claim failed only because another worker was quicker with a task of the same order: then nothing was due.
#[must_use]
pub fn is_lost_race(error: &Error) -> bool {
    error.constraint() == Some("task_one_running")
}

#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = sql_types::Bool)]
    due: bool,
}

/// Whether a claim may find something: asked by idle workers, since it costs one round trip and no transaction.
///
/// # Errors
/// [`Error`] from the database.
pub async fn is_due(connection: &mut Conn) -> Result<bool, Error> {
    let found: Due = diesel::sql_query(
        "select exists (select from task t where t.state = 'queued' and t.run_at <= now() \
           and (t.after is null or exists (select from task f where f.id = t.after and f.state = 'succeeded')) \
           and not exists (select from task p where p.order_id = t.order_id and p.state in ('queued', 'running') \
             and (p.id < t.id or p.state = 'running') \
             and not exists (select from task f where f.id = p.after and f.state in ('manual', 'failed')))) as due",
    )
    .get_result(connection)
    .await?;
    Ok(found.due)
}
