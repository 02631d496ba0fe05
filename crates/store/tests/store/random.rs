//! Random work on the queue: customers, staff, and workers that fail, fall silent and come back, against what must be
//! true whatever happens. A control shows that a worker without its fence is found out.
//!
//! The dice begin somewhere else each time. Where, is told with what went wrong: `VARTAI_TEST_SEED` has them begin
//! there again.

mod asks;
mod oracle;

use std::{collections::BTreeMap, time::Duration};

use domain::{
    orders::OrderId,
    tasks::{Operation, ProvisioningRules},
};
use store::{
    Realm, Tx,
    db::Rules,
    orders::Buyer,
    tasks::{self, Claim, ClaimedTask, Failed, Next, Simulated},
};
use testkit::{Dice, TestDb};

use crate::{
    acts::{place, vds},
    addresses::with_pool,
};

const SEQUENCES: u64 = 2;
const STEPS: usize = 250;
const ORDERS: usize = 6;
const WORKERS: usize = 5;
/// What Ann has at first, in cents.
const RICH: i64 = 10_000_000;

/// A worker with a task. One that is not alive any more may still believe that it has it.
struct Holder {
    task: ClaimedTask,
    alive: bool,
}

/// Whether workers' ends are fenced, as they are; or not, to see that this is found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    Fenced,
    Unfenced,
}

struct World<'a> {
    db: &'a TestDb,
    ann: Buyer,
    dice: Dice,
    ends: Ends,
    orders: Vec<OrderId>,
    /// Orders that ended; some are restored.
    ended: Vec<OrderId>,
    holders: Vec<Holder>,
    /// With which fence each task was said to be done.
    done: BTreeMap<i64, i64>,
}

impl World<'_> {
    fn live(&self) -> &Realm {
        &self.db.database.live
    }

    fn pick(&mut self, of: usize) -> usize {
        usize::try_from(self.dice.below(of as u64)).unwrap()
    }

    /// Things happen until nothing is left to be done. What is wrong then, or on the way, if anything is.
    async fn lives(&mut self) -> Result<(), String> {
        for step in 0..STEPS {
            let outcome = self.step().await.and(self.no_address_twice().await);
            outcome.map_err(|wrong| format!("step {step}: {wrong}"))?;
        }
        self.settle().await?;
        self.oracle().await
    }

    /// Something happens. What is wrong then, if anything is.
    async fn step(&mut self) -> Result<(), String> {
        match self.dice.below(26) {
            0..=1 if self.orders.len() < ORDERS => {
                self.orders.push(place(&self.db.database, &self.ann, &vds()).await);
                Ok(())
            }
            _ if self.orders.is_empty() => Ok(()),
            0..=7 => {
                self.customer().await;
                Ok(())
            }
            8..=12 if self.holders.len() < WORKERS => self.claim().await,
            24..=25 => {
                self.staff().await;
                Ok(())
            }
            _ if self.holders.is_empty() => Ok(()),
            8..=14 => {
                let at = self.pick(self.holders.len());
                self.apply(&self.holders[at].task).await;
                Ok(())
            }
            15..=18 => self.finish().await,
            19..=20 => self.give_back().await,
            21..=22 => {
                let at = self.pick(self.holders.len());
                self.fall_silent(at).await;
                Ok(())
            }
            _ => {
                let at = self.pick(self.holders.len());
                let Holder { task, alive } = self.holders.remove(at);
                let released = self.live().transaction("release", async |tx| tasks::release(tx, &task.lease).await);
                as_alive(released.await.unwrap(), alive)
            }
        }
    }

    async fn claim(&mut self) -> Result<(), String> {
        let worker = uuid::Uuid::new_v4();
        let claimed = self.live().transaction("claim", async |tx| tasks::claim(tx, worker).await).await.unwrap();
        let task = match claimed {
            Some(Claim::Ready(task)) => *task,
            None => return Ok(()),
            other => panic!("{other:?}"),
        };
        let order = task.lease.order;
        let held = format!("select state in ('suspended', 'terminated') from live.orders where id = {order}");
        let of_power = [Operation::Create, Operation::Suspend, Operation::Unsuspend, Operation::Destroy];
        if !of_power.contains(&task.operation) && !task.cancel_asked && self.db.value::<bool>(&held).await {
            return Err(format!("task {:?} was to be held", task.lease.id));
        }
        if self.holders.iter().any(|other| other.alive && other.task.lease.order == order) {
            return Err(format!("order {order} has two operations under way"));
        }
        let passed = format!(
            "select count(*) from live.task p, live.task t where t.id = {} and p.order_id = t.order_id \
               and p.state = 'queued' and p.rank = t.rank and p.id < t.id and p.after is null",
            task.lease.id.0
        );
        if self.db.value::<i64>(&passed).await > 0 {
            return Err(format!("task {:?} overtook an older one", task.lease.id));
        }
        self.holders.push(Holder { task, alive: true });
        Ok(())
    }

    /// Nothing more is done for what staff don't want any more.
    async fn apply(&self, task: &ClaimedTask) -> Simulated {
        if task.cancel_asked {
            return Simulated::Outdated;
        }
        self.bring_about(task).await
    }

    async fn bring_about(&self, task: &ClaimedTask) -> Simulated {
        self.live().transaction("apply", async |tx| tasks::apply_simulated(tx, task).await).await.unwrap()
    }

    /// Whether the machine is what a task wants: then bringing it about changes nothing. It is put back as it was.
    async fn is_so(&self, task: &ClaimedTask) -> bool {
        let order = task.lease.order;
        let machine = format!(
            "select coalesce(max(to_jsonb(m)::text), '') from live.simulated_server m where order_id = {order}"
        );
        let seen = "- 'last_fence' - 'changed_at' - 'started_at'";
        let seen = machine.replace("to_jsonb(m)", &format!("(to_jsonb(m) {seen})"));
        let (kept, before): (String, String) = (self.db.value(&machine).await, self.db.value(&seen).await);
        let applied = self.bring_about(task).await;
        let after: String = self.db.value(&seen).await;
        let back = if kept.is_empty() {
            String::new()
        } else {
            let kept = kept.replace('\'', "''");
            format!(
                "insert into live.simulated_server select * from jsonb_populate_record(null::live.simulated_server, '{kept}')"
            )
        };
        self.db.run_sql(&format!("delete from live.simulated_server where order_id = {order}; {back}")).await;
        applied == Simulated::Done && before == after
    }

    async fn finish(&mut self) -> Result<(), String> {
        let at = self.pick(self.holders.len());
        let Holder { task, alive } = self.holders.remove(at);
        let is_done =
            if task.cancel_asked { self.is_so(&task).await } else { self.apply(&task).await == Simulated::Done };
        if !is_done && alive {
            let failed = Failed { known: true, next: Next::Never, ..no_luck() };
            return as_alive(self.tell(&task, &failed).await, alive);
        }
        let wrote = match self.ends {
            Ends::Fenced => {
                let succeed = async |tx: &mut Tx| tasks::succeed(tx, &task, "done\n", true).await;
                self.live().transaction("succeed", succeed).await.unwrap()
            }
            Ends::Unfenced => self.finish_without_fence(&task).await,
        };
        if wrote {
            self.done.insert(task.lease.id.0, task.lease.fence);
        }
        match self.ends {
            Ends::Fenced => as_alive(wrote, alive),
            // What comes of it is for the oracle to find.
            Ends::Unfenced => Ok(()),
        }
    }

    /// As a queue would that trusts its workers.
    async fn finish_without_fence(&self, task: &ClaimedTask) -> bool {
        let id = task.lease.id.0;
        let finish = format!(
            "with done as (update live.task set state = 'succeeded', completed_at = now(), lease_owner = null, \
               lease_until = null where id = {id} and state = 'running' returning order_id, operation) \
             update live.orders o set state = 'active' from done where o.id = done.order_id \
               and done.operation = 'server_create' and o.state = 'provisioning'"
        );
        let open: bool = self.db.value(&format!("select state = 'running' from live.task where id = {id}")).await;
        self.db.run_sql(&finish).await;
        open
    }

    /// Who knows that it was not done has looked. Nobody gives up for good what may be done.
    async fn give_back(&mut self) -> Result<(), String> {
        let at = self.pick(self.holders.len());
        let Holder { task, alive } = self.holders.remove(at);
        let known = self.dice.below(2) == 0 && !(alive && self.is_so(&task).await);
        let next = if known && self.dice.below(3) == 0 { Next::Never } else { Next::After(Duration::ZERO) };
        as_alive(self.tell(&task, &Failed { known, next, ..no_luck() }).await, alive)
    }

    async fn tell(&self, task: &ClaimedTask, failed: &Failed<'_>) -> bool {
        let back = self.live().transaction("back", async |tx| tasks::give_back(tx, &task.lease, failed).await);
        back.await.unwrap()
    }

    /// A worker is not heard of for longer than its lease, but may come back.
    async fn fall_silent(&mut self, at: usize) {
        let holder = &mut self.holders[at];
        if !std::mem::replace(&mut holder.alive, false) {
            return;
        }
        let (id, fence) = (holder.task.lease.id.0, holder.task.lease.fence);
        let expire = "update live.task set lease_until = now() - interval '1 second' where state = 'running'";
        self.db.run_sql(&format!("{expire} and id = {id} and fence = {fence}")).await;
        for lease in self.live().read(async |c| tasks::expired(c).await).await.unwrap() {
            self.live().transaction("reap", async |tx| tasks::reap(tx, &lease).await).await.unwrap();
        }
    }

    /// All workers are gone, nobody is suspended any more, staff do what waits for them, and one worker that never
    /// fails does the rest.
    async fn settle(&mut self) -> Result<(), String> {
        for at in 0..self.holders.len() {
            self.fall_silent(at).await;
        }
        self.holders.clear();
        self.resume().await;
        for _ in 0..1000 {
            self.hours_pass().await;
            self.claim().await?;
            if self.holders.is_empty() && !self.attend().await? {
                return Ok(());
            }
            if !self.holders.is_empty() {
                self.finish().await?;
            }
        }
        Err("the work has no end".to_owned())
    }
}

/// A worker writes something exactly while the task is its own.
fn as_alive(wrote: bool, alive: bool) -> Result<(), String> {
    if wrote == alive { Ok(()) } else { Err(format!("alive: {alive}, wrote: {wrote}")) }
}

fn no_luck() -> Failed<'static> {
    Failed { class: "internal", driver: None, why: "no luck", known: true, unseen: false, next: Next::Never }
}

async fn live(seed: u64, ends: Ends) -> Result<(), String> {
    let mut db = TestDb::with_demo_catalogue().await;
    db.apply_catalogue(&with_pool(&[])).await;
    // An end can be taken back, until somebody has the hours pass.
    let provisioning = ProvisioningRules { destroy_grace_hours: 1, ..TestDb::rules().provisioning };
    db.database = db.under(Rules { provisioning, ..TestDb::rules() });
    let ann = db.customer("ann").credit("100000.00").add().await;
    db.run_sql("update live.customer set destructive_per_hour = 100000").await;
    let (orders, ended, holders, done) = (Vec::new(), Vec::new(), Vec::new(), BTreeMap::new());
    let mut world = World { db: &db, ann, dice: Dice(seed), ends, orders, ended, holders, done };
    if let Err(wrong) = world.lives().await {
        println!("{}", world.story().await);
        return Err(wrong);
    }
    db.verify_books().await;
    Ok(())
}

#[tokio::test]
async fn whatever_happens_the_queue_keeps_its_promises() {
    let given = std::env::var("VARTAI_TEST_SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    let seed = given.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
    println!("VARTAI_TEST_SEED={seed}");
    for sequence in 0..SEQUENCES {
        let seed = seed.wrapping_add(sequence);
        live(seed, Ends::Fenced).await.unwrap_or_else(|wrong| panic!("VARTAI_TEST_SEED={seed}: {wrong}"));
    }
}

#[tokio::test]
async fn a_worker_without_its_fence_is_found_out() {
    // Not every life meets it, so some are tried; none of them is random.
    for seed in 1..=8 {
        if live(seed, Ends::Unfenced).await.is_err() {
            return;
        }
    }
    panic!("nothing was found wrong");
}
