//! What the tests of the worker have in common.

use std::time::Duration;

use domain::tasks::{ProvisioningRules, RefundFailed};
use domain::{
    calendar::Months,
    catalogue::{AddonId, Catalogue, DriverName, Handling, TariffId, Vid},
    field::Field,
    orders::{AddonChoice, OrderId, PlaceRequest, PowerOperation, Unpaid},
    tasks::Operation,
};
use provisioner::WorkerSettings;
use store::{
    Database, Error, Realm, RealmKind,
    db::Rules,
    orders::{Buyer, change_power, place, terminate},
    tasks::{self, Claim, ClaimedTask, Simulated, SimulatedServer},
};
use testkit::{OwnServer, TestDb};
use tokio::time;
use tokio_postgres::Client;

/// What is awaited must come within this, on the slowest machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// The demo's virtual server, made by the simulated driver.
const VDS: (Vid, TariffId) = (Vid::Vds, TariffId(10));
/// The demo's dedicated server, made by the simulated driver; it has no plan.
const DEDICATED: (Vid, TariffId) = (Vid::Dedicated, TariffId(30));
/// The addon of Debian.
const DEBIAN: AddonChoice = AddonChoice { id: Some(AddonId(20)), quantity: Some(1) };

/// Longer than any test.
pub const FOR_EVER: Duration = Duration::from_secs(3600);

/// A database with a rich customer.
pub struct Bed {
    pub db: TestDb,
    pub buyer: Buyer,
    eyes: Client,
}

impl Bed {
    pub async fn new() -> Self {
        Self::of(RealmKind::Live).await
    }

    /// What fails for good waits for staff.
    pub async fn failing_by_staff() -> Self {
        let mut bed = Self::new().await;
        let provisioning = ProvisioningRules { refund_failed: RefundFailed::ByStaff, ..TestDb::rules().provisioning };
        bed.db.database = bed.db.under(Rules { provisioning, ..TestDb::rules() });
        bed
    }

    /// With the customer in this realm, which the statements then mean, too.
    pub async fn of(kind: RealmKind) -> Self {
        Self::with(TestDb::with_demo_catalogue().await, kind).await
    }

    /// On a server that can die.
    pub async fn on(server: &OwnServer) -> Self {
        Self::with(TestDb::on(server).await, RealmKind::Live).await
    }

    async fn with(db: TestDb, kind: RealmKind) -> Self {
        let buyer = match kind {
            RealmKind::Live => db.customer("ann").credit("100000.00").add().await,
            RealmKind::Test => db.customer("test").of(kind).add().await,
        };
        let eyes = eyes(&db, kind).await;
        Self { db, buyer, eyes }
    }

    /// After the server died: with a new session, and with pools that have seen no outage.
    pub async fn look_again(&mut self) {
        self.eyes = eyes(&self.db, RealmKind::Live).await;
        self.db.database = self.db.open(10);
    }

    pub fn live(&self) -> &Realm {
        &self.db.database.live
    }

    pub fn database(&self) -> Database {
        self.db.database.clone()
    }

    pub async fn order(&self) -> OrderId {
        self.order_in(self.live()).await
    }

    pub async fn order_in(&self, realm: &Realm) -> OrderId {
        self.place(realm, VDS, vec![DEBIAN]).await
    }

    /// A server that the catalogue has no plan of.
    pub async fn dedicated_order(&self) -> OrderId {
        self.place(self.live(), DEDICATED, Vec::new()).await
    }

    async fn place(&self, realm: &Realm, (vid, tariff): (Vid, TariffId), addons: Vec<AddonChoice>) -> OrderId {
        let request = PlaceRequest {
            vid: Field::Given(vid),
            tariff: Field::Given(tariff),
            period: Field::Given(Months::new(1).unwrap()),
            domain: Field::Absent,
            addons,
        };
        let placed =
            realm.transaction("order", async |tx| place(tx, &self.buyer, &request, Unpaid::Refuse).await).await;
        placed.unwrap_or_else(|error| panic!("{error:?}")).id
    }

    /// An order whose machine runs.
    pub async fn ready_order(&self) -> OrderId {
        let order = self.order().await;
        self.work_until(quick(), &format!("select state = 'active' from orders where id = {order}")).await;
        order
    }

    pub async fn power(&self, order: OrderId, wanted: PowerOperation) {
        let customer = self.buyer.customer;
        let changed =
            self.live().transaction("power", async |tx| change_power(tx, customer, order, wanted).await).await;
        changed.unwrap_or_else(|error| panic!("{wanted:?}: {error:?}"));
    }

    pub async fn terminate(&self, order: OrderId) {
        self.live().transaction("terminate", async |tx| terminate(tx, order, None).await).await.unwrap();
    }

    /// The catalogue with a driver that nobody has.
    pub async fn rename_driver(&self, name: &str) {
        let mut catalogue: Catalogue = TestDb::demo_catalogue();
        for tariff in &mut catalogue.tariffs {
            tariff.handling = Handling::Driver(DriverName(name.to_owned()));
        }
        self.db.apply_catalogue(&catalogue).await;
    }

    /// Claims as a worker would that does nothing more of itself.
    pub async fn claim(&self) -> ClaimedTask {
        let worker = uuid::Uuid::new_v4();
        let claimed = self.live().transaction("claim", async |tx| tasks::claim(tx, worker).await).await.unwrap();
        match claimed {
            Some(Claim::Ready(task)) => *task,
            other => panic!("{other:?}"),
        }
    }

    /// Does a claimed task as a worker would that is not heard of any more after that.
    pub async fn apply(&self, task: &ClaimedTask) {
        let boots = self.machine(self.live(), task.lease.order).await.map_or(0, |machine| machine.boots).to_string();
        let applied = self.live().transaction("apply", async |tx| {
            if task.operation == Operation::Restart {
                tasks::keep_boot(tx, &task.lease, &boots).await?;
            }
            tasks::apply_simulated(tx, task).await
        });
        assert_eq!(applied.await.unwrap(), Simulated::Done);
    }

    /// Whoever has a task is not heard of any more.
    pub async fn expire_leases(&self) {
        self.run("update task set lease_until = now() - interval '1 second' where state = 'running'").await;
    }

    pub async fn machine(&self, realm: &Realm, order: OrderId) -> Option<SimulatedServer> {
        let seen: Result<_, Error> = realm.read(async |connection| tasks::simulated(connection, order).await).await;
        seen.unwrap()
    }

    pub async fn run(&self, sql: &str) {
        self.eyes.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    pub async fn holds(&self, sql: &str) -> bool {
        self.eyes.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
    }

    pub async fn text(&self, sql: &str) -> String {
        self.eyes.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
    }

    /// Returns once the question is answered with true.
    pub async fn until(&self, sql: &str) {
        let asking = async {
            let mut pace = time::interval(Duration::from_millis(10));
            while !self.holds(sql).await {
                pace.tick().await;
            }
        };
        if time::timeout(DEADLINE, asking).await.is_err() {
            let tasks = "select coalesce(string_agg(to_jsonb(task)::text, E'\\n' order by id), '') from task";
            panic!("it did not come to this: {sql}\n{}", self.text(tasks).await);
        }
    }

    /// A worker that dies when the question is answered with true.
    pub async fn work_until(&self, settings: WorkerSettings, sql: &str) {
        let work = provisioner::run(self.database(), settings, std::future::pending());
        tokio::select! {
            () = work => panic!("the worker ended of itself"),
            () = self.until(sql) => {}
        }
    }

    /// What a test of the queue ends with: the books are right, and no task is left.
    pub async fn all_is_done(&self) {
        assert!(self.holds("select not exists (select from task where state <> 'succeeded')").await);
        self.db.verify_books().await;
    }
}

async fn eyes(db: &TestDb, kind: RealmKind) -> Client {
    let eyes = db.owner().await;
    eyes.batch_execute(&format!("set search_path to {}, catalogue", kind.schema())).await.unwrap();
    eyes
}

/// Everything at once.
pub fn quick() -> WorkerSettings {
    WorkerSettings {
        poll: Duration::from_millis(10),
        operation_time: Duration::from_millis(1),
        reap_every: Duration::from_millis(100),
        ..WorkerSettings::default()
    }
}

/// Operations that never end, one at a time.
pub fn stuck() -> WorkerSettings {
    WorkerSettings { operation_time: FOR_EVER, concurrency: 1, ..quick() }
}
