//! The drivers that are held against the suite.

use std::time::Duration;

use domain::{
    calendar::Months,
    catalogue::{TariffId, Vid},
    field::Field,
    orders::{OrderId, PlaceRequest, Unpaid},
};
use provisioner::driver::{Driver, ExecDriver, HttpDriver, ProxmoxDriver, SimulatedDriver};
use store::{
    orders::{Buyer, place},
    tasks::ClaimedTask,
};
use testkit::TestDb;

use super::Subject;
use crate::{
    bed::{Place, exec},
    http, proxmox,
};

/// An order in the live realm.
pub async fn order(db: &TestDb, buyer: &Buyer) -> OrderId {
    let request = PlaceRequest {
        vid: Field::Given(Vid::Dedicated),
        tariff: Field::Given(TariffId(30)),
        period: Field::Given(Months::new(1).unwrap()),
        domain: Field::Absent,
        addons: Vec::new(),
    };
    let realm = &db.database.live;
    let placed = realm.transaction("order", async |tx| place(tx, buyer, &request, Unpaid::Refuse).await).await;
    placed.unwrap_or_else(|error| panic!("{error:?}")).id
}

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
        let order = order(&db, &buyer).await;
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

/// A cluster that answers as Proxmox VE is documented to.
pub struct Proxmox {
    _bed: proxmox::Bed,
    driver: ProxmoxDriver,
}

impl Proxmox {
    pub async fn new() -> Self {
        let bed = proxmox::Bed::new();
        let driver = bed.driver();
        Self { _bed: bed, driver }
    }
}

impl Subject for Proxmox {
    fn driver(&self) -> &dyn Driver {
        &self.driver
    }

    fn order(&self) -> OrderId {
        OrderId(31)
    }

    /// The machine's notes know the tasks.
    async fn know(&self, _: &ClaimedTask) {}
}

/// The same hook, behind HTTP.
pub struct Http {
    _bed: http::Bed,
    driver: HttpDriver,
}

impl Http {
    pub async fn new() -> Self {
        let bed = http::Bed::new().await;
        let driver = bed.driver();
        Self { _bed: bed, driver }
    }
}

impl Subject for Http {
    fn driver(&self) -> &dyn Driver {
        &self.driver
    }

    fn order(&self) -> OrderId {
        OrderId(31)
    }

    /// A hook knows a task by its number.
    async fn know(&self, _: &ClaimedTask) {}
}
