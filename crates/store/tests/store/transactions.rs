//! The transaction wrapper: all of it or nothing, tried again on conflict.

use std::time::{Duration, Instant};

use domain::{
    billing::{Charge, InvoiceId},
    money::Money,
    orders::PowerOperation,
};
use store::{Error, db, ledger};
use testkit::TestDb;
use tokio::{sync::watch, time};

use crate::acts::{balance, deposit, deposit_in, hosting, place, state};

#[tokio::test]
async fn a_conflict_is_tried_again() {
    let db = TestDb::new().await;
    let ann = db.customer("ann").add().await;
    let mut attempts = 0;
    let outcome = db.database.live.transaction("a conflict", async |tx| {
        attempts += 1;
        deposit_in(tx, &ann, 100).await?;
        if attempts < 3 { Err(Error::Conflict("made up".into())) } else { Ok(attempts) }
    });
    assert_eq!(outcome.await.unwrap(), 3);
    assert_eq!(balance(&db.database, &ann).await, 100);
    db.verify_books().await;
}

#[tokio::test]
async fn a_conflict_without_end_is_given_up_in_time_with_nothing_done() {
    let db = TestDb::new().await;
    let ann = db.customer("ann").add().await;
    let (began, mut attempts) = (Instant::now(), 0);
    let outcome = db.database.live.transaction("a conflict", async |tx| {
        attempts += 1;
        deposit_in(tx, &ann, 100).await?;
        Err::<(), _>(Error::Conflict("made up".into()))
    });
    assert!(matches!(outcome.await, Err(Error::Conflict(_))));
    assert!(attempts > 4 && began.elapsed() < Duration::from_secs(10), "{attempts} in {:?}", began.elapsed());
    assert_eq!(balance(&db.database, &ann).await, 0);
}

#[tokio::test]
async fn a_row_that_another_holds_too_long_is_tried_again() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("100.00").add().await;
    let id = place(&db.database, &ann, &hosting("example.lt")).await;
    let holder = db.owner().await;
    holder.batch_execute("begin; select from live.orders for update").await.unwrap();
    let (tell, mut attempts) = watch::channel(0);
    let suspend = db.database.live.transaction("suspend", async |tx| {
        tell.send_modify(|attempts| *attempts += 1);
        store::orders::change_power(tx, ann.customer, id, PowerOperation::Suspend).await
    });
    let let_go = async {
        let again = attempts.wait_for(|attempts| *attempts > 1);
        assert!(time::timeout(Duration::from_secs(10), again).await.is_ok(), "it was not tried again");
        holder.batch_execute("rollback").await.unwrap();
    };
    let (suspended, ()) = tokio::join!(suspend, let_go);
    suspended.unwrap();
    assert_eq!(state(&db, id).await, "suspended");
}

#[tokio::test]
async fn an_error_rolls_back_and_the_connection_serves_on() {
    let db = TestDb::new().await;
    let ann = db.customer("ann").add().await;
    let store = db.open(1);
    let outcome = store.live.transaction("an error", async |tx| {
        deposit_in(tx, &ann, 100).await?;
        Err::<(), _>(Error::Refused("on second thoughts".into()))
    });
    assert!(matches!(outcome.await, Err(Error::Refused(_))));
    // An error of PostgreSQL's in the middle.
    let withdrawal = store.live.transaction("too much", async |tx| {
        deposit_in(tx, &ann, 100).await?;
        let amount = Money::minor(101, ann.currency);
        ledger::move_money(tx, ann.customer, ledger::Movement::Withdrawal, amount, "").await
    });
    assert!(matches!(withdrawal.await, Err(Error::Refused(_))));
    assert_eq!(balance(&store, &ann).await, 0);
    deposit(&store.live, &ann, 7).await.unwrap();
    assert_eq!(balance(&store, &ann).await, 7);
    db.verify_books().await;
}

#[tokio::test]
async fn what_the_commit_refuses_is_an_error_and_not_written() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("4.00").add().await;
    let store = db.open(1);
    place(&store, &ann, &hosting("example.lt")).await;
    db.run_sql(
        "insert into live.invoice (customer_id, order_id, purpose, months, status, cancelled_at, currency, total, \
           vat_points, prices) values (1, 1, 'renewal', 1, 'cancelled', now(), 'EUR', 0, 0, 'gross')",
    )
    .await;
    let nothing = Charge { credit: Money::zero(ann.currency), bonus: Money::zero(ann.currency) };
    let outcome = store.live.transaction("a journal without lines", async |tx| {
        ledger::charge_invoice(tx, ann.customer, InvoiceId(2), &nothing, "").await
    });
    let error = outcome.await.unwrap_err();
    assert!(matches!(&error, Error::Failed(why) if why.contains("unbalanced")), "{error:?}");
    deposit(&store.live, &ann, 7).await.unwrap();
    assert_eq!(balance(&store, &ann).await, 107);
    db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migrated_database_has_nothing_to_migrate() {
    let db = TestDb::new().await;
    assert_eq!(db::pending_migrations(&db.settings).await.unwrap(), Vec::<String>::new());
    assert_eq!(db::migrate(&db.settings).await.unwrap(), db::MigrationReport::default());
    db.verify_books().await;
}

#[tokio::test]
async fn a_server_that_takes_no_writes_is_as_good_as_none() {
    let db = TestDb::new().await;
    let ann = db.customer("ann").add().await;
    db.run_sql(
        "do $$ begin execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$",
    )
    .await;
    let refused = deposit(&db.open(1).live, &ann, 100).await;
    assert!(matches!(refused, Err(Error::Unreachable(_))), "{refused:?}");
    assert_eq!(balance(&db.database, &ann).await, 0);
}

#[tokio::test]
async fn a_transaction_that_nobody_waits_for_any_more_lets_go_at_once() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("100.00").add().await;
    let id = place(&db.database, &ann, &hosting("example.lt")).await;
    let (tell, mut told) = watch::channel(false);
    let suspend = db.database.live.transaction("suspend", async |tx| {
        store::orders::change_power(tx, ann.customer, id, PowerOperation::Suspend).await?;
        tell.send_replace(true);
        std::future::pending::<Result<(), store::orders::PowerFailure>>().await
    });
    // As when a client hangs up.
    tokio::select! {
        _ = suspend => panic!("it has no end"),
        held = told.wait_for(|held| *held) => drop(held.unwrap()),
    }
    let owner = db.owner().await;
    // Well below the 15 s after which PostgreSQL ends what stands idle.
    let free = async { while owner.batch_execute("select from live.orders for update nowait").await.is_err() {} };
    assert!(time::timeout(Duration::from_secs(5), free).await.is_ok(), "the order is still held");
    assert_eq!(state(&db, id).await, "provisioning");
    db.verify_books().await;
}
