//! What a tariff's driver can't do is refused before anything is written.

use std::collections::BTreeMap;

use domain::{
    field::Field,
    orders::{ChangeError, ChangeRequest, PowerError, PowerOperation},
    tasks::{Capabilities, Operation},
};
use store::{
    Database, RealmKind,
    db::Rules,
    orders::{Buyer, PowerFailure},
    servers::{self, ChangeFailure, ServerFailure},
};
use testkit::TestDb;

use crate::acts::{balance, place, power, vds, vds_by_hand};

/// The database with a simulated driver that can make, stop and remove servers, and nothing else.
async fn little() -> (TestDb, Database, Buyer) {
    let db = TestDb::with_demo_catalogue().await;
    let buyer = db.customer("ann").credit("1000.00").add().await;
    let can = [Operation::Create, Operation::Suspend, Operation::Unsuspend, Operation::Destroy];
    let capabilities = Capabilities(BTreeMap::from([("simulated".to_owned(), can.into())]));
    let database = db.under(Rules { capabilities, ..TestDb::rules() });
    (db, database, buyer)
}

#[tokio::test]
async fn a_restart_that_the_driver_can_not_do_is_refused_and_a_suspension_is_staff_s() {
    let (db, database, buyer) = little().await;
    let order = place(&database, &buyer, &vds()).await;
    for operation in [PowerOperation::Restart, PowerOperation::Reinstall] {
        let refused = power(&database, &buyer, order, operation).await;
        assert!(matches!(refused, Err(PowerFailure::Decided(PowerError::Unsupported))), "{operation:?}: {refused:?}");
    }
    assert_eq!(db.value::<i64>("select count(*) from live.task where operation <> 'server_create'").await, 0);
    assert!(power(&database, &buyer, order, PowerOperation::Suspend).await.is_ok());
    // What staff do is not the driver's.
    let by_hand = place(&database, &buyer, &vds_by_hand()).await;
    assert!(power(&database, &buyer, by_hand, PowerOperation::Restart).await.is_ok());
    db.verify_books().await;
}

#[tokio::test]
async fn a_change_that_the_driver_can_not_do_costs_nothing() {
    let (db, database, buyer) = little().await;
    let order = place(&database, &buyer, &vds()).await;
    db.run_sql("update live.orders set state = 'active'").await;
    let before = balance(&database, &buyer).await;
    let (ram_mb, absent) = (Field::Given(4096), || Field::Absent);
    let request = ChangeRequest { cpu_ghz: absent(), ram_mb, disk_gb: absent(), bandwidth_mbps: absent() };
    let changed =
        database.live.transaction("change", async |tx| servers::change(tx, &buyer, order, &request, false).await);
    let refused = changed.await.map(|_| ()).unwrap_err();
    assert!(matches!(refused, ChangeFailure::Decided(ChangeError::Unchangeable)), "{refused:?}");
    assert_eq!(balance(&database, &buyer).await, before);
    let restarted =
        database.live.transaction("reboot", async |tx| servers::reboot(tx, buyer.customer, order).await).await;
    assert!(matches!(restarted, Err(ServerFailure::Undoable)), "{restarted:?}");
    db.verify_books().await;
}

#[tokio::test]
async fn the_test_realm_s_driver_can_do_everything() {
    let (db, database, _) = little().await;
    let buyer = db.customer("test").of(RealmKind::Test).add().await;
    let test = &database.test;
    let placed = test
        .transaction("order", async |tx| store::orders::place(tx, &buyer, &vds(), domain::orders::Unpaid::Refuse).await)
        .await;
    let order = placed.unwrap_or_else(|error| panic!("{error:?}")).id;
    let restarted = test.transaction("reboot", async |tx| servers::reboot(tx, buyer.customer, order).await).await;
    assert!(restarted.is_ok(), "{restarted:?}");
}
