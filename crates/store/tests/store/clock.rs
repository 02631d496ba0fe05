//! The realm's clock: a test realm's goes ahead, for everybody at once; the live realm's can't.

use std::time::Duration;

use domain::orders::Unpaid;
use store::{
    Error,
    RealmKind::{Live, Test},
    clock, sweep,
};
use testkit::TestDb;

use crate::{
    acts::{hosting, try_place},
    refusals::refused,
};

const DAY: Duration = Duration::from_hours(24);

async fn advance(db: &TestDb, realm: store::RealmKind, by: Duration) -> Result<clock::Clock, Error> {
    db.database.realm(realm).transaction("advance", async |tx| clock::advance(tx, by).await).await
}

#[tokio::test]
async fn a_test_realm_s_clock_goes_ahead_for_all_processes_and_the_live_realm_s_stays() {
    let db = TestDb::new().await;
    let other = db.open(1);
    let before = advance(&db, Test, DAY).await.unwrap();
    let moved = advance(&db, Test, 400 * DAY).await.unwrap();
    assert_eq!(before.ahead_seconds(), 86_400);
    assert_eq!(moved.ahead_seconds(), 401 * 86_400);
    let seen = other.test.transaction("look", async |tx| Ok::<_, Error>(tx.now())).await.unwrap();
    assert!(seen >= moved.realm, "another process sees it in its next transaction");
    let refused = advance(&db, Live, DAY).await;
    assert!(matches!(refused, Err(Error::Refused(_))));
    let live = db.database.live.read(async |c| clock::show(c).await).await.unwrap();
    assert_eq!(live.realm, live.database);
}

#[tokio::test]
async fn no_role_moves_the_live_realm_s_clock_nor_any_clock_back() {
    let db = TestDb::new().await;
    advance(&db, Test, 2 * DAY).await.unwrap();
    let live = db.role(Live).await;
    for (sql, code) in [
        ("update clock set ahead_seconds = 1", "42P01"),
        ("create table clock (ahead_seconds bigint)", "42501"),
        ("create or replace function realm_now() returns timestamptz return now() + interval '1 day'", "42501"),
        ("alter function realm_now() set search_path to pg_temp", "42501"),
        ("drop function realm_now()", "42501"),
        ("update test.clock set ahead_seconds = 1", "42501"),
        ("select test.realm_now()", "42501"),
    ] {
        assert_eq!(refused(&live, sql).await, code, "{sql}");
    }
    // Its own session may have another function of that name; what the program asks is the schema's, which comes first.
    live.batch_execute("create function pg_temp.realm_now() returns timestamptz return now() + interval '1 day'")
        .await
        .unwrap();
    assert!(live.query_one("select realm_now() = now()", &[]).await.unwrap().get::<_, bool>(0));
    let test = db.role(Test).await;
    for (sql, code) in [
        ("update clock set ahead_seconds = ahead_seconds - 1", "CK001"),
        ("update clock set ahead_seconds = 9000000000", "23514"),
        ("delete from clock", "42501"),
        ("insert into clock default values", "42501"),
        ("alter table clock disable trigger all", "42501"),
    ] {
        assert_eq!(refused(&test, sql).await, code, "{sql}");
    }
    let far = advance(&db, Test, Duration::from_secs(3_155_760_000)).await;
    assert!(matches!(far, Err(Error::Refused(_))), "a century at the most: {far:?}");
}

#[tokio::test]
async fn orders_and_invoices_are_of_the_realm_s_day_and_the_sweep_goes_by_the_database_s() {
    let db = TestDb::with_demo_catalogue().await;
    let tester = db.customer("test").of(Test).add().await;
    advance(&db, Test, 400 * DAY).await.unwrap();
    let realm = &db.database.test;
    assert!(try_place(realm, &tester, &hosting("young.lt"), Unpaid::Refuse).await.is_ok());
    advance(&db, Test, 400 * DAY).await.unwrap();
    for (what, of) in [("orders", "created_at"), ("invoice", "created_at"), ("invoice", "paid_at")] {
        let ahead =
            format!("select ({of} - now()) between interval '399 days' and interval '401 days' from test.{what}");
        assert!(db.value::<bool>(&ahead).await, "{what}.{of}");
    }
    assert!(db.value::<bool>("select start_day - current_date between 399 and 401 from test.orders").await);
    let swept = realm.transaction("sweep", async |tx| sweep::test_realm(tx).await).await.unwrap();
    assert_eq!(swept, 0, "it was ordered a moment ago, whatever the realm's clock says");
    assert!(db.value::<bool>("select run_at <= now() from test.task").await, "the queue goes by the database's clock");
}
