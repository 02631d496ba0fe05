//! Statements out of the ledger: sealed once, whoever seals, and every change found.

use ::statements::{PublicKeys, verify};
use domain::{
    money::Currency::EUR,
    orders::Unpaid,
    vat::{VatAddress, VatStanding},
};
use futures_util::future::join_all;
use store::{
    Error, RealmKind, Tx,
    customers::{self, CustomerRow},
    orders::Buyer,
    statements::{Period, export, published, rotate, seal, seal_all, unsealed},
};
use testkit::TestDb;

use crate::{
    acts::{deposit, hosting, place, renewal, try_renew},
    refusals::refused,
};

/// Ann has four entries of credit and two of bonus; bob one of credit.
async fn books() -> TestDb {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("4.00").bonus("5.00").add().await;
    let id = place(&db.database, &ann, &hosting("žąsis.lt")).await;
    assert!(try_renew(&db.database, &ann, id, &renewal(1), Unpaid::Refuse).await.is_ok());
    deposit(&db.database.live, &ann, 700).await.unwrap();
    db.customer("bob").credit("1.00").add().await;
    db
}

async fn of(db: &TestDb, login: &str) -> CustomerRow {
    db.database.live.read(async |c| customers::by_login(c, login).await).await.unwrap()
}

async fn buyer(db: &TestDb, login: &str) -> Buyer {
    let vat = VatStanding::of(None, VatAddress::default());
    Buyer { customer: of(db, login).await.customer(), currency: EUR, vat }
}

async fn keys(db: &TestDb) -> PublicKeys {
    db.database.live.transaction("keys", async |tx| published(tx).await).await.unwrap()
}

async fn statement(db: &TestDb, login: &str, period: Period) -> Result<String, Error> {
    let of = of(db, login).await;
    db.database.live.transaction("export", async |tx| export(tx, &of, period).await).await
}

async fn findings(db: &TestDb, login: &str) -> Vec<String> {
    let text = statement(db, login, Period::default()).await.unwrap();
    verify(&text, Some(&keys(db).await)).unwrap().findings.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn workers_that_seal_at_once_make_one_chain() {
    let db = books().await;
    let live = &db.database.live;
    db.run_sql("alter table live.journal disable trigger all; update live.journal set created_at = now() - interval '2 hours'; \
        alter table live.journal enable trigger all").await;
    assert_eq!(live.read(async |c| unsealed(c).await).await.unwrap(), 7);
    keys(&db).await;
    let sealed = join_all((0..4).map(|_| seal_all(live, None))).await;
    assert!(sealed.iter().all(Result::is_ok), "{sealed:?}");
    assert_eq!(db.value::<i64>("select count(*) from live.sealed_entry").await, 7);
    assert_eq!(live.read(async |c| unsealed(c).await).await.unwrap(), 0);
    assert_eq!(seal_all(live, None).await.unwrap(), 0, "there is nothing left");
    assert_eq!(findings(&db, "ann").await, [""; 0]);
    let text = statement(&db, "ann", Period::default()).await.unwrap();
    assert_eq!(verify(&text, None).unwrap().entries, 6);
    assert!(text.contains("žąsis.lt") || text.contains("order 1"), "{text}");
    let bob = statement(&db, "bob", Period::default()).await.unwrap();
    assert_eq!(verify(&bob, None).unwrap().entries, 1);
    db.verify_books().await;
}

#[tokio::test]
async fn the_chain_goes_on_and_a_part_of_it_can_be_had() {
    let db = books().await;
    let live = &db.database.live;
    seal_all(live, None).await.unwrap();
    let first = statement(&db, "ann", Period::default()).await.unwrap();
    deposit(live, &buyer(&db, "ann").await, 100).await.unwrap();
    assert_eq!(seal_all(live, Some(of(&db, "ann").await.customer())).await.unwrap(), 1);
    let second = statement(&db, "ann", Period::default()).await.unwrap();
    let entries = |text: &str| {
        text.lines()
            .filter(|line| line.contains("\"signature\"") && !line.contains("\"end\""))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (first, second) = (entries(&first), entries(&second));
    assert!(first.iter().all(|line| second.contains(line)), "what was told before is told the same");
    let today = live.transaction("today", async |tx| Ok::<_, Error>(tx.today())).await.unwrap();
    let tomorrow = today.tomorrow().unwrap();
    let part = async |from, to| verify(&statement(&db, "ann", Period { from, to }).await.unwrap(), None).unwrap();
    assert_eq!(part(Some(tomorrow), None).await.entries, 0);
    assert_eq!(part(None, Some(today.yesterday().unwrap())).await.entries, 0);
    let all = part(Some(today), Some(today)).await;
    assert_eq!((all.entries, all.findings.len()), (7, 0));
}

#[tokio::test]
async fn a_ledger_that_was_changed_is_found_in_the_next_statement() {
    let change = |sql: &str| {
        format!(
            "alter table live.entry disable trigger all; alter table live.journal disable trigger all; {sql}; \
            alter table live.entry enable trigger all; alter table live.journal enable trigger all"
        )
    };
    for (sql, found) in [
        (
            "update live.entry set amount = amount + 1 where account_version = 2 and account_id = \
          (select id from live.account where customer_id = 1 and kind = 'credit')",
            "credit 2: what it says is not what was sealed",
        ),
        ("update live.journal set note = 'a present' where id = 1", "credit 1: what it says is not what was sealed"),
        (
            "update live.journal set created_at = created_at - interval '1 day' where kind = 'bonus'",
            "bonus 1: what it says is not what was sealed",
        ),
    ] {
        let db = books().await;
        seal_all(&db.database.live, None).await.unwrap();
        db.run_sql(&change(sql)).await;
        let all = findings(&db, "ann").await;
        assert!(all[0].contains(found), "{sql}: {all:?}");
        assert_eq!(findings(&db, "bob").await, [""; 0], "{sql}");
    }
    // An entry that is taken out with its seal.
    let db = books().await;
    seal_all(&db.database.live, None).await.unwrap();
    db.run_sql(
        "alter table live.sealed_entry disable trigger all; delete from live.sealed_entry where account_version = 2 \
        and account_id = (select id from live.account where customer_id = 1 and kind = 'credit')",
    )
    .await;
    let all = findings(&db, "ann").await;
    assert!(all[0].ends_with("credit 3: 2 is missing before it"), "{all:?}");
}

#[tokio::test]
async fn seals_follow_one_another_and_are_never_changed() {
    let db = books().await;
    let live = &db.database.live;
    seal_all(live, None).await.unwrap();
    let role = db.role(RealmKind::Live).await;
    for sql in [
        "update sealed_entry set hash = previous",
        "delete from sealed_entry",
        "update statement_key set public = private",
    ] {
        assert_eq!(refused(&role, sql).await, "42501", "{sql}");
    }
    let owner = db.owner().await;
    owner.batch_execute("set search_path to live, pg_temp").await.unwrap();
    assert_eq!(refused(&owner, "update sealed_entry set hash = previous").await, "LD001");
    assert_eq!(refused(&owner, "update statement_key set created_at = now() - interval '1 day'").await, "LD009");
    deposit(live, &buyer(&db, "bob").await, 100).await.unwrap();
    let forged = "insert into sealed_entry (account_id, account_version, previous, hash, key_id, signature) \
        select account_id, 2, decode(repeat('11', 32), 'hex'), hash, key_id, signature from sealed_entry \
        where account_id = (select id from account where customer_id = 2 and kind = 'credit')";
    assert_eq!(refused(&owner, forged).await, "LD008");
}

#[tokio::test]
async fn a_new_key_signs_and_the_old_one_s_signatures_stay_good() {
    let db = books().await;
    let live = &db.database.live;
    seal_all(live, None).await.unwrap();
    let old = keys(&db).await;
    let id = live.transaction("rotate", async |tx| rotate(tx).await).await.unwrap();
    deposit(live, &buyer(&db, "ann").await, 100).await.unwrap();
    seal_all(live, None).await.unwrap();
    let both = keys(&db).await;
    assert_eq!((old.0.len(), both.0.len(), both.0.contains_key(&id)), (1, 2, true));
    assert_eq!(findings(&db, "ann").await, [""; 0]);
    let text = statement(&db, "ann", Period::default()).await.unwrap();
    assert!(!verify(&text, Some(&old)).unwrap().findings.is_empty(), "who has only the old key can't tell");
    let rows: String = db.value("select string_agg(k::text, '') from live.statement_key k").await;
    assert!(
        !rows.is_empty()
            && db.value::<i64>("select count(*) from live.statement_key where retired_at is null").await == 1
    );
    let sealing = live.transaction("nothing", async |tx: &mut Tx| seal(tx, None).await).await.unwrap();
    assert_eq!(sealing, 0);
}
