//! The simulated hypervisor: takes its time, then keeps the machine as a row of the realm.

use std::{collections::BTreeSet, time::Duration};

use domain::{orders::OrderId, tasks::Operation, usage::Counters};
use futures_util::{FutureExt, future::LocalBoxFuture};
use store::{
    Error, Realm,
    tasks::{self, ClaimedTask, Simulated, SimulatedServer},
};
use tokio::time;

use super::{
    Class, Ctx, Driver, DriverSettings, Handle, Machine, MachineSize, Observed, Outcome, Timeouts, Traits, Trouble,
    magic::Magic, simulated_usage,
};

/// The name of the one simulated hypervisor there is.
const NODE: &str = "simulated-1";
/// How long what a name makes slow takes: long enough to be looked at while it is under way.
const SLOW: Duration = Duration::from_secs(20);

/// The simulated hypervisor of a realm: it reaches no other realm's machines, because the realm's role can't.
#[derive(Clone)]
pub struct SimulatedDriver {
    realm: Realm,
    operation_time: Duration,
    operations: BTreeSet<Operation>,
    timeouts: Timeouts,
}

impl SimulatedDriver {
    /// As tariffs name it.
    pub const NAME: &'static str = "simulated";

    /// One that can do everything, whose operations take `operation_time` each.
    #[must_use]
    pub fn new(realm: Realm, operation_time: Duration) -> Self {
        Self { realm, operation_time, operations: Operation::ALL.into(), timeouts: Timeouts::default() }
    }

    /// Whose machines it keeps.
    pub(super) const fn realm(&self) -> &Realm {
        &self.realm
    }

    /// The same, as it is set up.
    #[must_use]
    pub(super) fn set_up(self, settings: &DriverSettings) -> Self {
        Self { operations: settings.operations.clone(), timeouts: settings.timeouts.clone(), ..self }
    }

    /// What a name asks for goes before what is asked for.
    async fn bring_about(&self, task: &ClaimedTask, ctx: &Ctx) -> Outcome {
        let magic = Magic::of(task);
        match magic {
            Some(Magic::Fail) => {
                let why = format!("{NODE} refuses, as the name asks for");
                return Outcome::Fail { class: Class::Internal, why };
            }
            Some(Magic::Retry) if task.lease.waited.is_none() => {
                let after = Some(self.operation_time);
                let why = format!("{NODE} is busy, as the name asks for");
                return Outcome::Retry { after, class: Class::Unavailable, why };
            }
            Some(Magic::Hang) => {
                time::sleep_until(ctx.deadline()).await;
                return Outcome::Unknown {
                    class: Class::Unavailable,
                    why: format!("{NODE} did not answer in time, as the name asks for"),
                };
            }
            Some(Magic::Slow) => time::sleep(SLOW.max(self.operation_time)).await,
            Some(Magic::Pending) if ctx.handle().is_none() => {
                let handle = Handle(format!("{NODE}:{}", task.lease.id.0));
                return Outcome::Pending { handle, poll_after: self.operation_time };
            }
            Some(Magic::Retry | Magic::Pending | Magic::Lost | Magic::Unverified) | None => {
                time::sleep(self.operation_time).await;
            }
        }
        match self.apply(task).await {
            Outcome::Done { .. } if magic == Some(Magic::Lost) => Outcome::Unknown {
                class: Class::Unavailable,
                why: format!("{NODE}'s answer was lost, as the name asks for"),
            },
            outcome => outcome,
        }
    }

    async fn apply(&self, task: &ClaimedTask) -> Outcome {
        let applied = self.realm.transaction("simulate", async |tx| tasks::apply_simulated(tx, task).await).await;
        match applied {
            Ok(Simulated::Done) => Outcome::Done { node: NODE.to_owned() },
            Ok(Simulated::Missing) => {
                Outcome::Fail { class: Class::Missing, why: format!("{NODE} has no machine for this order") }
            }
            Ok(Simulated::Outdated) => Outcome::Retry {
                after: None,
                class: Class::Fenced,
                why: format!("{NODE} has had a newer task for this machine"),
            },
            // The commit's answer may be what was lost.
            Err(error) => Outcome::Unknown { class: Class::Unavailable, why: unreadable(&error) },
        }
    }

    async fn read_counters(&self, order: OrderId) -> Option<Counters> {
        let read = self.realm.read(async |connection| {
            let server = tasks::simulated(connection, order).await?;
            Ok::<_, Error>((server, tasks::simulated_uptime(connection, order).await?))
        });
        match read.await {
            Ok((Some(server), uptime)) => Some(simulated_usage::counters(order, &server, uptime)),
            Ok((None, _)) => None,
            Err(error) => {
                store::log_failure!(warn, error, "the simulated hypervisor's counters can't be had");
                None
            }
        }
    }

    async fn look(&self, task: &ClaimedTask) -> Observed {
        let order = task.lease.order;
        match self.realm.read(async |connection| tasks::simulated(connection, order).await).await {
            Ok(Some(server)) if Magic::of(task) == Some(Magic::Unverified) => {
                let traits = Traits::default();
                Observed::Present(Machine { boot: None, traits, ..machine(server) })
            }
            Ok(Some(server)) => Observed::Present(machine(server)),
            Ok(None) => Observed::Missing,
            Err(error) => Observed::Unavailable(Trouble::new(Class::Unavailable, unreadable(&error))),
        }
    }
}

/// A simulated machine, as any driver tells of one.
fn machine(server: SimulatedServer) -> Machine {
    let known = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok());
    let size = server.size;
    let sizes = (known(size.cpu_ghz), known(size.ram_mb), known(size.disk_gb), known(size.bandwidth_mbps));
    let size = match sizes {
        (Some(cpu_ghz), Some(ram_mb), Some(disk_gb), Some(bandwidth_mbps)) => {
            Some(MachineSize { cpu_ghz, ram_mb, disk_gb, bandwidth_mbps })
        }
        _ => None,
    };
    let network = &server.network;
    let traits = Traits {
        size,
        password_version: Some(server.password_version),
        addresses: Some(network.addresses().collect()),
        ptr: Some(network.ptr()),
        firewall: Some(network.firewall()),
        // Nothing is inside that could have rules.
        filter_is_empty: Some(true),
        hostname: server.hostname,
    };
    let boot = Some(server.boots.to_string());
    Machine { running: server.running, generation: server.generation, boot, traits }
}

/// The cause is for our log; the task's log, which customers read, says what it means.
fn unreadable(error: &Error) -> String {
    store::log_failure!(warn, *error, "the simulated hypervisor's rows can't be had");
    format!("{NODE} does not answer")
}

impl Driver for SimulatedDriver {
    fn operations(&self) -> BTreeSet<Operation> {
        self.operations.clone()
    }

    fn time_for(&self, operation: Operation) -> Duration {
        self.timeouts.of(operation)
    }

    fn probe(&self) -> LocalBoxFuture<'_, Result<BTreeSet<Operation>, Trouble>> {
        async { Ok(Operation::ALL.into()) }.boxed_local()
    }

    fn execute<'a>(&'a self, task: &'a ClaimedTask, ctx: &'a Ctx) -> LocalBoxFuture<'a, Outcome> {
        self.bring_about(task, ctx).boxed_local()
    }

    fn observe<'a>(&'a self, task: &'a ClaimedTask, _: &'a Ctx) -> LocalBoxFuture<'a, Observed> {
        self.look(task).boxed_local()
    }

    fn usage(&self, server: OrderId) -> LocalBoxFuture<'_, Option<Counters>> {
        self.read_counters(server).boxed_local()
    }

    fn cancel<'a>(&'a self, _: &'a Handle) -> LocalBoxFuture<'a, ()> {
        // Nothing is done of it until it is asked after.
        async {}.boxed_local()
    }
}
