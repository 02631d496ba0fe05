//! The database beside the oracle.

use std::fmt;

use tokio_postgres::{Client, Statement};

use super::{World, oracle::Life};

/// An order and its customer's wallets, as one line; $1 the customers. `live.orders` that were replaced by newer ones
/// count in wallets alone.
const LIVES: &str = "\
    select o.id, concat_ws(' ', \
      concat_ws(' ', case o.state when 'provisioning' then 'active' else o.state end, o.suspended_by), \
      coalesce(o.paid_until::text, '-'), coalesce(o.lapsed_on::text, '-'), \
      (select count(*) from live.service_period p where p.order_id = o.id), \
      (select coalesce(sum(upper(span) - lower(span)), 0) = coalesce(o.paid_until - o.start_day, 0) \
          and coalesce(max(upper(span)), o.paid_until) is not distinct from o.paid_until \
        from live.service_period p where p.order_id = o.id), \
      (select concat_ws(' ', coalesce(max(months) filter (where not ahead), 0), coalesce(max(total) filter (where not ahead), 0), \
          coalesce(max(months) filter (where ahead), 0), coalesce(max(total) filter (where ahead), 0), count(*)) \
        from live.invoice i where i.order_id = o.id and i.status = 'unpaid'), \
      (select coalesce(sum(total), 0) from live.invoice i where i.order_id = o.id and i.status = 'paid'), \
      (select coalesce(-sum(n.total), 0) from live.invoice i join live.credit_note n on n.invoice_id = i.id where i.order_id = o.id)) \
    from live.orders o where o.id = any($1)";

const WALLETS: &str = "\
    select c.id, concat_ws(' ', \
      (select balance from live.account a where a.customer_id = c.id and a.kind = 'credit'), \
      (select balance from live.account a where a.customer_id = c.id and a.kind = 'bonus'), \
      (select coalesce(sum(e.amount), 0) from live.journal j join live.entry e on e.journal_id = j.id \
        join live.account a on a.id = e.account_id where j.customer_id = c.id and a.kind = 'revenue')) \
    from live.customer c where c.id = any($1)";

/// Both queries, planned once.
pub struct Looks {
    lives: Statement,
    wallets: Statement,
}

impl Looks {
    pub async fn prepare(owner: &Client) -> Self {
        Self { lives: owner.prepare(LIVES).await.unwrap(), wallets: owner.prepare(WALLETS).await.unwrap() }
    }
}

fn service_of(life: &Life) -> Option<(i64, String)> {
    let service = life.service.as_ref()?;
    let day = |day: Option<jiff::civil::Date>| day.map_or("-".to_owned(), |day| day.to_string());
    let unpaid = |months: Option<u16>| months.map_or((0, 0), |months| (months, service.price(months)));
    let ((owes, owed), (ahead, asked)) = (unpaid(service.owes), unpaid(service.ahead));
    let count = i32::from(owes > 0) + i32::from(ahead > 0);
    let paid: i64 = service.paid.iter().map(|paid| paid.total).sum();
    let refunded: i64 = service.paid.iter().map(|paid| paid.refunded).sum();
    let text = format!(
        "{} {} {} {} t {owes} {owed} {ahead} {asked} {count} {paid} {refunded}",
        service.state.name(),
        day(service.until),
        day(service.lapsed),
        service.intervals.len(),
    );
    Some((service.id.0, text))
}

async fn compare(world: &World, lives: &[&Life], what: &str) {
    for life in lives {
        assert!(life.purse.credit >= 0 && life.purse.bonus() >= 0, "the oracle itself is overdrawn: {life:#?}");
    }
    let services: Vec<(i64, String)> = lives.iter().filter_map(|life| service_of(life)).collect();
    let purses = lives.iter().map(|life| {
        let purse = &life.purse;
        (life.buyer.customer.0, format!("{} {} {}", purse.credit, purse.bonus(), purse.consumed))
    });
    let purses: Vec<(i64, String)> = purses.collect();
    let look = async |at: &Statement, expected: &[(i64, String)]| {
        let ids: Vec<i64> = expected.iter().map(|(id, _)| *id).collect();
        world.owner.query(at, &[&ids]).await.unwrap()
    };
    let (orders, wallets) = tokio::join!(look(&world.looks.lives, &services), look(&world.looks.wallets, &purses));
    let mut differ = Vec::new();
    for (rows, expected) in [(orders, services), (wallets, purses)] {
        assert_eq!(rows.len(), expected.len(), "{what}: rows are missing");
        for row in rows {
            let (id, came): (i64, String) = (row.get(0), row.get(1));
            let (_, expected) = expected.iter().find(|(of, _)| *of == id).unwrap();
            if came != *expected {
                differ.push(format!("{id}: {came}, not {expected}"));
            }
        }
    }
    assert!(differ.is_empty(), "step {}, {what}: {differ:#?}; {lives:#?}", world.step);
}

/// One customer's life.
pub async fn life(world: &World, at: usize, what: &str) {
    compare(world, &[&world.lives[at]], what).await;
}

/// All of them.
pub async fn all(world: &World, what: &str) {
    compare(world, &world.lives.iter().collect::<Vec<_>>(), what).await;
}

/// The books balance, and what came in, was given and was consumed is what the oracle has.
pub async fn books(world: &World, what: &str) {
    world.bed.db.verify_books().await;
    let sum = |of: fn(&Life) -> i64| world.lives.iter().map(of).sum::<i64>();
    let of_company = "select a.kind, coalesce(sum(e.amount), 0)::bigint from live.account a \
        join live.entry e on e.account_id = a.id where a.customer_id is null group by a.kind";
    for row in world.owner.query(of_company, &[]).await.unwrap() {
        let (kind, came): (String, i64) = (row.get(0), row.get(1));
        let expected = match kind.as_str() {
            "cash" => -sum(|life| life.purse.cash),
            "bonus_given" => -sum(|life| life.purse.given),
            "revenue" => sum(|life| life.purse.consumed),
            other => panic!("an account of {other}"),
        };
        assert_eq!(came, expected, "step {}, {what}: {kind}", world.step);
    }
    let overlap = "select count(*) from live.service_period a join live.service_period b \
        on a.order_id = b.order_id and a.invoice_id < b.invoice_id and a.span && b.span";
    assert_eq!(world.bed.db.value::<i64>(overlap).await, 0, "{what}: days that are paid twice");
}

/// What was lived through: a model that does nothing agrees with everything.
#[derive(Default)]
pub struct Counts {
    orders: i64,
    paid: i64,
    numbered: i64,
    renewed: i64,
    suspended: i64,
    terminated: i64,
    expired: i64,
    credited: i64,
    changed: i64,
    ended: i64,
}

impl Counts {
    pub async fn add(&mut self, world: &World) {
        let query = "select (select count(*) from live.orders), \
            (select count(*) from live.invoice where status = 'paid'), \
            (select count(*) from live.invoice where number is not null), \
            (select count(*) from live.credit_note), \
            (select sum(renewed)::bigint from live.billing_day), (select sum(suspended)::bigint from live.billing_day), \
            (select sum(terminated)::bigint from live.billing_day), (select sum(expired)::bigint from live.billing_day), \
            (select count(*) from live.tariff_change), (select count(*) from live.journal where kind = 'expiry')";
        let row = world.owner.query_one(query, &[]).await.unwrap();
        let sums = [
            &mut self.orders,
            &mut self.paid,
            &mut self.numbered,
            &mut self.credited,
            &mut self.renewed,
            &mut self.suspended,
            &mut self.terminated,
            &mut self.expired,
            &mut self.changed,
            &mut self.ended,
        ];
        for (n, sum) in sums.into_iter().enumerate() {
            let count: i64 = row.get(n);
            assert!(count > 0 || world.step < 1000, "a long life without any of column {n}");
            *sum += count;
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { orders, paid, numbered, renewed, suspended, terminated, expired, credited, changed, ended } = self;
        write!(
            f,
            "{orders} orders, {changed} changed, {paid} paid invoices ({numbered} numbered), {credited} credit notes; the run \
             ended {ended} bonuses, renewed "
        )?;
        write!(f, "{renewed}, suspended {suspended}, terminated {terminated}, expired {expired}")
    }
}
