//! The simulated hypervisor's machines: rows of the realm, so that every process sees the same ones.
//!
//! A machine that was removed leaves a row of generation 0 behind: a task that was overtaken can't bring it back then,
//! because its fence is older than the row's.

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    orders::{OrderId, ServerSpec},
    tasks::Operation,
};

use super::{
    claim::ClaimedTask,
    simulated_network::{SimulatedNetwork, WantedNetwork},
};
use crate::db::{Conn, Error, Tx, sql};

/// A simulated machine.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct SimulatedServer {
    /// Whether it is switched on.
    #[diesel(sql_type = sql_types::Bool)]
    pub running: bool,
    /// How often its system was made.
    #[diesel(sql_type = sql_types::Integer)]
    pub generation: i32,
    /// How often it started.
    #[diesel(sql_type = sql_types::BigInt)]
    pub boots: i64,
    /// What is on its disk.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    pub image_id: Option<String>,
    /// Its size, where its tariff has a plan.
    #[diesel(embed)]
    pub size: SimulatedSize,
    /// What it calls itself.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    pub hostname: Option<String>,
    /// Of which of the order's passwords it has.
    #[diesel(sql_type = sql_types::Integer)]
    pub password_version: i32,
    /// What connects it.
    #[diesel(embed)]
    pub network: SimulatedNetwork,
}

/// A simulated machine's size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, QueryableByName)]
pub struct SimulatedSize {
    /// Processor, GHz.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Integer>)]
    pub cpu_ghz: Option<i32>,
    /// Memory, MB.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Integer>)]
    pub ram_mb: Option<i32>,
    /// Disk, GB.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Integer>)]
    pub disk_gb: Option<i32>,
    /// Bandwidth, Mbps.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Integer>)]
    pub bandwidth_mbps: Option<i32>,
}

impl From<&ServerSpec> for SimulatedSize {
    fn from(spec: &ServerSpec) -> Self {
        let size = |value: u32| i32::try_from(value).ok();
        Self {
            cpu_ghz: size(spec.cpu_ghz),
            ram_mb: size(spec.ram_mb),
            disk_gb: size(spec.disk_gb),
            bandwidth_mbps: size(spec.bandwidth_mbps),
        }
    }
}

impl SimulatedServer {
    /// A place without a machine.
    fn gone() -> Self {
        let (size, network) = (SimulatedSize::default(), SimulatedNetwork::default());
        Self {
            running: false,
            generation: 0,
            boots: 0,
            image_id: None,
            size,
            hostname: None,
            password_version: 0,
            network,
        }
    }

    const fn is_there(&self) -> bool {
        self.generation > 0
    }

    fn started(self) -> Self {
        Self { running: true, boots: self.boots + 1, ..self }
    }
}

/// What became of an operation on a simulated machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Simulated {
    /// It is as the task wants it.
    Done,
    /// There is no machine.
    Missing,
    /// A newer claim has been at it; nothing was done.
    Outdated,
}

/// The machine as an operation leaves it. `None` when there is none to do it to. `again` when an earlier try of the
/// same task did it already.
fn after(task: &Wanted, now: SimulatedServer, again: bool) -> Option<SimulatedServer> {
    match task.operation {
        Operation::Create | Operation::Reinstall if now.generation < task.generation => Some(task.installed(now)),
        Operation::Destroy => Some(SimulatedServer::gone()),
        _ if !now.is_there() => None,
        Operation::Suspend => Some(SimulatedServer { running: false, ..now }),
        Operation::Restart if !again => Some(now.started()),
        Operation::Create | Operation::Reinstall | Operation::Unsuspend | Operation::Restart if now.running => {
            Some(now)
        }
        Operation::Create | Operation::Reinstall | Operation::Unsuspend | Operation::Restart => Some(now.started()),
        Operation::Change => Some(SimulatedServer { size: task.size.unwrap_or(now.size), ..now }),
        Operation::ResetPassword => Some(SimulatedServer { password_version: task.password_version, ..now }),
        Operation::Rename => Some(SimulatedServer { hostname: task.hostname.clone(), ..now }),
        // Its packet filter is empty, as it was.
        Operation::FlushFilter => Some(now),
        Operation::Ptr | Operation::Firewall | Operation::MoveAddress => Some(task.connected(now)),
    }
}

/// What a task wants of a simulated machine.
#[derive(Debug, Clone)]
struct Wanted {
    operation: Operation,
    generation: i32,
    image: Option<String>,
    size: Option<SimulatedSize>,
    hostname: Option<String>,
    password_version: i32,
    network: WantedNetwork,
}

impl Wanted {
    fn of(task: &ClaimedTask) -> Self {
        Self {
            operation: task.operation,
            generation: task.generation,
            image: task.image.clone(),
            size: task.size().as_ref().map(SimulatedSize::from),
            hostname: task.wanted_hostname().map(str::to_owned),
            password_version: task.password_version,
            network: SimulatedNetwork::wanted_by(task),
        }
    }

    /// The machine with another connection.
    fn connected(&self, now: SimulatedServer) -> SimulatedServer {
        let wanted = &self.network;
        let network = match (self.operation, &wanted.ptr) {
            (Operation::Ptr, Some((ip, name))) => now.network.with_ptr(*ip, name),
            (Operation::Firewall, _) => now.network.with_firewall(&wanted.firewall),
            _ => now.network.with_addresses(&wanted.addresses),
        };
        SimulatedServer { network, ..now }
    }

    /// The machine with a new system.
    fn installed(&self, now: SimulatedServer) -> SimulatedServer {
        SimulatedServer {
            generation: self.generation,
            image_id: self.image.clone(),
            size: self.size.unwrap_or(now.size),
            hostname: self.hostname.clone(),
            password_version: self.password_version,
            network: SimulatedNetwork::default()
                .with_addresses(&self.network.addresses)
                .with_firewall(&self.network.firewall),
            ..now.started()
        }
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(embed)]
    server: SimulatedServer,
    #[diesel(sql_type = sql_types::Bool)]
    again: bool,
    #[diesel(sql_type = sql_types::Bool)]
    outdated: bool,
}

/// Operations of an order run one after another, so a fence newer than those of all its other tasks is this task's own.
const FIND: &str = "\
    select running, generation, boots, image_id, cpu_ghz, ram_mb, disk_gb, bandwidth_mbps, hostname, password_version, \
      addresses, ptr, firewall, last_fence > $3 as outdated, \
      last_fence > coalesce((select max(t.fence) from task t where t.order_id = $1 and t.id <> $2), 0) as again \
    from simulated_server where order_id = $1 for update";

const PUT: &str = "\
    insert into simulated_server as s (order_id, last_fence, running, generation, boots, image_id, cpu_ghz, ram_mb, \
        disk_gb, bandwidth_mbps, hostname, password_version, addresses, ptr, firewall) \
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
    on conflict (order_id) do update set last_fence = excluded.last_fence, running = excluded.running, \
      generation = excluded.generation, boots = excluded.boots, image_id = excluded.image_id, \
      cpu_ghz = excluded.cpu_ghz, ram_mb = excluded.ram_mb, disk_gb = excluded.disk_gb, \
      bandwidth_mbps = excluded.bandwidth_mbps, hostname = excluded.hostname, \
      password_version = excluded.password_version, addresses = excluded.addresses, ptr = excluded.ptr, \
      firewall = excluded.firewall, changed_at = now(), \
      started_at = case when s.boots = excluded.boots then s.started_at else now() end \
      where s.last_fence <= excluded.last_fence";

/// Brings a simulated machine into the state that a task wants; again is no second time.
///
/// # Errors
/// [`Error`] from the database.
pub async fn apply_simulated(tx: &mut Tx, task: &ClaimedTask) -> Result<Simulated, Error> {
    let lease = &task.lease;
    let found: Option<Row> = sql(FIND)
        .bind::<sql_types::BigInt, _>(lease.order.0)
        .bind::<sql_types::BigInt, _>(lease.id.0)
        .bind::<sql_types::BigInt, _>(lease.fence)
        .get_result(tx.conn())
        .await
        .optional()?;
    let (now, again, outdated) =
        found.map_or((SimulatedServer::gone(), false, false), |row| (row.server, row.again, row.outdated));
    if outdated {
        return Ok(Simulated::Outdated);
    }
    let Some(then) = after(&Wanted::of(task), now, again) else {
        return Ok(Simulated::Missing);
    };
    let put = sql(PUT)
        .bind::<sql_types::BigInt, _>(lease.order.0)
        .bind::<sql_types::BigInt, _>(lease.fence)
        .bind::<sql_types::Bool, _>(then.running)
        .bind::<sql_types::Integer, _>(then.generation)
        .bind::<sql_types::BigInt, _>(then.boots)
        .bind::<sql_types::Nullable<sql_types::Text>, _>(then.image_id)
        .bind::<sql_types::Nullable<sql_types::Integer>, _>(then.size.cpu_ghz)
        .bind::<sql_types::Nullable<sql_types::Integer>, _>(then.size.ram_mb)
        .bind::<sql_types::Nullable<sql_types::Integer>, _>(then.size.disk_gb)
        .bind::<sql_types::Nullable<sql_types::Integer>, _>(then.size.bandwidth_mbps)
        .bind::<sql_types::Nullable<sql_types::Text>, _>(then.hostname)
        .bind::<sql_types::Integer, _>(then.password_version)
        .bind::<sql_types::Array<sql_types::Inet>, _>(then.network.addresses)
        .bind::<sql_types::Jsonb, _>(then.network.ptr)
        .bind::<sql_types::Jsonb, _>(then.network.firewall)
        .execute(tx.conn())
        .await?;
    Ok(if put == 1 { Simulated::Done } else { Simulated::Outdated })
}

/// A simulated machine, as it is; `None` when there is none.
///
/// # Errors
/// [`Error`] from the database.
pub async fn simulated(connection: &mut Conn, order: OrderId) -> Result<Option<SimulatedServer>, Error> {
    Ok(sql("select running, generation, boots, image_id, cpu_ghz, ram_mb, disk_gb, bandwidth_mbps, hostname, \
           password_version, addresses, ptr, firewall \
         from simulated_server where order_id = $1 and generation > 0")
    .bind::<sql_types::BigInt, _>(order.0)
    .get_result(connection)
    .await
    .optional()?)
}

/// For how many seconds a simulated machine has been running since it last started; `None` when it is off or not there.
///
/// # Errors
/// [`Error`] from the database.
pub async fn simulated_uptime(connection: &mut Conn, order: OrderId) -> Result<Option<i64>, Error> {
    #[derive(QueryableByName)]
    struct Uptime {
        #[diesel(sql_type = sql_types::BigInt)]
        seconds: i64,
    }
    let found: Option<Uptime> =
        sql("select extract(epoch from now() - started_at)::bigint as seconds from simulated_server \
         where order_id = $1 and generation > 0 and running")
        .bind::<sql_types::BigInt, _>(order.0)
        .get_result(connection)
        .await
        .optional()?;
    Ok(found.map(|uptime| uptime.seconds))
}

#[cfg(test)]
mod tests {
    use domain::firewall::Firewall;

    use super::{super::ServerAddress, *};

    fn machine(running: bool, generation: i32) -> SimulatedServer {
        SimulatedServer { running, generation, boots: 7, ..SimulatedServer::gone() }
    }

    fn machines() -> Vec<SimulatedServer> {
        let mut machines: Vec<_> = (1..4).flat_map(|g| [false, true].map(|running| machine(running, g))).collect();
        machines.push(SimulatedServer::gone());
        machines
    }

    fn wanted(operation: Operation, generation: i32) -> Wanted {
        let size =
            Some(SimulatedSize { cpu_ghz: Some(4), ram_mb: Some(4096), disk_gb: Some(40), bandwidth_mbps: Some(40) });
        let hostname = Some("new.example".to_owned());
        let ip = "192.0.2.7".parse().unwrap();
        let network = WantedNetwork {
            addresses: vec![ServerAddress { ip, prefix: Some(24), gateway: None, ptr: None }],
            ptr: Some((ip, "new.example".to_owned())),
            firewall: Firewall { pps: 1000, ..Firewall::default() },
        };
        Wanted { operation, generation, image: None, size, hostname, password_version: 2, network }
    }

    #[test]
    fn an_operation_done_again_changes_nothing() {
        for (operation, machine) in Operation::ALL.into_iter().flat_map(|o| machines().into_iter().map(move |m| (o, m)))
        {
            if let Some(once) = after(&wanted(operation, 2), machine, false) {
                assert_eq!(after(&wanted(operation, 2), once.clone(), true), Some(once), "{operation}");
            }
        }
    }

    #[test]
    fn only_making_and_removing_need_no_machine() {
        for operation in Operation::ALL {
            let done = after(&wanted(operation, 1), SimulatedServer::gone(), false).is_some();
            let expected = matches!(operation, Operation::Create | Operation::Reinstall | Operation::Destroy);
            assert_eq!(done, expected, "{operation}");
        }
    }

    #[test]
    fn a_machine_is_started_as_often_as_it_is_asked_for() {
        let on = SimulatedServer { boots: 1, ..machine(true, 1) };
        let off = SimulatedServer { running: false, ..on.clone() };
        let boots =
            |operation, machine: &SimulatedServer| after(&wanted(operation, 1), machine.clone(), false).unwrap().boots;
        assert_eq!(boots(Operation::Restart, &on), 2);
        assert_eq!(boots(Operation::Unsuspend, &on), 1);
        assert_eq!(boots(Operation::Unsuspend, &off), 2);
        assert_eq!(boots(Operation::Reinstall, &on), 1, "the system is of that generation already");
        assert_eq!(after(&wanted(Operation::Reinstall, 2), on, false).unwrap().boots, 2);
    }

    #[test]
    fn a_change_leaves_the_power_and_the_disk_as_they_are() {
        let changes = [
            Operation::Change,
            Operation::ResetPassword,
            Operation::Rename,
            Operation::Ptr,
            Operation::Firewall,
            Operation::MoveAddress,
        ];
        for operation in changes {
            let before = machine(false, 3);
            let then = after(&wanted(operation, 3), before.clone(), false).unwrap();
            assert_eq!((then.running, then.generation, then.boots), (false, 3, 7), "{operation}");
            assert_ne!(then, before, "{operation}");
        }
    }
}
