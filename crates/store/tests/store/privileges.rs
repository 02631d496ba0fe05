//! What the realms' roles may not do: whatever goes wrong in the program, it can't do it either.

use store::RealmKind::{Live, Test};
use testkit::TestDb;

use crate::{
    acts::{balance, hosting, place},
    refusals::refused,
};

/// Insufficient privilege.
const DENIED: &str = "42501";

async fn books() -> TestDb {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("100.00").add().await;
    place(&db.database, &ann, &hosting("example.lt")).await;
    db
}

#[tokio::test]
async fn the_live_role_writes_to_the_ledger_through_its_functions_only() {
    let db = books().await;
    let live = db.role(Live).await;
    for sql in [
        "update account set balance = 1000000 where kind = 'credit'",
        "update account set version = 0",
        "insert into account (kind, currency) values ('cash', 'USD')",
        "delete from account",
        "insert into journal (kind, ref_type, ref_id) values ('deposit', 'movement', 99)",
        "insert into entry (journal_id, line, account_id, currency, amount) values (1, 9, 1, 'EUR', 5)",
        "update journal set note = ''",
        "update entry set amount = 1",
        "delete from journal",
        "delete from entry",
        "truncate journal, entry",
        "delete from orders",
        "delete from invoice",
        "update invoice_line set gross = 0",
        "delete from service_period",
        "insert into revision (document) values ('{}')",
    ] {
        assert_eq!(refused(&live, sql).await, DENIED, "{sql}");
    }
    db.verify_books().await;
}

#[tokio::test]
async fn the_live_role_can_t_switch_the_guards_off() {
    let db = books().await;
    let live = db.role(Live).await;
    for sql in [
        "set session_replication_role = replica",
        "alter table journal disable trigger all",
        "drop trigger journal_append_only on journal",
        "create or replace function refuse_change() returns trigger language plpgsql as 'begin return new; end'",
        "alter table account drop constraint account_not_overdrawn",
        "create table live.more (x int)",
        "set role vartai",
        "set session authorization vartai",
        "alter role vartai_live superuser",
        "create role mallory",
        "select pg_read_file('/etc/passwd')",
        "copy customer to program 'cat'",
    ] {
        assert_eq!(refused(&live, sql).await, DENIED, "{sql}");
    }
    db.verify_books().await;
}

#[tokio::test]
async fn temporary_tables_don_t_deceive_the_ledger_s_functions() {
    let db = books().await;
    let ann = store::orders::Buyer {
        customer: domain::customers::CustomerId(1),
        currency: domain::money::Currency::EUR,
        vat: domain::vat::VatStanding::fixed(domain::money::Percent::ZERO),
    };
    let live = db.role(Live).await;
    live.batch_execute(
        "create temp table account (like live.account); create temp table journal (like live.journal); \
         create temp table entry (like live.entry); set search_path to pg_temp, live, catalogue; \
         select live.post('deposit', 'movement', 100, 0, 1, '', array[ \
           (select id from live.account where customer_id = 1 and kind = 'credit'), \
           (select id from live.account where kind = 'cash')], array[100, -100])",
    )
    .await
    .unwrap();
    let deceived = "select (select count(*) from pg_temp.journal) + (select count(*) from pg_temp.entry)";
    assert_eq!(live.query_one(deceived, &[]).await.unwrap().get::<_, i64>(0), 0);
    assert_eq!(balance(&db.database, &ann).await, 9_800);
    db.verify_books().await;
}

#[tokio::test]
async fn the_test_role_moves_no_money_and_sees_nothing_of_the_live_realm() {
    let db = books().await;
    let test = db.role(Test).await;
    for sql in [
        "select post('deposit', 'movement', 1, 0, null, '', '{1,2}', '{1,-1}')",
        "select open_account(null, 'cash', 'EUR')",
        "select * from lock_wallets(1)",
        "insert into account (kind, currency) values ('cash', 'EUR')",
        "insert into journal (kind, ref_type, ref_id) values ('deposit', 'movement', 1)",
        "select * from live.customer",
        "select live.post('deposit', 'movement', 1, 0, null, '', '{1,2}', '{1,-1}')",
        "insert into live.customer (login, currency) values ('eve', 'EUR')",
        "update live.orders set state = 'active'",
        "insert into live.task (order_id, operation, state) values (1, 'server_destroy', 'queued')",
        "select nextval('live.movement_id')",
        "set role vartai_live",
        "set role vartai",
        "set session authorization vartai_live",
        "grant usage on schema live to vartai_test",
    ] {
        assert_eq!(refused(&test, sql).await, DENIED, "{sql}");
    }
    // Giving up a role that was never taken changes nothing.
    test.batch_execute("reset role; reset session authorization; set role none").await.unwrap();
    let who: String = test.query_one("select current_user::text", &[]).await.unwrap().get(0);
    assert_eq!(who, "vartai_test");
    assert_eq!(refused(&test, "select * from live.account").await, DENIED);
    db.verify_books().await;
}

#[tokio::test]
async fn the_live_role_sees_nothing_of_the_test_realm() {
    let db = books().await;
    let live = db.role(Live).await;
    for sql in ["select * from test.customer", "insert into test.customer (login, currency) values ('eve', 'EUR')"] {
        assert_eq!(refused(&live, sql).await, DENIED, "{sql}");
    }
}
