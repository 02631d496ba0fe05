//! How many tasks a second the queue hands out and takes back, through our own code and as the bare statements of the
//! same work: `cargo run --release -p provisioner --example throughput`.
//!
//! 500 servers, 16 workers on each of two sets of connections, as two processes have. No task is done: this is the queue
//! alone. Whatever was claimed while another of its server ran is counted; there must be none.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a measurement, run by hand")]

use std::time::Instant;

use domain::{
    calendar::Months,
    catalogue::{AddonId, TariffId, Vid},
    field::Field,
    orders::{AddonChoice, PlaceRequest, Unpaid},
};
use futures_util::future::join_all;
use store::{
    Database, Realm,
    orders::place,
    tasks::{self, Claim},
};
use testkit::TestDb;
use tokio_postgres::Client;

const SERVERS: usize = 500;
const TASKS: i64 = 10_000;
const PROCESSES: usize = 2;
const SLOTS: usize = 16;

/// The statements of the work, without the program around them: begin, what a transaction asks first, claim or end, the
/// row of the try, commit.
const CLAIM: &str = "\
    with due as (select t.id from task t join orders o on o.id = t.order_id where t.state = 'queued' and t.run_at <= now() \
        and (t.rank = 0 or o.state not in ('suspended', 'terminated') or t.cancel_requested_at is not null) \
        and not exists (select from task p where p.order_id = t.order_id and (p.state = 'running' \
          or p.state = 'queued' and (p.rank, p.id) < (t.rank, t.id))) \
        order by t.run_at, t.id limit 1 for update of t skip locked), \
      taken as (update task t set state = 'running', attempt = attempt + 1, fence = nextval('task_fence'), \
        lease_owner = gen_random_uuid(), lease_until = now() + interval '30 s', \
        assigned_at = coalesce(assigned_at, now()) from due where t.id = due.id returning t.id, t.order_id, t.fence, t.lease_owner), \
      tried as (insert into task_attempt (task_id, fence, attempt, worker) select id, fence, 1, lease_owner from taken) \
    select id, order_id, fence from taken";
const HEAD: &str = "select now(), pg_current_xact_id()::text, (select coalesce(max(id), 0) from revision)";

async fn fill(db: &TestDb) {
    db.run_sql(&format!(
        "truncate live.task cascade; \
         insert into live.task (order_id, operation, state) \
           select (select min(id) from live.orders) + n % {SERVERS}, 'server_reboot', 'queued' \
           from generate_series(1, {TASKS}) n; \
         analyze live.task"
    ))
    .await;
}

async fn ours(realm: &Realm) {
    let worker = uuid::Uuid::new_v4();
    loop {
        match realm.transaction("claim", async |tx| tasks::claim(tx, worker).await).await {
            Ok(Some(Claim::Ready(task))) => {
                let done =
                    realm.transaction("succeed", async |tx| tasks::succeed(tx, &task, "done\n", true).await).await;
                assert!(done.unwrap());
            }
            Ok(Some(unreadable)) => panic!("{unreadable:?}"),
            Ok(None) if open(realm).await == 0 => return,
            Ok(None) => {}
            Err(error) => assert!(tasks::is_lost_race(&error), "{error}"),
        }
    }
}

async fn open(realm: &Realm) -> usize {
    let filter = tasks::TaskFilter { state: Some("queued".to_owned()), most: 1, ..Default::default() };
    realm.read(async |connection| tasks::list(connection, &filter).await).await.unwrap().len()
}

async fn plain(client: Client) {
    loop {
        client.batch_execute("begin").await.unwrap();
        client.query_one(HEAD, &[]).await.unwrap();
        let claimed = client.query_opt(CLAIM, &[]).await;
        let Ok(claimed) = claimed else {
            client.batch_execute("rollback").await.unwrap();
            continue;
        };
        client.batch_execute("commit").await.unwrap();
        let Some(row) = claimed else {
            let left = client.query_one("select count(*) from task where state = 'queued'", &[]).await.unwrap();
            if left.get::<_, i64>(0) == 0 {
                return;
            }
            continue;
        };
        let (id, order, fence): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        client.batch_execute("begin").await.unwrap();
        client.query_one(HEAD, &[]).await.unwrap();
        client.execute("select from orders where id = $1 for no key update", &[&order]).await.unwrap();
        let end = "update task set state = 'succeeded', completed_at = greatest(now(), assigned_at), lease_owner = null, \
            lease_until = null, undo = null, results = results || 'done', verified = true, handle = null, \
            handle_at = null where id = $1 and state = 'running' and fence = $2";
        assert_eq!(client.execute(end, &[&id, &fence]).await.unwrap(), 1);
        let tried = "update task_attempt set ended_at = greatest(now(), started_at), outcome = 'succeeded' \
            where task_id = $1 and fence = $2";
        client.execute(tried, &[&id, &fence]).await.unwrap();
        client.batch_execute("commit").await.unwrap();
    }
}

async fn measured(what: &str, db: &TestDb, work: impl Future<Output = ()>) -> u128 {
    fill(db).await;
    let begun = Instant::now();
    work.await;
    let millis = begun.elapsed().as_millis().max(1);
    let done: i64 = db.value("select count(*) from live.task where state = 'succeeded'").await;
    assert_eq!(done, TASKS);
    let overlaps: i64 = db
        .value(
            "select count(*) from live.task_attempt a join live.task t on t.id = a.task_id \
               join live.task u on u.order_id = t.order_id and u.id <> t.id join live.task_attempt b on b.task_id = u.id \
             where a.fence < b.fence and a.ended_at > b.started_at",
        )
        .await;
    let each_second = u128::from(TASKS.unsigned_abs()) * 1000 / millis;
    println!("{what}: {TASKS} tasks of {SERVERS} servers in {millis} ms, {each_second} a second, {overlaps} overlaps");
    each_second
}

#[tokio::main]
async fn main() {
    let db = TestDb::with_demo_catalogue().await;
    let buyer = db.customer("ann").credit("100000.00").add().await;
    let request = PlaceRequest {
        vid: Field::Given(Vid::Vds),
        tariff: Field::Given(TariffId(10)),
        period: Field::Given(Months::new(1).unwrap()),
        domain: Field::Absent,
        addons: vec![AddonChoice { id: Some(AddonId(20)), quantity: Some(1) }],
    };
    for _ in 0..SERVERS {
        let placing = async |tx: &mut store::Tx| place(tx, &buyer, &request, Unpaid::Refuse).await;
        assert!(db.database.live.transaction("order", placing).await.is_ok());
    }
    // Places on the hypervisor are not what is measured.
    db.run_sql("update live.server set node = null; update live.orders set state = 'active'").await;
    let mut clients = Vec::new();
    for _ in 0..PROCESSES * SLOTS {
        clients.push(db.role(store::RealmKind::Live).await);
    }
    let bare = measured("bare statements", &db, async {
        join_all(clients.into_iter().map(plain)).await;
    });
    let bare = bare.await;
    let processes: Vec<Database> = (0..PROCESSES).map(|_| db.open(SLOTS)).collect();
    let through = measured("through our code", &db, async {
        join_all(processes.iter().flat_map(|process| (0..SLOTS).map(|_| ours(&process.live)))).await;
    });
    println!("{} % of the bare statements", through.await * 100 / bare.max(1));
}
