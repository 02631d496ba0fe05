//! Taking tasks out of the queue, by a lease.

use std::time::Duration;

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
    finish::Next,
    lease::{LEASE_SECONDS, Lease},
    network::{ServerNetwork, network_of},
};
use crate::{
    RealmKind,
    db::{Conn, Error, Tx, sql},
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
    /// What the server is to call itself, as it was last set before this task.
    pub hostname: Option<String>,
    /// Which of the order's passwords the service is to have.
    pub password_version: i32,
    /// Whether staff asked an earlier worker to let go of it, and that one never said what came of it.
    pub cancel_asked: bool,
    /// Whether an earlier try may have done it and nobody could look since: the machine is looked at first.
    pub unseen: bool,
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
    /// A task that can't be made out. It counts as a failed attempt.
    Unreadable {
        /// The claim.
        lease: Lease,
        /// What is wrong with it.
        why: String,
        /// When it is tried again; an operation that no newer program has taken for an hour won't become readable.
        next: Option<Next>,
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
    #[diesel(sql_type = sql_types::Bool)]
    cancel_asked: bool,
    #[diesel(sql_type = sql_types::Bool)]
    unseen: bool,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Double>)]
    waited: Option<f64>,
    #[diesel(sql_type = sql_types::Text)]
    server_login: String,
    #[diesel(sql_type = sql_types::Nullable<sql_types::Binary>)]
    server_password: Option<Vec<u8>>,
}

/// Whose turn it is among an order's open tasks `p`, seen from `t`: the operations that say whether the server is there
/// and on come first, each kind in its order. A change waits also for one that staff have: it starts from that size.
/// One that comes after a task that won't end by itself, or is held, is in nobody's way.
///
/// Here and in [`MAY_BE_DONE`], `offset 0` and the scalar selects have the planner look up a few rows by their keys for
/// each task it meets, in the order of the queue. Left to itself it joins, over every task there ever was.
const IN_ITS_WAY: &str = "\
    exists (select from task p where p.order_id = t.order_id and p.state = 'running' offset 0) \
    or exists (select from task p \
      where p.order_id = t.order_id and p.state in ('queued', 'manual') and (p.rank, p.id) < (t.rank, t.id) \
        and case when p.state = 'queued' then p.after is null or not exists ( \
            select from task f join orders fo on fo.id = f.order_id where f.id = p.after \
              and (f.state in ('manual', 'failed', 'cancelled') \
                or f.rank = 1 and f.state = 'queued' and fo.state in ('suspended', 'terminated')) offset 0) \
          else p.operation = 'server_change' and t.operation = 'server_change' end \
      offset 0)";

/// What may be done now: all but what is not due or known to this program, comes after a task that isn't done, or is
/// held while its server is suspended. Once its order has ended it is held, too: done after the removal it would make
/// the server again, so it comes to nothing with that, or goes on when the order is restored. What is not wanted any
/// more is only looked at, and is never held. An operation that is not known is left to a newer program for an hour;
/// then somebody has to see it.
const MAY_BE_DONE: &str = "\
    t.state = 'queued' and t.run_at <= now() \
      and (t.operation = any($1) or t.run_at < now() - interval '1 hour') \
      and (t.rank = 0 or t.cancel_requested_at is not null \
        or (select o.state from orders o where o.id = t.order_id) not in ('suspended', 'terminated')) \
      and (t.after is null or (select f.state from task f where f.id = t.after) = 'succeeded')";

/// Takes one task, of an order that has none running, in a free place of its hypervisor. That both are so is seen to by
/// unique indexes: who comes second finds nothing. The systems of an order without a plan are counted by the
/// reinstallations asked for until then. A server's size and hostname are those before the changes that are still to
/// come: they may come to nothing, and a system that was made before them is not to be seen with them. A name or a
/// limit that staff have tried again may have been set otherwise since: then that is what it sets.
fn claim_query() -> String {
    format!(
        "with due as ( \
           select t.id, node.name, node.places, node.taken \
           from task t left join lateral ( \
             select n.name, n.places, \
               array(select r.node_slot from task r where r.state = 'running' and r.node = n.name) as taken \
             from server s join unnest($4::text[], $5::int[]) as n (name, places) on n.name = s.node \
             where s.order_id = t.order_id offset 0) node on true \
           where {MAY_BE_DONE} and not ({IN_ITS_WAY}) \
             and (node.name is null or cardinality(node.taken) < node.places) \
           order by t.run_at, t.id limit 1 for update of t skip locked), \
         taken as ( \
           update task t set state = 'running', attempt = t.attempt + 1, fence = nextval('task_fence'), lease_owner = $2, \
             lease_until = now() + make_interval(secs => $3), assigned_at = coalesce(t.assigned_at, now()), \
             node = due.name, node_slot = (select place from generate_series(1, due.places) place \
               where place <> all (due.taken) order by random() limit 1) \
           from due where t.id = due.id \
           returning t.id, t.order_id, t.operation, t.attempt, t.max_attempts, t.fence, t.params, \
             t.cancel_requested_at is not null as cancel_asked, t.unseen, \
             case when t.waiting_since is not null \
               then greatest(extract(epoch from now() - t.waiting_since), 0)::float8 end as waited), \
         tried as (insert into task_attempt (task_id, fence, attempt, worker) select id, fence, attempt, $2 from taken) \
         select taken.id, taken.order_id, taken.operation, taken.attempt, taken.max_attempts, taken.fence, \
           taken.cancel_asked, taken.unseen, taken.waited, coalesce(n.params, taken.params) as params, o.tariff_id, s.image_id, o.server_login, o.server_password, \
           coalesce((c.sized->>'cpu_ghz')::int, s.cpu_ghz) as cpu_ghz, \
           coalesce((c.sized->>'ram_mb')::int, s.ram_mb) as ram_mb, \
           coalesce((c.sized->>'disk_gb')::int, s.disk_gb) as disk_gb, \
           coalesce((c.sized->>'bandwidth_mbps')::int, s.bandwidth_mbps) as bandwidth_mbps, \
           coalesce(case when c.named is null then s.hostname else c.named->>'hostname' end, o.domain_ascii, \
             's' || o.id) as hostname, \
           coalesce(s.password_version, 1) as password_version, \
           coalesce(s.generation, 1 + (select count(*) from task r where r.order_id = taken.order_id \
             and r.operation = 'server_recreate' and r.id <= taken.id and r.state <> 'cancelled')::int) as generation \
         from taken join orders o on o.id = taken.order_id left join server s on s.order_id = o.id \
           left join lateral (select (array_agg(c.undo order by c.id) filter (where c.undo ? 'cpu_ghz'))[1] as sized, \
               (array_agg(c.undo order by c.id) filter (where c.undo ? 'hostname'))[1] as named \
             from task c where c.order_id = o.id and c.id > taken.id and c.state = 'queued' \
               and c.undo ?| array['cpu_ghz', 'hostname']) c on true \
           left join lateral (select l.params from task l \
             where taken.operation in ('server_domain', 'server_ptr', 'server_firewall') and l.order_id = taken.order_id \
               and l.id > taken.id and l.operation = taken.operation and l.state = 'succeeded' \
               and l.params ->> 'ip' is not distinct from taken.params ->> 'ip' \
             order by l.id desc limit 1) n on true"
    )
}

/// The operations that this program knows.
fn known() -> Vec<&'static str> {
    Operation::ALL.into_iter().map(Operation::name).collect()
}

/// Takes the task that is due first, if one is.
///
/// # Errors
/// [`Error`] from the database; see [`is_lost_race`].
pub async fn claim(tx: &mut Tx, worker: Uuid) -> Result<Option<Claim>, Error> {
    let catalogue = tx.catalogue();
    let nodes = || catalogue.nodes.iter();
    let names: Vec<&str> = nodes().map(|node| node.name.as_str()).collect();
    let places: Vec<i32> = nodes().map(|node| i32::try_from(node.max_tasks).unwrap_or(i32::MAX)).collect();
    let row: Option<Row> = sql(claim_query())
        .bind::<sql_types::Array<sql_types::Text>, _>(known())
        .bind::<sql_types::Uuid, _>(worker)
        .bind::<sql_types::Integer, _>(LEASE_SECONDS)
        .bind::<sql_types::Array<sql_types::Text>, _>(names)
        .bind::<sql_types::Array<sql_types::Integer>, _>(places)
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
    let lease = Lease {
        id: TaskId(row.id),
        order,
        attempt: row.attempt,
        max_attempts: row.max_attempts,
        fence: row.fence,
        waited: row.waited.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()),
    };
    let operation: Operation = match row.operation.parse() {
        Ok(operation) => operation,
        Err(why) => return Claim::Unreadable { lease, why, next: Some(Next::Staff) },
    };
    let password = match row.server_password.map(|sealed| open_password(tx, order, &sealed)).transpose() {
        Ok(password) => password,
        Err(error) => return Claim::Unreadable { lease, why: error.to_string(), next: None },
    };
    let driver = driver_of(tx, TariffId(row.tariff_id));
    let server = match row.sizes.server(row.image_id.as_deref()) {
        Ok(server) => server,
        Err(error) => return Claim::Unreadable { lease, why: error.to_string(), next: None },
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
        cancel_asked: row.cancel_asked,
        unseen: row.unseen,
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

/// Whether a claim failed only because another worker was quicker with a task of the same order, or with a place of the
/// same hypervisor: then nothing was due.
#[must_use]
pub fn is_lost_race(error: &Error) -> bool {
    matches!(error.constraint(), Some("task_one_running" | "task_node_slot"))
}

#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = sql_types::Bool)]
    due: bool,
}

/// Whether a claim may find something: asked by idle workers, since it costs one round trip and no transaction. Full
/// hypervisors are the claim's to see.
///
/// # Errors
/// [`Error`] from the database.
pub async fn is_due(connection: &mut Conn) -> Result<bool, Error> {
    let query = format!(
        "select coalesce((select true from task t where {MAY_BE_DONE} and not ({IN_ITS_WAY}) \
           order by t.run_at, t.id limit 1), false) as due"
    );
    let found: Due = sql(query).bind::<sql_types::Array<sql_types::Text>, _>(known()).get_result(connection).await?;
    Ok(found.due)
}
