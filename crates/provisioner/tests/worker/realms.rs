//! The test realm has the simulated hypervisor, and nothing else (CONTRACT 1.6).

use store::RealmKind;

use crate::bed::{Bed, quick, stuck};

#[tokio::test]
async fn the_test_realm_is_simulated_whatever_its_tariffs_say() {
    let bed = Bed::of(RealmKind::Test).await;
    bed.rename_driver("proxmox").await;
    let order = bed.order_in(&bed.db.database.test).await;
    bed.work_until(quick(), "select state = 'active' from orders").await;
    assert!(bed.machine(&bed.db.database.test, order).await.unwrap().running);
    assert!(bed.holds("select not exists (select from live.simulated_server)").await);
    bed.all_is_done().await;
}

#[tokio::test]
async fn the_test_realm_takes_none_of_the_live_ones_slots() {
    let mut bed = Bed::of(RealmKind::Test).await;
    bed.order_in(&bed.db.database.test).await;
    bed.order_in(&bed.db.database.test).await;
    bed.buyer = bed.db.customer("ann").credit("1000.00").add().await;
    bed.order().await;
    bed.work_until(
        stuck(),
        "select exists (select from live.task where state = 'running') \
           and exists (select from test.task where state = 'running') \
           and exists (select from test.task where state = 'queued')",
    )
    .await;
}
