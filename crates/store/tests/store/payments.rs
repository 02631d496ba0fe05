//! Money that arrives: recorded once, and what it pays.

use domain::{
    billing::{InvoiceId, PaymentReference},
    dunning::{Policy, Settle},
    money::Money,
    orders::OrderId,
};
use futures_util::future::join_all;
use store::{
    Database, Error,
    db::Rules,
    ledger,
    orders::Buyer,
    payments::{self, Incoming, Outgoing, PaidBack, Received},
};
use testkit::TestDb;

use crate::acts::{balance, hosting, invoices_of, place, state, wallets};

async fn receive(
    db: &Database,
    buyer: &Buyer,
    minor: i64,
    reference: Option<&str>,
    invoice: Option<InvoiceId>,
) -> Result<Received, Error> {
    let amount = Money::minor(minor, buyer.currency);
    let reference = reference.map(|text| PaymentReference::parse(text).unwrap());
    let reference = reference.as_ref();
    let money = Incoming { customer: buyer.customer, amount, reference, invoice, note: "a test" };
    db.live.transaction("receive", async |tx| payments::receive(tx, &money).await).await
}

/// An unpaid order of 3.00.
async fn owed(db: &TestDb, buyer: &Buyer, domain: &str) -> (OrderId, InvoiceId) {
    let id = place(&db.database, buyer, &hosting(domain)).await;
    (id, InvoiceId(invoices_of(&db.database, id).await[0].id))
}

#[tokio::test]
async fn a_payment_is_recorded_once_however_often_and_by_whomever_it_is_told() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").add().await;
    let told = (0..8).map(|_| receive(&db.database, &ann, 500, Some("bank 1"), None));
    let outcomes: Vec<_> = join_all(told).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Received::Credited).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Received::Again).count(), 7);
    assert_eq!(balance(&db.database, &ann).await, 500);
    let eve = db.customer("eve").add().await;
    for (buyer, minor) in [(&ann, 501), (&eve, 500)] {
        let refused = receive(&db.database, buyer, minor, Some("bank 1"), None).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "another payment of that name: {refused:?}");
    }
    assert!(receive(&db.database, &ann, 0, Some("bank 2"), None).await.is_err());
    assert_eq!(receive(&db.database, &ann, 1, Some("bank 2"), None).await.unwrap(), Received::Credited);
    db.verify_books().await;
}

#[tokio::test]
async fn what_is_paid_back_under_a_name_is_paid_back_once_and_the_statement_names_it() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").add().await;
    receive(&db.database, &ann, 1000, Some("in 1"), None).await.unwrap();
    let pay_back = async |buyer: &Buyer, minor, reference: &str, note: &str| {
        let (amount, reference) = (Money::minor(minor, buyer.currency), PaymentReference::parse(reference).unwrap());
        let money = Outgoing { customer: buyer.customer, amount, reference: Some(&reference), note };
        db.database.live.transaction("pay back", async |tx| payments::pay_back(tx, &money).await).await
    };
    let told = (0..8).map(|_| pay_back(&ann, 300, "out 1", ""));
    let outcomes: Vec<_> = join_all(told).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == PaidBack::Taken).count(), 1);
    assert_eq!(balance(&db.database, &ann).await, 700);
    let eve = db.customer("eve").credit("10.00").add().await;
    for (buyer, minor, reference) in
        [(&ann, 301, "out 1"), (&eve, 300, "out 1"), (&ann, 1000, "in 1"), (&ann, 701, "out 2"), (&ann, 0, "out 3")]
    {
        let refused = pay_back(buyer, minor, reference, "").await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{minor} {reference}: {refused:?}");
    }
    let refused = receive(&db.database, &ann, 300, Some("out 1"), None).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "what went out did not come in: {refused:?}");
    assert_eq!(pay_back(&ann, 700, "out 2", "closed").await.unwrap(), PaidBack::Taken, "a refused one left no name");
    let live = &db.database.live;
    let lines = live.read(async |c| ledger::statement(c, ann.customer, None, 10).await).await.unwrap();
    let told: Vec<_> = lines.iter().map(|line| (line.reference.as_deref(), line.note.as_str())).collect();
    assert_eq!(told, [(Some("out 2"), "closed (out 2)"), (Some("out 1"), "out 1"), (Some("in 1"), "a test (in 1)")]);
    let all = live.read(async |c| payments::list(c, Some(ann.customer), 10).await).await.unwrap();
    let all: Vec<_> = all.iter().map(|of| (of.reference.as_str(), of.kind.as_str(), of.amount, of.journal)).collect();
    let journal = |at: usize| lines.get(at).map(|line| line.journal);
    let expected = [("out 2", "withdrawal", 700, journal(0)), ("out 1", "withdrawal", 300, journal(1))];
    assert_eq!(all, [expected.as_slice(), &[("in 1", "deposit", 1000, journal(2))]].concat());
    let unknown = PaymentReference::parse("x").unwrap();
    assert!(matches!(live.read(async |c| payments::show(c, &unknown).await).await, Err(Error::NotFound(_))));
    db.verify_books().await;
}

/// Payments that were recorded when their movement was not kept with them get it when the database is brought up to date.
#[tokio::test]
async fn payments_of_before_find_their_movements() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("5.00").add().await;
    for (minor, reference) in [(500, "a"), (500, "b"), (700, "c")] {
        receive(&db.database, &ann, minor, Some(reference), None).await.unwrap();
    }
    let movements = "select string_agg(reference || ' ' || movement_id, ', ' order by reference) from live.payment";
    let before: String = db.value(movements).await;
    let found = include_str!("../../../../migrations/realm/0067_named_movements/up.sql");
    let found = found.split_once("-- A payment and its journal").unwrap().1.split_once('\n').unwrap().1;
    db.run_sql(&format!("set search_path to live; update payment set movement_id = null; {found}")).await;
    assert_eq!(db.value::<String>(movements).await, before);
}

#[tokio::test]
async fn too_much_is_left_as_credit_and_parts_pay_once_they_are_enough() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").bonus("1.00").add().await;
    let (order, invoice) = owed(&db, &ann, "one.lt").await;
    assert_eq!(receive(&db.database, &ann, 700, Some("a"), Some(invoice)).await.unwrap(), Received::Paid);
    let left = wallets(&db.database, &ann).await;
    assert_eq!((left.credit.in_minor(), left.bonus.in_minor()), (400, 100), "no bonus is spent on what was paid");
    assert_eq!(state(&db, order).await, "provisioning");
    assert_eq!(receive(&db.database, &ann, 300, Some("b"), Some(invoice)).await.unwrap(), Received::Credited);
    let poor = db.customer("poor").add().await;
    let (order, invoice) = owed(&db, &poor, "two.lt").await;
    for (reference, outcome) in [("c", Received::Credited), ("d", Received::Credited), ("e", Received::Paid)] {
        assert_eq!(state(&db, order).await, "awaiting_payment");
        assert_eq!(receive(&db.database, &poor, 120, Some(reference), Some(invoice)).await.unwrap(), outcome);
    }
    assert_eq!((state(&db, order).await.as_str(), balance(&db.database, &poor).await), ("provisioning", 60));
    let refused = receive(&db.database, &ann, 300, Some("f"), Some(invoice)).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "another customer's invoice");
    db.verify_books().await;
}

#[tokio::test]
async fn the_oldest_invoices_are_paid_first_where_that_is_the_rule() {
    let db = TestDb::with_demo_catalogue().await;
    let policy = Policy { settle: Settle::OldestFirst, ..Policy::default() };
    let oldest_first = Database::open(&db.settings, 4, db.keys.clone(), Rules { policy, ..TestDb::rules() }).unwrap();
    let ann = db.customer("ann").add().await;
    let mut orders = Vec::new();
    for domain in ["a.lt", "b.lt", "c.lt"] {
        orders.push(owed(&db, &ann, domain).await.0);
    }
    assert_eq!(payments::settle(&oldest_first.live, ann.customer).await.unwrap(), 0);
    assert_eq!(receive(&db.database, &ann, 700, None, None).await.unwrap(), Received::Credited);
    assert_eq!(payments::settle(&db.database.live, ann.customer).await.unwrap(), 0, "it is not the rule there");
    let unsettled = db.database.live.read(async |c| payments::unsettled(c).await).await.unwrap();
    assert_eq!(unsettled, [ann.customer]);
    let all = join_all((0..4).map(|_| payments::settle(&oldest_first.live, ann.customer))).await;
    assert_eq!(all.into_iter().map(Result::unwrap).sum::<usize>(), 2);
    let mut states = Vec::new();
    for order in orders {
        states.push(state(&db, order).await);
    }
    assert_eq!(states, ["provisioning", "provisioning", "awaiting_payment"]);
    assert_eq!(balance(&db.database, &ann).await, 100);
    db.verify_books().await;
}
