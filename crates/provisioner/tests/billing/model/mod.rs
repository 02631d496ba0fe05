//! Random lives of many customers under the billing run, their days included, against an oracle that knows nothing of
//! the store ([`oracle`]).
//!
//! The dice begin anywhere; `VARTAI_TEST_SEED` repeats a run, `VARTAI_TEST_STEPS` makes it longer.

mod acts;
mod change;
mod compare;
mod oracle;
mod purse;

use std::time::Instant;

use jiff::civil::Date;
use store::{RealmKind::Live, Tx, invoices};
use testkit::Dice;
use tokio_postgres::{Client, Statement};

use self::oracle::Life;
use crate::{bed::Bed, kills};

/// So many customers at a time: fewer than the interlock wonders about.
const CUSTOMERS: usize = 16;
/// So many steps are lived in one database.
const SEQUENCE: u64 = 2_500;

struct World {
    bed: Bed,
    owner: Client,
    dice: Dice,
    today: Date,
    lives: Vec<Life>,
    step: u64,
    /// Workers have done all but removals.
    done: Statement,
    looks: compare::Looks,
}

impl World {
    async fn new(seed: u64) -> Self {
        let bed = Bed::with_destroy_grace(72).await;
        bed.db.move_live_clock(0).await;
        let owner = bed.db.owner().await;
        let mut lives = Vec::new();
        for n in 0..CUSTOMERS {
            let customer = bed.db.customer(&format!("c{n}"));
            let buyer = if n % 2 == 0 { customer.add().await } else { customer.vat("21").add().await };
            lives.push(Life { buyer, purse: purse::Purse::default(), service: None });
        }
        let done = "with done as (update live.task set state = 'succeeded', assigned_at = now(), completed_at = now() \
                      where state = 'queued' and operation <> 'server_destroy' returning order_id, operation) \
                    update live.orders o set state = 'active' from done \
                      where o.id = done.order_id and done.operation = 'server_create' and o.state = 'provisioning'";
        let (done, looks) = (owner.prepare(done).await.unwrap(), compare::Looks::prepare(&owner).await);
        let mut world = Self { bed, owner, dice: Dice(seed), today: Date::MIN, lives, step: 0, done, looks };
        world.look_at_the_clock().await;
        world
    }

    async fn look_at_the_clock(&mut self) {
        let today = "select (live.realm_now() at time zone 'Europe/Vilnius')::date::text";
        self.today = self.owner.query_one(today, &[]).await.unwrap().get::<_, String>(0).parse().unwrap();
    }

    /// Something happens, in the database and in the oracle; what it was.
    async fn step(&mut self) -> String {
        let what = if self.dice.below(9) == 0 {
            let what = self.days_pass().await;
            compare::all(self, &what).await;
            what
        } else {
            let at = self.dice.index(CUSTOMERS);
            let what = self.act(at).await;
            // Sent one after the other without waiting: there are many steps.
            tokio::join!(self.tasks_are_done(), compare::life(self, at, &what));
            what
        };
        self.step += 1;
        what
    }

    /// The clock moves on and the run comes, sometimes killed on its way; then it runs until nothing is left to do.
    async fn days_pass(&mut self) -> String {
        let days = self.dice.of(&[1_i64, 1, 1, 2, 3, 5, 9, 17]);
        self.owner.execute("update live.moved set days = days + $1", &[&days]).await.unwrap();
        self.look_at_the_clock().await;
        let killed = self.dice.below(3) == 0;
        if killed {
            let polls = 1 + self.dice.index(150);
            kills::killed_run(&self.bed, &self.owner, polls).await;
        }
        while self.bed.through(Live).await.done() > 0 {}
        if self.dice.below(2) == 0 {
            let number = async |tx: &mut Tx| {
                invoices::number(tx, "A").await?;
                invoices::number_credit_notes(tx, "K").await
            };
            self.bed.db.database.live.transaction("number", number).await.unwrap();
        }
        self.tasks_are_done().await;
        let today = self.today;
        self.lives.iter_mut().for_each(|life| {
            life.purse.end(today);
            while life.run(today) {}
        });
        format!("{days} days pass, it is {today}, killed {killed}")
    }

    /// Workers have done all but removals, which wait for their days of grace.
    async fn tasks_are_done(&self) {
        self.owner.execute(&self.done, &[]).await.unwrap();
    }
}

#[tokio::test]
async fn wallets_invoices_and_intervals_are_as_the_oracle_has_them() {
    let number = |name| std::env::var(name).ok().and_then(|value: String| value.parse::<u64>().ok());
    let seed = number("VARTAI_TEST_SEED").unwrap_or_else(|| getrandom::u64().unwrap());
    let steps = number("VARTAI_TEST_STEPS").unwrap_or(1_500);
    println!("VARTAI_TEST_SEED={seed} VARTAI_TEST_STEPS={steps}");
    let (begun, mut counts) = (Instant::now(), compare::Counts::default());
    for sequence in 0..steps.div_ceil(SEQUENCE) {
        let mut world = World::new(seed.wrapping_add(sequence)).await;
        for _ in 0..SEQUENCE.min(steps - sequence * SEQUENCE) {
            let what = world.step().await;
            if world.step % 200 == 0 {
                compare::books(&world, &what).await;
            }
        }
        compare::books(&world, "the end").await;
        counts.add(&world).await;
    }
    println!("{steps} steps in {:?}: {counts}", begun.elapsed());
}
