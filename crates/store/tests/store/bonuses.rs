//! Bonuses: the grant that expires first is spent first, before credit; what is given back goes where it came from; what
//! nobody spent in time goes back to the company.

use std::collections::BTreeMap;

use domain::{
    billing::InvoiceId,
    money::{Currency::EUR, Money},
    orders::Unpaid,
};
use jiff::{ToSpan, civil::Date};
use store::{
    Error, Tx,
    invoices::{self, Credit, Refund},
    ledger::{self, NewBonus},
    orders::Buyer,
};
use testkit::TestDb;

use crate::acts::{hosting, invoices_of, place, renewal, try_renew, wallets};

async fn today(db: &TestDb) -> Date {
    db.database.live.transaction("today", async |tx: &mut Tx| Ok::<_, Error>(tx.today())).await.unwrap()
}

async fn give(db: &TestDb, to: &Buyer, minor: i64, reason: &str, expires_on: Option<Date>) -> Result<(), Error> {
    let new = NewBonus { amount: Money::minor(minor, EUR), reason, expires_on };
    db.database.live.transaction("bonus", async |tx| ledger::grant_bonus(tx, to.customer, &new).await).await
}

/// What is left of each grant, by its reason.
async fn left(db: &TestDb, of: &Buyer) -> BTreeMap<String, i64> {
    let all = db.database.live.read(async |c| ledger::bonuses(c, of.customer).await).await.unwrap();
    all.into_iter().map(|grant| (grant.reason, grant.remaining)).collect()
}

/// What the billing run does on a day.
async fn expire(db: &TestDb, day: Date) -> usize {
    let live = &db.database.live;
    let due = live.read(async |c| ledger::expired_bonuses(c, day).await).await.unwrap();
    let mut done = 0;
    for id in due {
        done +=
            usize::from(live.transaction("expire", async |tx| ledger::expire_bonus(tx, id, day).await).await.unwrap());
    }
    done
}

fn of(left: &[(&str, i64)]) -> BTreeMap<String, i64> {
    left.iter().map(|(reason, minor)| ((*reason).to_owned(), *minor)).collect()
}

#[tokio::test]
async fn what_expires_first_is_spent_first_and_goes_back_where_it_came_from() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("10.00").add().await;
    let (soon, later) = (today(&db).await, today(&db).await.checked_add(9.days()).unwrap());
    give(&db, &ann, 100, "for ever", None).await.unwrap();
    give(&db, &ann, 150, "later", Some(later)).await.unwrap();
    give(&db, &ann, 100, "soon", Some(soon)).await.unwrap();
    let order = place(&db.database, &ann, &hosting("example.lt")).await;
    assert_eq!(left(&db, &ann).await, of(&[("for ever", 50), ("later", 0), ("soon", 0)]));
    assert_eq!(wallets(&db.database, &ann).await.credit.in_minor(), 1_000, "bonus before credit");

    let invoice = InvoiceId(invoices_of(&db.database, order).await[0].id);
    for (cause, minor, expected) in [
        ("one", 60, [("for ever", 100), ("later", 10), ("soon", 0)]),
        ("two", 200, [("for ever", 100), ("later", 150), ("soon", 60)]),
    ] {
        let amount = Some(Money::minor(minor, EUR));
        let wanted = Credit { amount, cause, note: cause, refund: Refund::Wallets };
        let crediting = async |tx: &mut Tx| invoices::credit(tx, invoice, &wanted).await;
        db.database.live.transaction("credit", crediting).await.unwrap();
        assert_eq!(left(&db, &ann).await, of(&expected), "{cause}");
        assert_eq!(wallets(&db.database, &ann).await.credit.in_minor(), 1_000, "a bonus never becomes money");
    }
    db.verify_books().await;
}

#[tokio::test]
async fn what_nobody_spent_in_time_goes_back_once() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("10.00").bonus("0.50").add().await;
    let day = today(&db).await;
    let tomorrow = day.checked_add(1.days()).unwrap();
    give(&db, &ann, 400, "a day", Some(day)).await.unwrap();
    let order = place(&db.database, &ann, &hosting("example.lt")).await;
    assert_eq!(expire(&db, day).await, 0, "its last day is not over");
    assert_eq!((expire(&db, tomorrow).await, expire(&db, tomorrow).await), (1, 0));
    assert_eq!(left(&db, &ann).await, of(&[("a day", 0), ("for a test", 50)]));
    assert_eq!(wallets(&db.database, &ann).await.bonus.in_minor(), 50);

    // What is given back after its end expires again.
    let invoice = InvoiceId(invoices_of(&db.database, order).await[0].id);
    let wanted = Credit { amount: None, cause: "all", note: "all", refund: Refund::Wallets };
    let crediting = async |tx: &mut Tx| invoices::credit(tx, invoice, &wanted).await;
    db.database.live.transaction("credit", crediting).await.unwrap();
    assert_eq!(left(&db, &ann).await, of(&[("a day", 300), ("for a test", 50)]));
    assert_eq!((expire(&db, tomorrow).await, expire(&db, tomorrow).await), (1, 0));
    assert!(try_renew(&db.database, &ann, order, &renewal(1), Unpaid::Refuse).await.is_ok());
    let left = wallets(&db.database, &ann).await;
    assert_eq!((left.credit.in_minor(), left.bonus.in_minor()), (750, 0));
    let past = give(&db, &ann, 1, "late", Some(day.checked_sub(1.days()).unwrap())).await;
    assert!(matches!(past, Err(Error::Refused(_))), "{past:?}");
    db.verify_books().await;
}
