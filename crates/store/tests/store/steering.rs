//! What steers the queue: whose turn it is, and what the budgets let through.

use domain::{
    domain_name::DomainName,
    field::Field,
    firewall::{FirewallChanges, Limit},
    orders::{ChangeRequest, OrderId, PowerOperation},
    tasks::{Operation, TaskId},
};
use futures_util::future::join_all;
use store::{
    Database, Realm, Tx,
    orders::Buyer,
    servers::{self, ChangeFailure, ServerFailure},
    tasks::{self, Failed, Next},
};
use testkit::TestDb;

use crate::acts::{STUCK, balance, claim, place, power, succeed, vds};

pub async fn server() -> (TestDb, Buyer, OrderId) {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("990.00").bonus("10.00").add().await;
    let id = place(&db.database, &ann, &vds()).await;
    (db, ann, id)
}

pub async fn ready() -> (TestDb, Buyer, OrderId) {
    let (db, ann, id) = server().await;
    let create = claim(&db.database.live).await.unwrap();
    assert!(succeed(&db.database.live, &create).await);
    (db, ann, id)
}

pub async fn change(db: &Database, buyer: &Buyer, id: OrderId, cpu: u32) -> Result<TaskId, ChangeFailure> {
    let request = ChangeRequest {
        cpu_ghz: Field::Given(cpu),
        ram_mb: Field::Absent,
        disk_gb: Field::Absent,
        bandwidth_mbps: Field::Absent,
    };
    let changed = db.live.transaction("change", async |tx| servers::change(tx, buyer, id, &request, false).await);
    changed.await.map(|changed| changed.task.unwrap())
}

pub async fn reboot(db: &Database, buyer: &Buyer, id: OrderId) -> Result<TaskId, ServerFailure> {
    db.live.transaction("reboot", async |tx| servers::reboot(tx, buyer.customer, id).await).await
}

/// Does all that is due, and says what it was.
pub async fn do_all(realm: &Realm) -> Vec<Operation> {
    let mut done = Vec::new();
    while let Some(task) = claim(realm).await {
        assert!(succeed(realm, &task).await);
        done.push(task.operation);
    }
    done
}

#[tokio::test]
async fn a_suspension_goes_first_and_what_waits_is_held() {
    let (db, ann, id) = ready().await;
    let (store, live) = (&db.database, &db.database.live);
    reboot(store, &ann, id).await.unwrap();
    change(store, &ann, id, 4).await.unwrap();
    power(store, &ann, id, PowerOperation::Suspend).await.unwrap();
    assert_eq!(do_all(live).await, [Operation::Suspend]);
    assert_eq!(db.value::<i64>("select count(*) from live.task where state = 'queued'").await, 2, "they are held");
    power(store, &ann, id, PowerOperation::Unsuspend).await.unwrap();
    assert_eq!(do_all(live).await, [Operation::Unsuspend, Operation::Restart, Operation::Change]);
    db.verify_books().await;
}

#[tokio::test]
async fn a_lower_id_that_commits_late_stalls_nobody() {
    let (db, ann, id) = ready().await;
    let live = &db.database.live;
    let other = place(&db.database, &ann, &vds()).await;
    let mut late = db.owner().await;
    let lower = late.transaction().await.unwrap();
    let insert = format!("insert into live.task (order_id, operation, state) values ({id}, 'server_reboot', 'queued')");
    lower.batch_execute(&insert).await.unwrap();
    db.run_sql(&insert).await;
    let higher = claim(live).await.unwrap();
    let beside = claim(live).await.unwrap();
    assert_eq!([higher.lease.order, beside.lease.order].iter().filter(|order| **order == other).count(), 1);
    lower.commit().await.unwrap();
    assert!(claim(live).await.is_none(), "it waits for the one that runs, and no claim trips over it");
    for task in [higher, beside] {
        assert!(succeed(live, &task).await);
    }
    assert_eq!(do_all(live).await, [Operation::Restart]);
}

#[tokio::test]
async fn one_orphan_among_thousands_is_found_once() {
    let (db, _, id) = server().await;
    let live = &db.database.live;
    let orphan = claim(live).await.unwrap();
    db.run_sql(&format!(
        "insert into live.orders (customer_id, tariff_id, vid, once_only, months, state, by_hand) \
           select customer_id, tariff_id, vid, false, 1, 'active', false from live.orders, generate_series(1, 10000) \
           where id = {id}; \
         insert into live.task (order_id, operation, state, attempt, fence, lease_owner, lease_until) \
           select id, 'server_reboot', 'running', 1, nextval('live.task_fence'), gen_random_uuid(), \
             now() + interval '20 seconds' from live.orders where id <> {id}; \
         update live.task set lease_until = now() - interval '1 second' where id = {}",
        orphan.lease.id.0
    ))
    .await;
    let expired = live.read(async |c| tasks::expired(c).await).await.unwrap();
    assert_eq!(expired, std::slice::from_ref(&orphan.lease));
    let reap = async || live.transaction("reap", async |tx| tasks::reap(tx, &orphan.lease).await).await.unwrap();
    let (one, other) = tokio::join!(reap(), reap());
    assert!(one != other, "two reapers, one effect");
    let outcomes = "select string_agg(outcome, ' ') from live.task_attempt";
    assert_eq!(db.value::<String>(outcomes).await, "lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hypervisor_has_no_more_to_do_than_it_takes() {
    const PLACES: u32 = 3;
    let db = TestDb::with_demo_catalogue().await;
    let mut catalogue = TestDb::demo_catalogue();
    for node in &mut catalogue.nodes {
        node.max_tasks = PLACES;
    }
    db.apply_catalogue(&catalogue).await;
    let ann = db.customer("ann").credit("1000.00").add().await;
    for _ in 0..20 {
        place(&db.database, &ann, &vds()).await;
    }
    // Whatever commits, sees at its end how many run.
    db.run_sql(
        "create table live.most (running bigint); \
         create function live.witness() returns trigger language plpgsql security definer as $$ begin \
           insert into live.most select count(*) from live.task where state = 'running'; return null; end $$; \
         create constraint trigger witness after update on live.task deferrable initially deferred \
           for each row execute function live.witness()",
    )
    .await;
    let store = db.open(12);
    let work = async |_: usize| {
        let mut idle = 0;
        while idle < 200 {
            let worker = uuid::Uuid::new_v4();
            match store.live.transaction("claim", async |tx| tasks::claim(tx, worker).await).await {
                Ok(Some(tasks::Claim::Ready(task))) => {
                    assert!(succeed(&store.live, &task).await);
                    idle = 0;
                }
                Ok(None) => idle += 1,
                Err(error) if tasks::is_lost_race(&error) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    join_all((0..12).map(work)).await;
    assert_eq!(db.value::<i64>("select count(*) from live.task where state <> 'succeeded'").await, 0);
    let most: i64 = db.value("select max(running) from live.most").await;
    assert!((1..=i64::from(PLACES)).contains(&most), "{most}");
}

#[tokio::test]
async fn a_server_has_only_so_much_to_do() {
    let (db, ann, id) = ready().await;
    let store = &db.database;
    let first = reboot(store, &ann, id).await.unwrap();
    for _ in 0..20 {
        assert_eq!(reboot(store, &ann, id).await.unwrap(), first);
    }
    for cpu in 3..12 {
        change(store, &ann, id, cpu).await.unwrap();
    }
    assert!(matches!(reboot(store, &ann, id).await, Err(ServerFailure::TooMuch)));
    let before = balance(store, &ann).await;
    assert!(matches!(change(store, &ann, id, 16).await, Err(ChangeFailure::TooMuch)));
    assert_eq!(balance(store, &ann).await, before);
    // The gateway, which has no answer for that, takes the one that waits already; power always finds room.
    power(store, &ann, id, PowerOperation::Restart).await.unwrap();
    power(store, &ann, id, PowerOperation::Suspend).await.unwrap();
    assert_eq!(db.value::<i64>("select count(*) from live.task where state = 'queued'").await, 11);
    assert_eq!(db.value::<i64>("select count(*) from live.task where operation = 'server_reboot'").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_the_budget_of_deletions_waits_for_staff() {
    const BUDGET: i64 = 5;
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("1000.00").add().await;
    let mut orders = Vec::new();
    for _ in 0..12 {
        orders.push(place(&db.database, &ann, &vds()).await);
    }
    do_all(&db.database.live).await;
    db.run_sql(&format!("update live.customer set destructive_per_hour = {BUDGET}")).await;
    let store = db.open(12);
    let reinstalls = orders.iter().map(|id| power(&store, &ann, *id, PowerOperation::Reinstall));
    let by_hand = join_all(reinstalls).await.into_iter().filter(|change| change.as_ref().unwrap().by_hand).count();
    assert_eq!(by_hand, 7, "all twelve at once");
    let held =
        "select count(*) from live.task where state = 'manual' and results like 'waits for staff: more than 5 %'";
    assert_eq!(db.value::<i64>(held).await, 7);
    let one = TaskId(db.value("select min(id) from live.task where state = 'manual'").await);
    store.live.transaction("release", async |tx| tasks::retry(tx, one).await).await.unwrap();
    assert_eq!(do_all(&store.live).await.len(), 6);
    // An hour later there is room again.
    db.run_sql("update live.task set created_at = now() - interval '61 minutes'").await;
    assert!(!power(&store, &ann, orders[0], PowerOperation::Reinstall).await.unwrap().by_hand);
}

#[tokio::test]
async fn what_staff_have_tried_again_does_not_undo_what_was_done_since() {
    let (db, ann, id) = ready().await;
    let live = &db.database.live;
    let rename = async |name: &str| {
        let name = DomainName::parse(name).unwrap();
        live.transaction("rename", async |tx| servers::rename(tx, ann.customer, id, &name).await).await.unwrap()
    };
    let limit = async |pps: u32| {
        let of = |limit| if limit == Limit::Packets { Field::Given(pps) } else { Field::Absent };
        let limits = FirewallChanges::read(of).unwrap();
        let set = async |tx: &mut Tx| servers::set_firewall(tx, ann.customer, id, &limits).await;
        live.transaction("limit", set).await.unwrap();
    };
    rename("one.example").await;
    limit(1000).await;
    let stuck = Failed { next: Next::Staff, ..STUCK };
    while let Some(task) = claim(live).await {
        assert!(live.transaction("stuck", async |tx| tasks::give_back(tx, &task.lease, &stuck).await).await.unwrap());
    }
    limit(2000).await;
    rename("two.example").await;
    assert_eq!(do_all(live).await, [Operation::Firewall, Operation::Rename]);
    // What was asked for last and is not done yet is not brought about by what came before it.
    rename("three.example").await;
    let waiting: Vec<i64> = db.value("select array_agg(id order by id) from live.task where state = 'manual'").await;
    assert_eq!(waiting.len(), 2);
    for id in waiting {
        live.transaction("retry", async |tx| tasks::retry(tx, TaskId(id)).await).await.unwrap();
    }
    let mut seen = Vec::new();
    while let Some(task) = claim(live).await {
        seen.push((task.wanted_hostname().unwrap().to_owned(), task.wanted_firewall().pps));
        assert!(succeed(live, &task).await);
    }
    let seen: Vec<_> = seen.iter().map(|(name, pps)| (name.as_str(), *pps)).collect();
    assert_eq!(seen, [("two.example", 2000), ("two.example", 2000), ("three.example", 2000)]);
}

#[tokio::test]
async fn a_system_is_made_with_what_was_asked_for_before_it() {
    let (db, ann, id) = ready().await;
    let (store, live) = (&db.database, &db.database.live);
    let rename = async |name: &str| {
        let name = DomainName::parse(name).unwrap();
        live.transaction("rename", async |tx| servers::rename(tx, ann.customer, id, &name).await).await.unwrap()
    };
    power(store, &ann, id, PowerOperation::Reinstall).await.unwrap();
    rename("one.example").await;
    change(store, &ann, id, 4).await.unwrap();
    rename("two.example").await;
    let mut made = Vec::new();
    while let Some(task) = claim(live).await {
        made.push(format!("{}GHz {}", task.size().unwrap().cpu_ghz, task.wanted_hostname().unwrap()));
        assert!(succeed(live, &task).await);
    }
    // What a try that was lost has made is looked at by the next one, which comes after all of these were asked for.
    assert_eq!(
        made,
        [format!("2GHz s{id}"), "2GHz one.example".into(), "4GHz one.example".into(), "4GHz two.example".into()]
    );
    db.verify_books().await;
}
