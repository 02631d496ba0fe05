//! The drivers that are held against the suite.

use std::time::Duration;

use domain::{
    calendar::Months,
    catalogue::{TariffId, Vid},
    field::Field,
    orders::{OrderId, PlaceRequest, Unpaid},
};
use provisioner::driver::{Driver, ExecDriver, SimulatedDriver};
use store::{orders::place, tasks::ClaimedTask};
use testkit::TestDb;

use super::Subject;
use crate::bed::{Place, exec};

/// The simulated hypervisor.
pub struct Simulated {
    db: TestDb,
    driver: SimulatedDriver,
    order: OrderId,
}

impl Simulated {
    pub async fn new() -> Self {
        let db = TestDb::with_demo_catalogue().await;
        let realm = &db.database.live;
        let buyer = db.customer("ann").credit("1000.00").add().await;
        let request = PlaceRequest {
            vid: Field::Given(Vid::Dedicated),
            tariff: Field::Given(TariffId(30)),
            period: Field::Given(Months::new(1).unwrap()),
            domain: Field::Absent,
            addons: Vec::new(),
        };
        let placed = realm.transaction("order", async |tx| place(tx, &buyer, &request, Unpaid::Refuse).await).await;
        let order = placed.unwrap_or_else(|error| panic!("{error:?}")).id;
        let driver = SimulatedDriver::new(realm.clone(), Duration::ZERO);
        Self { db, driver, order }
    }
}

impl Subject for Simulated {
    fn driver(&self) -> &dyn Driver {
        &self.driver
    }

    fn order(&self) -> OrderId {
        self.order
    }

    /// What was done for a task already it tells by the queue's fences.
    async fn know(&self, task: &ClaimedTask) {
        let (id, order, fence) = (task.lease.id.0, self.order, task.lease.fence);
        let insert = format!(
            "insert into live.task (id, order_id, operation, state, fence, completed_at) \
             overriding system value values ({id}, {order}, 'server_suspend', 'succeeded', {fence}, now())"
        );
        self.db.run_sql(&insert).await;
    }
}

/// A hook that keeps machines as files.
pub struct Exec {
    _place: Place,
    driver: ExecDriver,
}

impl Exec {
    pub async fn new() -> Self {
        let place = Place::new();
        let driver = exec(place.good_hook(""));
        Self { _place: place, driver }
    }
}

impl Subject for Exec {
    fn driver(&self) -> &dyn Driver {
        &self.driver
    }

    fn order(&self) -> OrderId {
        OrderId(31)
    }

    /// A hook knows a task by its number.
    async fn know(&self, _: &ClaimedTask) {}
}
