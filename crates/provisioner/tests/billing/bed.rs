//! A database with the demo's catalogue, its clock in the test's hand.

use std::time::Duration;

use domain::{
    calendar::Months,
    catalogue::TariffId,
    domain_name::DomainName,
    field::Field,
    money::Money,
    orders::{OrderId, PlaceRequest, Unpaid},
};
use provisioner::{Biller, Ran};
use store::{
    Realm, RealmKind, Tx,
    billing::{self, Tally},
    clock,
    ledger::{self, Movement},
    orders::{self, Buyer},
};
use testkit::TestDb;

pub struct Bed {
    pub db: TestDb,
}

impl Bed {
    pub async fn new() -> Self {
        Self { db: TestDb::with_demo_catalogue().await }
    }

    /// Where servers are removed so many hours after their order's end, and not at once.
    pub async fn with_destroy_grace(hours: u32) -> Self {
        let mut bed = Self::new().await;
        let mut rules = TestDb::rules();
        rules.provisioning.destroy_grace_hours = hours;
        bed.db.database = bed.db.under(rules);
        bed
    }

    pub fn live(&self) -> &Realm {
        &self.db.database.live
    }

    /// Web hosting at 3.00 a month.
    pub async fn hosting(&self, realm: RealmKind, buyer: &Buyer, domain: &str, months: u16) -> OrderId {
        let request = PlaceRequest {
            vid: Field::Absent,
            tariff: Field::Given(TariffId(1)),
            period: Field::Given(Months::new(months).unwrap()),
            domain: Field::Given(DomainName::parse(domain).unwrap()),
            addons: Vec::new(),
        };
        let place = async |tx: &mut Tx| orders::place(tx, buyer, &request, Unpaid::Accept).await;
        let placed = self.db.database.realm(realm).transaction("place", place).await;
        placed.unwrap_or_else(|error| panic!("{error:?}")).id
    }

    pub async fn auto_renew(&self, id: OrderId) {
        let set = async |tx: &mut Tx| orders::set_auto_renew(tx, id, true).await;
        self.db.database.live.transaction("set", set).await.unwrap();
    }

    pub async fn deposit(&self, buyer: &Buyer, minor: i64) {
        let amount = Money::minor(minor, buyer.currency);
        let deposit = async |tx: &mut Tx| ledger::move_money(tx, buyer.customer, Movement::Deposit, amount, "").await;
        self.db.database.live.transaction("deposit", deposit).await.unwrap();
    }

    pub async fn withdraw(&self, buyer: &Buyer, minor: i64) {
        let amount = Money::minor(minor, buyer.currency);
        let withdraw =
            async |tx: &mut Tx| ledger::move_money(tx, buyer.customer, Movement::Withdrawal, amount, "").await;
        self.db.database.live.transaction("withdraw", withdraw).await.unwrap();
    }

    /// Orders that something may be due of today, and those of which something is.
    pub async fn due(&self) -> (usize, usize) {
        let look = async |tx: &mut Tx| {
            let day = tx.today();
            let may_be = billing::candidates(tx, day).await?;
            let due = billing::due_orders(tx, day, &may_be).await?;
            Ok::<_, store::Error>((may_be.len(), due.iter().map(Vec::len).sum()))
        };
        self.db.database.live.transaction("look", look).await.unwrap()
    }

    /// Moves the test realm's clock.
    pub async fn advance(&self, days: u64) {
        let by = Duration::from_hours(24 * days);
        self.db.database.test.transaction("advance", async |tx| clock::advance(tx, by).await).await.unwrap();
    }

    /// A run by a worker that nobody knows yet.
    pub async fn run(&self, realm: RealmKind) -> Ran {
        Biller::new(self.db.database.realm(realm), None).run().await.unwrap()
    }

    /// A run that goes through.
    pub async fn through(&self, realm: RealmKind) -> Tally {
        match self.run(realm).await {
            Ran::Through { tally, .. } => tally,
            other => panic!("{other:?}"),
        }
    }

    /// A run that staff release when it is held: all the money of a long life came on its first day.
    pub async fn released(&self, realm: RealmKind) -> Tally {
        if let Ran::Through { tally, .. } = self.run(realm).await {
            return tally;
        }
        let release = async |tx: &mut Tx| billing::release(tx, "tom", "nobody pays here").await;
        self.db.database.realm(realm).transaction("release", release).await.unwrap();
        self.through(realm).await
    }

    /// The next day of the live realm, run.
    pub async fn next_day(&self) -> Tally {
        self.db.move_live_clock(1).await;
        self.through(RealmKind::Live).await
    }

    /// State, paid-until day and others, as SQL has them.
    pub async fn text(&self, sql: &str) -> String {
        self.db.value(&format!("select ({sql})::text")).await
    }

    pub async fn state(&self, id: OrderId) -> String {
        self.text(&format!("select state from live.orders where id = {id}")).await
    }
}
