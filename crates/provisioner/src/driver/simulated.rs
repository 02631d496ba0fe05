//! The simulated hypervisor: takes its time, then keeps the machine as a row of the realm.

use std::time::Duration;

use domain::{orders::OrderId, usage::Counters};
use futures_util::{FutureExt, future::LocalBoxFuture};
use store::{
    Error, Realm,
    tasks::{self, ClaimedTask, Simulated, SimulatedServer},
};
use tokio::time;

use super::{Class, Driver, Machine, MachineSize, Observed, Outcome, Traits, simulated_usage};

/// The name of the one simulated hypervisor there is.
const NODE: &str = "simulated-1";

/// The simulated hypervisor of a realm: it reaches no other realm's machines, because the realm's role can't.
#[derive(Clone)]
pub struct SimulatedDriver {
    realm: Realm,
    operation_time: Duration,
}

impl SimulatedDriver {
    /// As tariffs name it.
    pub const NAME: &'static str = "simulated";

    /// One whose operations take `operation_time` each.
    #[must_use]
    pub const fn new(realm: Realm, operation_time: Duration) -> Self {
        Self { realm, operation_time }
    }

    async fn bring_about(&self, task: &ClaimedTask) -> Outcome {
        time::sleep(self.operation_time).await;
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
            Err(error) => Outcome::Unknown { why: unreadable(&error) },
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
                tracing::warn!(%error, "the simulated hypervisor's counters can't be had");
                None
            }
        }
    }

    async fn look(&self, order: OrderId) -> Observed {
        match self.realm.read(async |connection| tasks::simulated(connection, order).await).await {
            Ok(Some(server)) => Observed::Present(machine(server)),
            Ok(None) => Observed::Missing,
            Err(error) => Observed::Unavailable(unreadable(&error)),
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
        hostname: server.hostname,
    };
    Machine { running: server.running, generation: server.generation, traits }
}

/// The cause is for our log; the task's log, which customers read, says what it means.
fn unreadable(error: &Error) -> String {
    tracing::warn!(%error, "the simulated hypervisor's rows can't be had");
    format!("{NODE} does not answer")
}

impl Driver for SimulatedDriver {
    fn execute<'a>(&'a self, task: &'a ClaimedTask) -> LocalBoxFuture<'a, Outcome> {
        self.bring_about(task).boxed_local()
    }

    fn observe<'a>(&'a self, task: &'a ClaimedTask) -> LocalBoxFuture<'a, Observed> {
        self.look(task.lease.order).boxed_local()
    }

    fn usage(&self, server: OrderId) -> LocalBoxFuture<'_, Option<Counters>> {
        self.read_counters(server).boxed_local()
    }
}
