//! What customers and staff do, each in a transaction of its own.

use domain::{
    billing::{InvoiceId, Wallets},
    calendar::Months,
    catalogue::{TariffId, Vid},
    domain_name::DomainName,
    field::Field,
    money::Money,
    orders::{OrderId, PlaceRequest, PowerChange, PowerOperation, RenewRequest, Unpaid, parse_addons},
};
use store::{
    Database, Error, Realm, Tx, invoices,
    invoices::{InvoiceRow, PaidFrom},
    ledger::{self, Movement},
    orders::{self, Buyer, PlaceFailure, Placed, PowerFailure, RenewFailure, Renewed},
    tasks::{self, Claim, ClaimedTask, Failed, Next},
};

/// Web hosting at 3.00 a month, for a month.
pub fn hosting(domain: &str) -> PlaceRequest {
    PlaceRequest {
        vid: Field::Absent,
        tariff: Field::Given(TariffId(1)),
        period: Field::Given(months(1)),
        domain: Field::Given(DomainName::parse(domain).unwrap()),
        addons: Vec::new(),
    }
}

/// A month for nothing, once.
pub fn trial(domain: &str) -> PlaceRequest {
    PlaceRequest { tariff: Field::Given(TariffId(2)), ..hosting(domain) }
}

/// A virtual server at 9.90 a month and 5.00 once, for a month.
pub fn vds() -> PlaceRequest {
    PlaceRequest {
        vid: Field::Given(Vid::Vds),
        tariff: Field::Given(TariffId(10)),
        period: Field::Given(months(1)),
        domain: Field::Absent,
        addons: parse_addons("20"),
    }
}

/// A virtual server that staff make, at 15.00 a month.
pub fn vds_by_hand() -> PlaceRequest {
    PlaceRequest { tariff: Field::Given(TariffId(11)), addons: Vec::new(), ..vds() }
}

pub fn months(count: u16) -> Months {
    Months::new(count).unwrap()
}

/// So many months more, whatever day it is paid until.
pub fn renewal(count: u16) -> RenewRequest {
    RenewRequest { period: Field::Given(months(count)), expect_todate: Field::Absent }
}

pub async fn try_place(
    realm: &Realm,
    buyer: &Buyer,
    request: &PlaceRequest,
    unpaid: Unpaid,
) -> Result<Placed, PlaceFailure> {
    realm.transaction("place", async |tx| orders::place(tx, buyer, request, unpaid).await).await
}

pub async fn place(db: &Database, buyer: &Buyer, request: &PlaceRequest) -> OrderId {
    try_place(&db.live, buyer, request, Unpaid::Accept).await.unwrap_or_else(|error| panic!("{error:?}")).id
}

pub async fn try_renew(
    db: &Database,
    buyer: &Buyer,
    id: OrderId,
    request: &RenewRequest,
    unpaid: Unpaid,
) -> Result<Renewed, RenewFailure> {
    db.live.transaction("renew", async |tx| orders::renew(tx, buyer, id, request, unpaid).await).await
}

pub async fn power(
    db: &Database,
    buyer: &Buyer,
    id: OrderId,
    wanted: PowerOperation,
) -> Result<PowerChange, PowerFailure> {
    db.live.transaction("power", async |tx| orders::change_power(tx, buyer.customer, id, wanted).await).await
}

pub async fn try_pay(db: &Database, invoice: InvoiceId, from: PaidFrom) -> Result<InvoiceRow, Error> {
    db.live.transaction("pay", async |tx| invoices::pay(tx, invoice, from, "a test").await).await
}

pub async fn cancel(db: &Database, invoice: InvoiceId) -> Result<(), Error> {
    db.live.transaction("cancel", async |tx| invoices::cancel(tx, invoice).await).await
}

pub async fn terminate(db: &Database, id: OrderId) -> Result<(), Error> {
    db.live.transaction("terminate", async |tx| orders::terminate(tx, id, None).await).await
}

pub async fn deposit(realm: &Realm, buyer: &Buyer, minor: i64) -> Result<(), Error> {
    realm.transaction("deposit", async |tx| deposit_in(tx, buyer, minor).await).await
}

pub async fn deposit_in(tx: &mut Tx, buyer: &Buyer, minor: i64) -> Result<(), Error> {
    let amount = Money::minor(minor, buyer.currency);
    ledger::move_money(tx, buyer.customer, Movement::Deposit, amount, "a test").await
}

/// The wallets, as they are.
pub async fn wallets(db: &Database, buyer: &Buyer) -> Wallets {
    let realm = &db.live;
    realm.read(async |c| ledger::balance(c, realm.kind(), buyer.customer, buyer.currency).await).await.unwrap()
}

/// Credit and bonus, in minor units.
pub async fn balance(db: &Database, buyer: &Buyer) -> i64 {
    wallets(db, buyer).await.balance().unwrap().in_minor()
}

/// An order's invoices, oldest first.
pub async fn invoices_of(db: &Database, id: OrderId) -> Vec<InvoiceRow> {
    let all = db.live.read(async |c| invoices::list(c, None).await).await.unwrap();
    all.into_iter().filter(|invoice| invoice.order_id == id.0).collect()
}

pub async fn claim(realm: &Realm) -> Option<ClaimedTask> {
    let worker = uuid::Uuid::new_v4();
    let claimed = realm.transaction("claim", async |tx| tasks::claim(tx, worker).await).await.unwrap();
    claimed.map(|claim| match claim {
        Claim::Ready(task) => *task,
        Claim::Unreadable { why, .. } => panic!("{why}"),
    })
}

pub async fn succeed(realm: &Realm, task: &ClaimedTask) -> bool {
    realm.transaction("succeed", async |tx| tasks::succeed(tx, task, "done\n", true).await).await.unwrap()
}

/// An order's state, by its name in the database.
pub async fn state(db: &testkit::TestDb, id: OrderId) -> String {
    db.value(&format!("select state from live.orders where id = {id}")).await
}

/// A try that nobody but a person can bring further.
pub const STUCK: Failed<'static> = Failed {
    class: "internal",
    driver: Some("simulated"),
    why: "stuck",
    known: true,
    unseen: false,
    next: Next::Never,
};
