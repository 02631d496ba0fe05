//! Scratch realms: what is run in them reaches nothing else, and nothing is left of them.

use domain::orders::Unpaid;
use store::{RealmKind, customers, db::Scratch};
use testkit::TestDb;
use tokio_postgres::{Client, NoTls};

use crate::{
    acts::{hosting, place, vds},
    refusals::refused,
};

/// Insufficient privilege.
const DENIED: &str = "42501";

const SCHEMAS: &str = "select coalesce(string_agg(nspname, ' ' order by nspname), '') from pg_namespace \
                       where nspname like 'scratch%'";

async fn scratch(db: &TestDb) -> Scratch {
    Scratch::create(&db.settings, TestDb::rules()).await.unwrap()
}

/// A session of the role that works in scratch realms.
async fn role(db: &TestDb) -> Client {
    let (client, connection) = db.settings.owner.clone().user("vartai_scratch").connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scratch_role_reaches_neither_live_nor_test() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("100.00").add().await;
    place(&db.database, &ann, &hosting("example.lt")).await;
    let made = scratch(&db).await;
    let role = role(&db).await;
    for schema in ["live", "test"] {
        for sql in ["select * from X.customer", "insert into X.task (order_id) values (1)", "select X.post()"] {
            assert_eq!(refused(&role, &sql.replace('X', schema)).await, DENIED, "{sql} in {schema}");
        }
    }
    for sql in ["insert into catalogue.revision (document) values ('{}')", "set role vartai_live", "set role vartai"] {
        assert_eq!(refused(&role, sql).await, DENIED, "{sql}");
    }
    for other in [db.role(RealmKind::Live).await, db.role(RealmKind::Test).await] {
        assert_eq!(refused(&other, &format!("select * from {}_test.customer", made.name())).await, DENIED);
    }
    made.remove().await.unwrap();
    db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scratch_live_realm_charges_but_queues_nothing_and_a_scratch_test_realm_orders() {
    let db = TestDb::with_demo_catalogue().await;
    let made = scratch(&db).await;
    let role = role(&db).await;
    let queue = format!("insert into {}_live.task (order_id, operation, state) values (1, 'x', 'queued')", made.name());
    assert_eq!(refused(&role, &queue).await, DENIED);
    let test = &made.database.test;
    let added = test.transaction("add", async |tx| customers::ensure_test_customer(tx, "test", "no hash").await).await;
    added.unwrap();
    let tester = test.read(async |c| customers::by_login(c, "test").await).await.unwrap();
    let buyer = store::orders::Buyer {
        customer: tester.customer(),
        currency: domain::money::Currency::EUR,
        vat: domain::vat::VatStanding::fixed(domain::money::Percent::ZERO),
    };
    let placed = test.transaction("order", async |tx| {
        store::orders::place(tx, &buyer, &vds(), Unpaid::Accept).await.map_err(|_| store::Error::NotFound("?".into()))
    });
    placed.await.unwrap();
    let of = |schema: &str| format!("select count(*) from {schema}.orders");
    assert_eq!(db.value::<i64>(&of(&format!("{}_test", made.name()))).await, 1);
    assert_eq!((db.value::<i64>(&of("live")).await, db.value::<i64>(&of("test")).await), (0, 0));
    made.remove().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_scratch_realm() {
    let db = TestDb::with_demo_catalogue().await;
    let made = scratch(&db).await;
    let name = made.name().to_owned();
    assert_eq!(db.value::<String>(SCHEMAS).await, format!("{name}_live {name}_test"));
    made.remove().await.unwrap();
    assert_eq!(db.value::<String>(SCHEMAS).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_that_died_left_is_swept_and_what_is_in_use_is_not() {
    let db = TestDb::with_demo_catalogue().await;
    let (dead, living) = (scratch(&db).await, scratch(&db).await);
    let (died, lives) = (dead.name().to_owned(), living.name().to_owned());
    drop(dead);
    let gone = "select count(*) from pg_locks where locktype = 'advisory' and granted and database = \
                (select oid from pg_database where datname = current_database())";
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while db.value::<i64>(gone).await > 1 {
        assert!(std::time::Instant::now() < deadline, "the dead one's session still holds its lock");
        tokio::task::yield_now().await;
    }
    let next = scratch(&db).await;
    let left: String = db.value(SCHEMAS).await;
    assert!(!left.contains(&died), "{left}");
    assert!(left.contains(&lives) && left.contains(next.name()), "{left}");
    living.remove().await.unwrap();
    next.remove().await.unwrap();
}
