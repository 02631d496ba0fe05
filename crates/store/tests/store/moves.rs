//! Addresses on their way from one server to another.

use std::{collections::BTreeSet, net::IpAddr};

use domain::{
    orders::OrderId,
    tasks::{Operation, TaskId},
};
use futures_util::future::join_all;
use store::{
    Error, Realm, addresses,
    orders::Buyer,
    servers::{ServerFailure, move_address, set_ptr},
    tasks::{self, ClaimedTask},
};
use testkit::TestDb;

use crate::{
    acts::{STUCK, claim, succeed, terminate},
    addresses::{MANY, bed, held, order, work},
};

/// Two servers that run, and an address more of the first, which is brought there.
pub async fn two_servers(db: &TestDb, ann: &Buyer) -> (OrderId, OrderId, IpAddr) {
    let (from, to) = (order(&db.database, ann).await, order(&db.database, ann).await);
    let give = async |tx: &mut store::Tx| addresses::give(tx, from, None).await;
    let (ip, _) = db.database.live.transaction("give", give).await.unwrap();
    work(&db.database).await;
    (from, to, ip)
}

pub async fn moved(
    realm: &Realm,
    ann: &Buyer,
    from: OrderId,
    ip: IpAddr,
    to: OrderId,
) -> Result<TaskId, ServerFailure> {
    realm.transaction("move", async |tx| move_address(tx, ann.customer, from, ip, to).await).await
}

pub fn told(task: &ClaimedTask) -> Vec<IpAddr> {
    task.network.addresses.iter().map(|address| address.ip).collect()
}

#[tokio::test]
async fn the_new_server_waits_until_the_old_one_has_given_the_address_up() {
    let (db, ann) = bed(&[]).await;
    let live = &db.database.live;
    // The later order gives, so that the task that waits is of the order with the lower number.
    let (to, from) = (order(&db.database, &ann).await, order(&db.database, &ann).await);
    let give = async |tx: &mut store::Tx| addresses::give(tx, from, None).await;
    let (ip, _) = live.transaction("give", give).await.unwrap();
    work(&db.database).await;
    let task = moved(live, &ann, from, ip, to).await.unwrap();
    assert_eq!(moved(live, &ann, from, ip, to).await.unwrap(), task, "asked again");
    assert!(held(live, to).await.contains(&ip), "it is the other's at once");
    let first = claim(live).await.unwrap();
    assert_eq!((first.lease.order, first.operation, told(&first).contains(&ip)), (from, Operation::MoveAddress, false));
    assert!(claim(live).await.is_none(), "the other was taken too early");
    assert!(!live.read(async |c| tasks::is_due(c).await).await.unwrap());
    assert!(succeed(live, &first).await);
    let second = claim(live).await.unwrap();
    assert_eq!((second.lease.order, told(&second).contains(&ip)), (to, true));
    assert!(matches!(moved(live, &ann, to, ip, from).await, Err(ServerFailure::Immovable)), "it is on its way");
    assert!(succeed(live, &second).await);
    moved(live, &ann, to, ip, from).await.unwrap();
    work(&db.database).await;
    assert_eq!(db.value::<i64>("select count(*) from live.task where state <> 'succeeded'").await, 0);
}

#[tokio::test]
async fn what_the_old_server_can_t_give_up_keeps_nothing_else_and_comes_to_no_other() {
    let (db, ann) = bed(&[]).await;
    let live = &db.database.live;
    let (from, to, ip) = two_servers(&db, &ann).await;
    moved(live, &ann, from, ip, to).await.unwrap();
    let first = claim(live).await.unwrap();
    live.transaction("fail", async |tx| tasks::give_back(tx, &first.lease, &STUCK).await).await.unwrap();
    // The other server's later work goes on, and is not told of the address.
    for (server, wanted) in [(to, true), (from, false)] {
        live.transaction("reboot", async |tx| store::servers::reboot(tx, ann.customer, server).await).await.unwrap();
        let next = claim(live).await.unwrap();
        assert_eq!((next.lease.order, next.operation), (server, Operation::Restart));
        assert!(!told(&next).contains(&ip), "{wanted}");
        assert!(succeed(live, &next).await);
    }
    assert!(claim(live).await.is_none());
    live.transaction("retry", async |tx| tasks::retry(tx, first.lease.id).await).await.unwrap();
    work(&db.database).await;
    assert_eq!(db.value::<i64>("select count(*) from live.task where state <> 'succeeded'").await, 0);
}

#[tokio::test]
async fn a_move_that_is_cancelled_is_cancelled_whole() {
    for by_the_taker in [false, true] {
        let (db, ann) = bed(&[]).await;
        let live = &db.database.live;
        let (from, to, ip) = two_servers(&db, &ann).await;
        let giving = moved(live, &ann, from, ip, to).await.unwrap();
        let taking = TaskId(db.value(&format!("select id from live.task where after = {}", giving.0)).await);
        let of = if by_the_taker { taking } else { giving };
        let first = claim(live).await.unwrap();
        let cancel = async || live.transaction("cancel", async |tx| tasks::cancel(tx, of).await).await;
        assert!(matches!(cancel().await, Err(Error::Refused(_))), "a worker has it");
        live.transaction("fail", async |tx| tasks::give_back(tx, &first.lease, &STUCK).await).await.unwrap();
        cancel().await.unwrap();
        assert_eq!((held(live, from).await.contains(&ip), held(live, to).await.contains(&ip)), (true, false));
        let back = claim(live).await.unwrap();
        assert_eq!((back.lease.order, told(&back).contains(&ip)), (from, true), "the machine may have lost it");
        assert!(succeed(live, &back).await);
        assert!(claim(live).await.is_none());
        moved(live, &ann, from, ip, to).await.unwrap();
    }
}

#[tokio::test]
async fn the_end_of_the_old_server_gives_the_address_up() {
    let (db, ann) = bed(&[]).await;
    let live = &db.database.live;
    let (from, to, ip) = two_servers(&db, &ann).await;
    moved(live, &ann, from, ip, to).await.unwrap();
    terminate(&db.database, from).await.unwrap();
    let removal = claim(live).await.unwrap();
    assert_eq!((removal.lease.order, removal.operation), (from, Operation::Destroy));
    assert!(claim(live).await.is_none());
    assert!(succeed(live, &removal).await);
    let arrives = claim(live).await.unwrap();
    assert_eq!((arrives.lease.order, told(&arrives).contains(&ip)), (to, true));
    assert!(held(live, to).await.contains(&ip));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moves_to_and_fro_all_come_through_and_each_address_has_one_server() {
    let (db, ann) = bed(&[]).await;
    let store = db.open(MANY);
    let (one, other, _) = two_servers(&db, &ann).await;
    for id in [one, one, one, other, other, other] {
        store.live.transaction("give", async |tx| addresses::give(tx, id, None).await).await.unwrap();
    }
    work(&store).await;
    let mine = held(&store.live, one).await;
    let theirs = held(&store.live, other).await;
    let moves = mine.iter().map(|ip| (one, *ip, other)).chain(theirs.iter().map(|ip| (other, *ip, one)));
    let outcomes = join_all(moves.map(|(from, ip, to)| moved(&store.live, &ann, from, ip, to))).await;
    let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    for outcome in outcomes {
        assert!(matches!(outcome, Ok(_) | Err(ServerFailure::Immovable)), "{outcome:?}");
    }
    assert!(done > 0);
    let (now_mine, now_theirs) = (held(&store.live, one).await, held(&store.live, other).await);
    assert!(!now_mine.is_empty() && !now_theirs.is_empty(), "a server was left without an address");
    let all: BTreeSet<IpAddr> = now_mine.iter().chain(&now_theirs).copied().collect();
    assert_eq!(all.len(), mine.len() + theirs.len());
    work(&store).await;
    assert_eq!(
        db.value::<i64>("select count(*) from live.task where state <> 'succeeded'").await,
        0,
        "a deadlock of tasks"
    );
}

#[tokio::test]
async fn a_name_is_not_set_for_who_has_the_address_by_then() {
    let (db, ann) = bed(&[]).await;
    let live = &db.database.live;
    let (from, to, ip) = two_servers(&db, &ann).await;
    let name = domain::domain_name::DomainName::parse("vps.example.lt").unwrap();
    let naming = live.transaction("ptr", async |tx| set_ptr(tx, ann.customer, from, ip, &name).await).await.unwrap();
    let task = claim(live).await.unwrap();
    assert_eq!(task.wanted_ptr(), Some((ip, "vps.example.lt")));
    assert_eq!(task.wanted_hostname(), Some(format!("s{from}").as_str()), "the server's own name stays");
    let person = tasks::Failed { next: tasks::Next::Staff, ..STUCK };
    live.transaction("fail", async |tx| tasks::give_back(tx, &task.lease, &person).await).await.unwrap();
    moved(live, &ann, from, ip, to).await.unwrap();
    let retried = live.transaction("retry", async |tx| tasks::retry(tx, naming).await).await;
    assert!(matches!(retried, Err(Error::Refused(_))));
    work(&db.database).await;
    let arrived = live.read(async |c| addresses::held(c, Some(to)).await).await.unwrap();
    let arrived = arrived.into_iter().find(|held| held.ip == ip).unwrap();
    assert_eq!(arrived.ptr.as_deref(), Some("vps.example.lt"), "the name goes with it");
}

#[tokio::test]
async fn each_naming_is_told_its_own_name_also_of_an_address_that_is_about_to_leave() {
    let (db, ann) = bed(&[]).await;
    let live = &db.database.live;
    let (from, to, ip) = two_servers(&db, &ann).await;
    for name in ["a.example.lt", "b.example.lt"] {
        let name = domain::domain_name::DomainName::parse(name).unwrap();
        live.transaction("ptr", async |tx| set_ptr(tx, ann.customer, from, ip, &name).await).await.unwrap();
    }
    moved(live, &ann, from, ip, to).await.unwrap();
    for name in ["a.example.lt", "b.example.lt"] {
        let task = claim(live).await.unwrap();
        let told = task.network.addresses.iter().find(|address| address.ip == ip).unwrap();
        assert_eq!((task.lease.order, told.ptr.as_deref()), (from, Some(name)));
        assert!(succeed(live, &task).await);
    }
    work(&db.database).await;
}

#[tokio::test]
async fn an_address_is_nobodys_while_the_machine_that_it_left_still_has_it() {
    let (db, ann) = bed(&["198.51.100.10-198.51.100.12"]).await;
    let live = &db.database.live;
    let (from, to, ip) = two_servers(&db, &ann).await;
    moved(live, &ann, from, ip, to).await.unwrap();
    let giving = claim(live).await.unwrap();
    live.transaction("fail", async |tx| tasks::give_back(tx, &giving.lease, &STUCK).await).await.unwrap();
    // Who was to have it is gone for long, and staff have not seen to the other yet.
    terminate(&db.database, to).await.unwrap();
    work(&db.database).await;
    db.run_sql("update live.address set released_at = now() - interval '8 days' where released_at is not null").await;
    let (next, last) = (order(&db.database, &ann).await, order(&db.database, &ann).await);
    assert_eq!((held(live, next).await.len(), held(live, last).await), (1, vec![]));
    live.transaction("retry", async |tx| tasks::retry(tx, giving.lease.id).await).await.unwrap();
    work(&db.database).await;
    let create = TaskId(db.value(&format!("select id from live.task where order_id = {last}")).await);
    live.transaction("retry", async |tx| tasks::retry(tx, create).await).await.unwrap();
    assert_eq!(held(live, last).await, [ip]);
}
