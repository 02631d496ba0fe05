//! Exchange rates by day: the one in force prices what is new, and what is issued keeps its own.

use domain::{
    dunning::Policy,
    money::{Currency, Currency::PLN, Rate},
    orders::Unpaid,
};
use jiff::{ToSpan, civil::Date};
use store::{
    Database, Error, Tx,
    catalogue::{NewRate, rates, set_rate},
    db::Rules,
    orders::PlaceFailure,
};
use testkit::TestDb;

use crate::acts::{hosting, invoices_of, place, renewal, try_place, try_renew};

async fn today(db: &TestDb) -> Date {
    db.database.live.transaction("today", async |tx: &mut Tx| Ok::<_, Error>(tx.today())).await.unwrap()
}

async fn set(db: &TestDb, base: Currency, day: Date, rate: &str) -> Result<(), Error> {
    let rate: Rate = rate.parse().unwrap();
    set_rate(&db.settings, &NewRate { base, currency: PLN, day, rate, note: "a test" }).await
}

#[tokio::test]
async fn what_is_issued_keeps_its_rate_and_its_day() {
    let db = TestDb::with_demo_catalogue().await;
    let today = today(&db).await;
    let yesterday = today.checked_sub(1.days()).unwrap();
    let tomorrow = today.checked_add(1.days()).unwrap();
    for (day, rate) in [(yesterday, "4"), (tomorrow, "9")] {
        set(&db, Currency::EUR, day, rate).await.unwrap();
    }
    let ann = db.customer("ann").currency(PLN).credit("100.00").add().await;
    let order = place(&db.database, &ann, &hosting("example.pl")).await;
    for rate in ["4.5", "4.25"] {
        set(&db, Currency::EUR, today, rate).await.unwrap();
    }
    assert!(try_renew(&db.database, &ann, order, &renewal(1), Unpaid::Refuse).await.is_ok());
    let told: Vec<_> = invoices_of(&db.database, order)
        .await
        .into_iter()
        .map(|of| (of.total, of.base_currency, of.rate_billionths, of.rate_day))
        .collect();
    let eur = || Some("EUR".to_owned());
    assert_eq!(told[0], (1_200, eur(), Some(4_000_000_000), Some(yesterday)));
    assert_eq!(told[1], (1_275, eur(), Some(4_250_000_000), Some(today)), "of two rates of a day the later holds");
    assert_eq!(rates(&db.settings, Some(PLN), 9).await.unwrap().len(), 4);
    let refused = set(&db, Currency::USD, today, "4").await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    db.verify_books().await;
}

#[tokio::test]
async fn a_new_order_is_refused_at_an_old_rate_and_a_renewal_is_not() {
    let db = TestDb::with_demo_catalogue().await;
    let old = today(&db).await.checked_sub(8.days()).unwrap();
    set(&db, Currency::EUR, old, "4").await.unwrap();
    let ann = db.customer("ann").currency(PLN).credit("100.00").add().await;
    let order = place(&db.database, &ann, &hosting("example.pl")).await;
    let policy = Policy { rate_days: Some(7), ..Policy::default() };
    let careful = Database::open(&db.settings, 4, db.keys.clone(), Rules { policy, ..TestDb::rules() }).unwrap();
    let refused = try_place(&careful.live, &ann, &hosting("another.pl"), Unpaid::Accept).await;
    assert!(matches!(refused, Err(PlaceFailure::Decided(_))));
    assert!(try_renew(&careful, &ann, order, &renewal(1), Unpaid::Refuse).await.is_ok());
    db.verify_books().await;
}
