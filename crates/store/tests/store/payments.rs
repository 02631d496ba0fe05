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
    orders::Buyer,
    payments::{self, Incoming, Received},
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
