//! Servers that come back: a restored order's machine has its addresses and no others, and no two machines ever have the
//! same.

use std::{collections::BTreeSet, net::IpAddr};

use domain::{
    orders::OrderId,
    tasks::{Operation, ProvisioningRules, TaskId},
};
use store::{
    Error, Realm, addresses,
    db::Rules,
    orders::{self, Buyer},
    tasks::{self, Cancelled, ClaimedTask},
};
use testkit::TestDb;

use crate::{
    acts::{STUCK, balance, claim, hosting, place, state, succeed, terminate, vds},
    addresses::{bed, held, with_pool, work},
    moves::{moved, two_servers},
    steering::change,
};

/// As [`bed`], where an end can be taken back.
async fn graceful(ranges: &[&str]) -> (TestDb, Buyer) {
    let (mut db, ann) = bed(ranges).await;
    let provisioning = ProvisioningRules { destroy_grace_hours: 1, ..TestDb::rules().provisioning };
    db.database = db.under(Rules { provisioning, ..TestDb::rules() });
    (db, ann)
}

async fn restore(realm: &Realm, id: OrderId) -> Result<(), Error> {
    realm.transaction("restore", async |tx| orders::restore(tx, id).await).await
}

async fn give(realm: &Realm, to: OrderId) -> (IpAddr, TaskId) {
    realm.transaction("give", async |tx| addresses::give(tx, to, None).await).await.unwrap()
}

async fn cancel(realm: &Realm, id: TaskId) -> Result<Cancelled, Error> {
    realm.transaction("cancel", async |tx| tasks::cancel(tx, id).await).await
}

/// What the simulated machine of an order has.
async fn on_machine(realm: &Realm, id: OrderId) -> Vec<IpAddr> {
    let machine = realm.read(async |c| tasks::simulated(c, id).await).await.unwrap();
    machine.iter().flat_map(|machine| machine.network.addresses()).collect()
}

async fn apply(realm: &Realm, task: &ClaimedTask) {
    realm.transaction("apply", async |tx| tasks::apply_simulated(tx, task).await).await.unwrap();
    assert!(succeed(realm, task).await);
}

/// Does all that is due on simulated machines, and looks after each task whether two of them have one address.
async fn perform(realm: &Realm, machines: &[OrderId]) {
    while let Some(task) = claim(realm).await {
        apply(realm, &task).await;
        let mut seen = BTreeSet::new();
        for id in machines {
            for ip in on_machine(realm, *id).await {
                assert!(seen.insert(ip), "{ip} is on two machines after task {:?}", task.lease.id);
            }
        }
    }
}

/// Each machine has the addresses that its server holds.
async fn agree(realm: &Realm, machines: &[OrderId]) {
    for id in machines {
        let (is, wanted) = (on_machine(realm, *id).await, held(realm, *id).await);
        assert!(!is.is_empty(), "server {id} can't be reached");
        assert_eq!(is, wanted, "server {id}");
    }
}

#[tokio::test]
async fn an_address_that_is_still_to_come_lets_no_other_go() {
    let (db, ann) = bed(&[]).await;
    let live = &db.database.live;
    let (one, other, _) = two_servers(&db, &ann).await;
    let first = held(live, other).await[0];
    let (second, _) = give(live, other).await;
    moved(live, &ann, other, first, one).await.unwrap_err();
    moved(live, &ann, other, second, one).await.unwrap_err();
    work(&db.database).await;
    moved(live, &ann, other, first, one).await.unwrap();
}

#[tokio::test]
async fn the_only_address_of_a_server_is_not_cancelled() {
    let (db, ann) = graceful(&["198.51.100.10"]).await;
    let live = &db.database.live;
    let id = place(&db.database, &ann, &vds()).await;
    perform(live, &[id]).await;
    // Staff give its address back, and it is another's by the time that the order is restored.
    terminate(&db.database, id).await.unwrap();
    let first: IpAddr = "198.51.100.10".parse().unwrap();
    live.transaction("release", async |tx| addresses::release(tx, first).await).await.unwrap();
    db.run_sql("update live.address set released_at = now() - interval '8 days'").await;
    place(&db.database, &ann, &vds()).await;
    db.apply_catalogue(&with_pool(&["198.51.100.10-198.51.100.13"])).await;
    restore(live, id).await.unwrap();
    let arrives = TaskId(db.value(&format!("select max(id) from live.task where order_id = {id}")).await);
    refused(cancel(live, arrives).await);
    let (_, second) = give(live, id).await;
    assert_eq!(cancel(live, arrives).await.unwrap(), Cancelled::Done);
    refused(cancel(live, second).await);
    perform(live, &[]).await;
    agree(live, &[id]).await;
}

fn refused(outcome: Result<Cancelled, Error>) {
    assert!(matches!(&outcome, Err(Error::Refused(why)) if why.contains("only address")), "{outcome:?}");
}

#[tokio::test]
async fn of_two_addresses_to_come_one_is_kept_while_a_worker_may_let_go_of_the_other() {
    let (db, ann) = graceful(&[]).await;
    let live = &db.database.live;
    let id = place(&db.database, &ann, &vds()).await;
    perform(live, &[id]).await;
    db.run_sql("update live.address set released_at = now()").await;
    let (_, one) = give(live, id).await;
    let (_, two) = give(live, id).await;
    let first = claim(live).await.unwrap();
    assert_eq!((first.lease.id, cancel(live, one).await.unwrap()), (one, Cancelled::Asked));
    refused(cancel(live, two).await);
    live.transaction("fail", async |tx| tasks::give_back(tx, &first.lease, &STUCK).await).await.unwrap();
    perform(live, &[id]).await;
    agree(live, &[id]).await;
}

/// Two servers whose machines are there, and an address more of the first.
async fn two_machines(db: &TestDb, ann: &Buyer) -> (OrderId, OrderId, IpAddr) {
    let (from, to) = (place(&db.database, ann, &vds()).await, place(&db.database, ann, &vds()).await);
    let live = &db.database.live;
    let (ip, _) = give(live, from).await;
    perform(live, &[from, to]).await;
    agree(live, &[from, to]).await;
    (from, to, ip)
}

async fn hours_pass(db: &TestDb, order: OrderId) {
    db.run_sql(&format!("update live.task set run_at = now() where order_id = {order}")).await;
}

#[tokio::test]
async fn what_a_restored_server_was_to_give_up_is_taken_off_it_though_nobody_waits_for_it() {
    let (db, ann) = graceful(&[]).await;
    let live = &db.database.live;
    let (from, to, ip) = two_machines(&db, &ann).await;
    moved(live, &ann, from, ip, to).await.unwrap();
    for id in [to, from] {
        terminate(&db.database, id).await.unwrap();
    }
    // The machine that was to get it is gone; the other comes back.
    hours_pass(&db, to).await;
    perform(live, &[from, to]).await;
    assert_eq!(on_machine(live, to).await, Vec::<IpAddr>::new());
    restore(live, from).await.unwrap();
    perform(live, &[from, to]).await;
    assert!(!held(live, from).await.contains(&ip));
    agree(live, &[from]).await;
}

/// The giving server is `f`, the taking one `t`: which of them end, and which come back, in order.
const ENDS: [(&str, &str); 8] =
    [("t", "t"), ("f", "f"), ("ft", "ft"), ("ft", "tf"), ("tf", "ft"), ("tf", "tf"), ("ft", "t"), ("tf", "t")];

#[tokio::test]
async fn no_address_is_on_two_machines_whichever_of_a_moves_servers_end_and_come_back() {
    for (end, back) in ENDS {
        let (db, ann) = graceful(&[]).await;
        let live = &db.database.live;
        let (from, to, ip) = two_machines(&db, &ann).await;
        moved(live, &ann, from, ip, to).await.unwrap();
        let of = |name: char| if name == 'f' { from } else { to };
        for id in end.chars().map(of) {
            terminate(&db.database, id).await.unwrap();
        }
        for id in back.chars().map(of) {
            restore(live, id).await.unwrap();
        }
        perform(live, &[from, to]).await;
        if end.contains('f') && !back.contains('f') {
            assert!(!on_machine(live, to).await.contains(&ip), "{end} {back}: the other machine is still there");
            hours_pass(&db, from).await;
            perform(live, &[from, to]).await;
            agree(live, &[to]).await;
        } else {
            agree(live, &[from, to]).await;
        }
        assert!(held(live, to).await.contains(&ip), "{end} {back}");
        let open = "select count(*) from live.task where state in ('queued', 'running', 'manual')";
        assert_eq!(db.value::<i64>(open).await, 0, "{end} {back}");
        db.verify_books().await;
    }
}

/// Why an end is not taken back. It stays an end, and the removal goes on.
async fn stays_ended(db: &TestDb, id: OrderId, why: &str) {
    let outcome = restore(&db.database.live, id).await;
    assert!(matches!(&outcome, Err(Error::Refused(told)) if told.contains(why)), "{outcome:?}");
    assert_eq!(state(db, id).await, "terminated");
    let removal = format!(
        "select count(*) from live.task where order_id = {id} and operation = 'server_destroy' and state <> 'cancelled'"
    );
    assert_eq!(db.value::<i64>(&removal).await, 1, "{why}");
}

#[tokio::test]
async fn an_end_is_not_taken_back_once_its_domain_its_addresses_or_its_machine_are_gone() {
    let (db, ann) = graceful(&["198.51.100.10"]).await;
    let live = &db.database.live;
    let unmade = place(&db.database, &ann, &vds()).await;
    let create = claim(live).await.unwrap();
    terminate(&db.database, unmade).await.unwrap();
    stays_ended(&db, unmade, "had no server to restore").await;
    assert!(succeed(live, &create).await);
    perform(live, &[]).await;
    let domain = place(&db.database, &ann, &hosting("example.lt")).await;
    perform(live, &[]).await;
    terminate(&db.database, domain).await.unwrap();
    place(&db.database, &ann, &hosting("example.lt")).await;
    stays_ended(&db, domain, "was ordered again").await;
    db.run_sql("update live.address set released_at = now() - interval '8 days'").await;
    let server = place(&db.database, &ann, &vds()).await;
    perform(live, &[]).await;
    terminate(&db.database, server).await.unwrap();
    // Its address is given back and another's by now, and there is no other.
    db.run_sql("update live.address set released_at = now() - interval '8 days'").await;
    place(&db.database, &ann, &vds()).await;
    stays_ended(&db, server, "has none left").await;
    perform(live, &[]).await;
    hours_pass(&db, server).await;
    let removal = claim(live).await.unwrap();
    assert_eq!(removal.operation, Operation::Destroy);
    stays_ended(&db, server, "being removed").await;
    apply(live, &removal).await;
    stays_ended(&db, server, "removed already").await;
    db.verify_books().await;
}

#[tokio::test]
async fn what_was_under_way_when_the_order_ended_goes_on_with_its_money_when_it_is_restored() {
    let (db, ann) = graceful(&[]).await;
    let (store, live) = (&db.database, &db.database.live);
    let id = place(store, &ann, &vds()).await;
    perform(live, &[id]).await;
    let before = balance(store, &ann).await;
    change(store, &ann, id, 8).await.unwrap();
    let lost = claim(live).await.unwrap();
    change(store, &ann, id, 16).await.unwrap();
    let (both, paid_for_one) = (balance(store, &ann).await, "select total from live.invoice order by id desc limit 1");
    terminate(store, id).await.unwrap();
    let second: i64 = db.value(paid_for_one).await;
    assert_eq!(balance(store, &ann).await, both + second, "the later one was not begun: it is paid back");
    assert!(live.transaction("release", async |tx| tasks::release(tx, &lost.lease).await).await.unwrap());
    restore(live, id).await.unwrap();
    perform(live, &[id]).await;
    let machine = live.read(async |c| tasks::simulated(c, id).await).await.unwrap().unwrap();
    assert_eq!((machine.size.cpu_ghz, machine.running), (Some(8), true));
    assert_eq!(db.value::<i32>("select cpu_ghz from live.server").await, 8);
    assert!(balance(store, &ann).await < before && balance(store, &ann).await == both + second);
    db.verify_books().await;
}
