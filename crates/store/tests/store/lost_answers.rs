//! A network that fails between the program and the database.

use std::time::{Duration, Instant};

use store::{Database, Error, RealmKind, ledger, orders::Buyer};
use testkit::{FaultProxy, TestDb};

use crate::acts::{balance, deposit, deposit_in};

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_found_out() {
    let db = TestDb::new().await;
    let ann = db.customer("ann").add().await;
    let (proxy, store) = db.behind_proxy().await;
    for lost in 1..=3 {
        proxy.lose_answer_to_commit();
        deposit(&store.live, &ann, 100).await.unwrap();
        assert_eq!(proxy.lost(), lost);
        assert_eq!(balance(&db.database, &ann).await, 100 * i64::try_from(lost).unwrap());
    }
    db.verify_books().await;
}

#[tokio::test]
async fn a_commit_that_is_lost_is_an_error_and_nothing_is_done() {
    let db = TestDb::new().await;
    let ann = db.customer("ann").add().await;
    let (proxy, store) = db.behind_proxy().await;
    proxy.lose_commit();
    let error = deposit(&store.live, &ann, 100).await.unwrap_err();
    assert!(matches!(&error, Error::Failed(why) if why.starts_with("rolled back")), "{error:?}");
    assert_eq!((proxy.lost(), balance(&db.database, &ann).await), (1, 0));
    deposit(&store.live, &ann, 7).await.unwrap();
    assert_eq!(balance(&db.database, &ann).await, 7);
    db.verify_books().await;
}

async fn read(store: &Database, buyer: &Buyer) -> Result<i64, Error> {
    let wallets = store.live.read(async |c| ledger::balance(c, RealmKind::Live, buyer.customer, buyer.currency).await);
    wallets.await.map(|wallets| wallets.balance().unwrap().in_minor())
}

/// The database goes away as `fail` has it go, and comes back.
async fn gone_and_back(fail: impl Fn(&FaultProxy)) {
    let db = TestDb::new().await;
    let ann = db.customer("ann").credit("1.00").add().await;
    let (proxy, store) = db.behind_proxy().await;
    assert_eq!(read(&store, &ann).await.unwrap(), 100);
    fail(&proxy);
    let start = Instant::now();
    let error = loop {
        // A cut connection may not be noticed at once, but is never waited for.
        match read(&store, &ann).await {
            Err(error) => break error,
            Ok(_) => assert!(start.elapsed() < Duration::from_secs(2), "it still answers"),
        }
    };
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let gone = tokio::time::timeout(Duration::from_secs(5), store.monitor().gone());
    assert!(gone.await.is_ok(), "nobody noticed");
    // Now that it is known, nobody waits.
    let start = Instant::now();
    assert!(matches!(deposit(&store.live, &ann, 1).await, Err(Error::Unreachable(_))));
    assert!(start.elapsed() < Duration::from_millis(200), "{:?}", start.elapsed());
    proxy.recover();
    assert!(store.live.wait_until_up(Duration::from_secs(10)).await);
    assert_eq!(read(&store, &ann).await.unwrap(), 100);
    deposit(&store.live, &ann, 1).await.unwrap();
    assert_eq!(read(&store, &ann).await.unwrap(), 101);
    db.verify_books().await;
}

#[tokio::test]
async fn a_database_that_falls_silent_is_given_up_within_two_seconds() {
    gone_and_back(FaultProxy::go_silent).await;
}

#[tokio::test]
async fn a_database_that_refuses_is_given_up_within_two_seconds() {
    gone_and_back(FaultProxy::refuse).await;
}

#[tokio::test]
async fn a_transaction_under_way_ends_with_nothing_done_when_the_database_goes_away() {
    let db = TestDb::new().await;
    let ann = db.customer("ann").add().await;
    let (proxy, store) = db.behind_proxy().await;
    let start = Instant::now();
    let outcome = store.live.transaction("deposits", async |tx| {
        deposit_in(tx, &ann, 100).await?;
        proxy.go_silent();
        deposit_in(tx, &ann, 100).await
    });
    assert!(matches!(outcome.await, Err(Error::Unreachable(_))));
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    proxy.recover();
    assert!(store.live.wait_until_up(Duration::from_secs(10)).await);
    deposit(&store.live, &ann, 7).await.unwrap();
    assert_eq!(balance(&db.database, &ann).await, 7);
    db.verify_books().await;
}
