//! Orders that end while a worker has something of theirs in hand: what comes back of it is not done to a server that is
//! gone.

use std::time::Duration;

use domain::{
    orders::{OrderId, PowerOperation},
    tasks::Operation,
};
use store::{
    Realm, orders,
    tasks::{self, ClaimedTask, Failed, Next, Simulated},
};
use testkit::TestDb;

use crate::{
    acts::{STUCK, balance, claim, power, succeed, terminate},
    addresses::bed,
    moves::{moved, told, two_servers},
    steering::{change, do_all, ready},
};

/// The ways in which a worker's task comes back into the queue.
#[derive(Debug, Clone, Copy)]
enum Back {
    Failed,
    Released,
    Lost,
}

impl Back {
    const ALL: [Self; 3] = [Self::Failed, Self::Released, Self::Lost];

    async fn comes(self, db: &TestDb, task: &ClaimedTask) {
        let back = db.database.live.transaction("come back", async |tx| match self {
            Self::Failed => {
                let failed = Failed { next: Next::After(Duration::ZERO), ..STUCK };
                tasks::give_back(tx, &task.lease, &failed).await
            }
            Self::Released => tasks::release(tx, &task.lease).await,
            Self::Lost => tasks::reap(tx, &task.lease).await,
        });
        assert!(back.await.unwrap(), "{self:?}");
    }
}

async fn expire(db: &TestDb) {
    db.run_sql("update live.task set lease_until = now() - interval '1 second' where state = 'running'").await;
}

async fn apply(realm: &Realm, task: &ClaimedTask) -> Simulated {
    realm.transaction("apply", async |tx| tasks::apply_simulated(tx, task).await).await.unwrap()
}

/// The states of an order's tasks of an operation, oldest first.
async fn states(db: &TestDb, order: OrderId, operation: Operation) -> String {
    let name = operation.name();
    let states = "select coalesce(string_agg(state, ' ' order by id), '') from live.task";
    db.value(&format!("{states} where order_id = {order} and operation = '{name}'")).await
}

#[tokio::test]
async fn a_removed_server_is_not_made_again_by_what_was_under_way() {
    for back in Back::ALL {
        let (db, ann, id) = ready().await;
        let live = &db.database.live;
        power(&db.database, &ann, id, PowerOperation::Reinstall).await.unwrap();
        let reinstall = claim(live).await.unwrap();
        terminate(&db.database, id).await.unwrap();
        expire(&db).await;
        back.comes(&db, &reinstall).await;
        while let Some(task) = claim(live).await {
            assert_eq!(task.operation, Operation::Destroy, "{back:?}");
            assert_eq!(apply(live, &task).await, Simulated::Done);
            assert!(succeed(live, &task).await);
        }
        assert_eq!(live.read(async |c| tasks::simulated(c, id).await).await.unwrap(), None, "{back:?}");
        assert_eq!(states(&db, id, Operation::Reinstall).await, "cancelled", "{back:?}");
    }
}

#[tokio::test]
async fn what_was_paid_for_it_is_returned_once_the_server_is_gone() {
    let (db, ann, id) = ready().await;
    let (store, live) = (&db.database, &db.database.live);
    let before = balance(store, &ann).await;
    change(store, &ann, id, 4).await.unwrap();
    let task = claim(live).await.unwrap();
    terminate(store, id).await.unwrap();
    Back::Released.comes(&db, &task).await;
    assert!(balance(store, &ann).await < before, "the end may be taken back");
    assert_eq!(do_all(live).await, [Operation::Destroy]);
    assert_eq!(
        (balance(store, &ann).await, states(&db, id, Operation::Change).await),
        (before, "cancelled".to_owned())
    );
    db.verify_books().await;
}

#[tokio::test]
async fn what_staff_remove_by_hand_leaves_nothing_behind_either() {
    let (db, ann, id) = ready().await;
    let live = &db.database.live;
    power(&db.database, &ann, id, PowerOperation::Reinstall).await.unwrap();
    let reinstall = claim(live).await.unwrap();
    terminate(&db.database, id).await.unwrap();
    Back::Released.comes(&db, &reinstall).await;
    let destroy = claim(live).await.unwrap();
    live.transaction("fail", async |tx| tasks::give_back(tx, &destroy.lease, &STUCK).await).await.unwrap();
    assert!(claim(live).await.is_none(), "an ended order's server is not made anew while its removal waits for staff");
    let done = orders::Processed::default();
    live.transaction("process", async |tx| orders::process(tx, id, &done).await).await.unwrap();
    assert_eq!(states(&db, id, Operation::Reinstall).await, "cancelled");
    assert!(claim(live).await.is_none());
}

#[tokio::test]
async fn an_address_that_was_leaving_arrives_once_the_server_is_gone() {
    for back in Back::ALL {
        let (db, ann) = bed(&[]).await;
        let live = &db.database.live;
        let (from, to, ip) = two_servers(&db, &ann).await;
        moved(live, &ann, from, ip, to).await.unwrap();
        let giving = claim(live).await.unwrap();
        terminate(&db.database, from).await.unwrap();
        expire(&db).await;
        back.comes(&db, &giving).await;
        // What the other server is asked for meanwhile needn't wait for that.
        live.transaction("reboot", async |tx| store::servers::reboot(tx, ann.customer, to).await).await.unwrap();
        let (one, other) = (claim(live).await.unwrap(), claim(live).await.unwrap());
        let operations = [one.operation, other.operation];
        assert!([Operation::Destroy, Operation::Restart].iter().all(|wanted| operations.contains(wanted)), "{back:?}");
        for task in [one, other] {
            assert!(!told(&task).contains(&ip) || task.lease.order == from);
            assert!(succeed(live, &task).await);
        }
        let arrives = claim(live).await.unwrap();
        assert_eq!((arrives.lease.order, told(&arrives).contains(&ip)), (to, true), "{back:?}");
        assert!(succeed(live, &arrives).await);
        assert_eq!(states(&db, from, Operation::MoveAddress).await, "succeeded cancelled", "{back:?}");
    }
}
