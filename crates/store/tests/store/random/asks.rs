//! What customers and staff ask for, at random. What is refused is refused for a reason that other tests look at.

use std::net::IpAddr;

use domain::{
    catalogue::ImageId,
    domain_name::DomainName,
    field::Field,
    firewall::{FirewallChanges, Limit},
    orders::{ChangeRequest, OrderId, PowerOperation},
    tasks::TaskId,
};
use store::{
    Error, Tx, addresses,
    db::AsStoreError,
    orders,
    servers::{self, Recreate},
    tasks,
};

use super::World;
use crate::acts::{power, terminate};

impl World<'_> {
    /// Each of the commands on servers.
    pub(super) async fn customer(&mut self) {
        let at = self.pick(self.orders.len());
        let (id, whose) = (self.orders[at], self.ann.customer);
        match self.dice.below(9) {
            0 => self.change(id).await,
            1 => {
                let name = self.name();
                self.ask(async |tx| servers::rename(tx, whose, id, &name).await).await;
            }
            2 => {
                let limit = self.dice.of(&[(Limit::Packets, 1000), (Limit::Packets, 2000), (Limit::Connections, 64)]);
                let read = |of| if of == limit.0 { Field::Given(limit.1) } else { Field::Absent };
                let changes = FirewallChanges::read(read).unwrap();
                self.ask(async |tx| servers::set_firewall(tx, whose, id, &changes).await).await;
            }
            3 => {
                let (ip, name) = (self.address_of(id).await, self.name());
                self.ask(async |tx| servers::set_ptr(tx, whose, id, ip, &name).await).await;
            }
            4 => {
                let to = self.pick(self.orders.len());
                let (ip, to) = (self.address_of(id).await, self.orders[to]);
                self.ask(async |tx| servers::move_address(tx, whose, id, ip, to).await).await;
            }
            5 => self.ask(async |tx| servers::reset_password(tx, whose, id, None).await).await,
            6 => self.ask(async |tx| servers::flush_filter(tx, whose, id).await).await,
            7 => {
                let image = ImageId("debian-12-x86_64".to_owned());
                let wanted = Recreate { image: &image, password: None };
                self.ask(async |tx| servers::recreate(tx, whose, id, &wanted).await).await;
            }
            _ => {
                use PowerOperation::{Reinstall, Restart, Suspend, Unsuspend};
                let wanted = self.dice.of(&[Suspend, Unsuspend, Unsuspend, Restart, Reinstall]);
                drop(power(&self.db.database, &self.ann, id, wanted).await);
            }
        }
    }

    /// Asks for something in a transaction of its own, whatever is answered.
    async fn ask<T, E: From<Error> + AsStoreError>(&self, what: impl AsyncFnMut(&mut Tx) -> Result<T, E>) {
        drop(self.live().transaction("ask", what).await);
    }

    async fn change(&mut self, id: OrderId) {
        let cpu = 2 + u32::try_from(self.dice.below(15)).unwrap();
        let request = ChangeRequest {
            cpu_ghz: Field::Given(cpu),
            ram_mb: Field::Absent,
            disk_gb: Field::Absent,
            bandwidth_mbps: Field::Absent,
        };
        let ann = self.ann;
        drop(self.live().transaction("change", async |tx| servers::change(tx, &ann, id, &request, false).await).await);
    }

    fn name(&mut self) -> DomainName {
        DomainName::parse(self.dice.of(&["one.example", "two.example"])).unwrap()
    }

    /// One that the server holds, or one that it doesn't.
    async fn address_of(&mut self, id: OrderId) -> IpAddr {
        let held = self.live().read(async |c| addresses::held(c, Some(id)).await).await.unwrap();
        let mut all: Vec<IpAddr> = held.into_iter().map(|held| held.ip).collect();
        all.push("198.51.100.250".parse().unwrap());
        self.dice.of(&all)
    }

    /// They end and restore orders, give addresses, cancel and release tasks; and hours pass.
    pub(super) async fn staff(&mut self) {
        match self.dice.below(8) {
            0 => {
                let at = self.pick(self.orders.len());
                let id = self.orders.remove(at);
                // It may have ended with its creation, which was let go of.
                drop(terminate(&self.db.database, id).await);
                self.ended.push(id);
            }
            1 if !self.ended.is_empty() => {
                let at = self.pick(self.ended.len());
                let id = self.ended[at];
                let restored = self.live().transaction("restore", async |tx| orders::restore(tx, id).await).await;
                if restored.is_ok() {
                    self.orders.push(self.ended.remove(at));
                }
            }
            2 => {
                let at = self.pick(self.orders.len());
                let id = self.orders[at];
                drop(self.live().transaction("give", async |tx| addresses::give(tx, id, None).await).await);
            }
            3 => self.hours_pass().await,
            4 => {
                let id = self.task().await;
                drop(self.live().transaction("retry", async |tx| tasks::retry(tx, id).await).await);
            }
            _ => {
                let id = self.task().await;
                drop(self.live().transaction("cancel", async |tx| tasks::cancel(tx, id).await).await);
                let terminated = "select array(select id from live.orders where state = 'terminated')";
                let terminated: Vec<i64> = self.db.value(terminated).await;
                let (ended, go_on) = self.orders.drain(..).partition(|order| terminated.contains(&order.0));
                self.orders = go_on;
                self.ended.extend::<Vec<_>>(ended);
            }
        }
    }

    async fn task(&mut self) -> TaskId {
        let last: i64 = self.db.value("select coalesce(max(id), 1) from live.task").await;
        TaskId(1 + i64::try_from(self.dice.below(last.unsigned_abs())).unwrap())
    }

    pub(super) async fn hours_pass(&self) {
        self.db.run_sql("update live.task set run_at = now() where state = 'queued'").await;
    }

    /// Nobody is suspended any more.
    pub(super) async fn resume(&self) {
        for id in &self.orders {
            drop(power(&self.db.database, &self.ann, *id, PowerOperation::Unsuspend).await);
        }
    }

    /// Staff end what could not be made, and release what waits for them, or cancel it where nobody can do it. Whether
    /// there is something to do then.
    pub(super) async fn attend(&self) -> Result<bool, String> {
        let unmade: Vec<i64> = self.db.value("select array(select id from live.orders where state = 'manual')").await;
        for id in &unmade {
            terminate(&self.db.database, OrderId(*id)).await.map_err(|error| error.to_string())?;
        }
        let waiting = "select array(select id from live.task where state = 'manual' order by id)";
        let waiting: Vec<i64> = self.db.value(waiting).await;
        for id in waiting.iter().copied().map(TaskId) {
            let released = self.live().transaction("retry", async |tx| tasks::retry(tx, id).await).await;
            if released.is_err() {
                let open = format!("select state = 'manual' from live.task where id = {}", id.0);
                if self.db.value::<bool>(&open).await {
                    let cancelled = self.live().transaction("cancel", async |tx| tasks::cancel(tx, id).await).await;
                    cancelled.map_err(|error| format!("task {} is nobody's: {error}", id.0))?;
                }
            }
        }
        Ok(!unmade.is_empty() || !waiting.is_empty())
    }
}
