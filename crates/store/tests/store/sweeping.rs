//! The test realm: its balance, its bounds and its sweeping; and the sweeping of saved answers.

use domain::orders::{Payment, PlaceError, Unpaid};
use store::{
    Error, Realm, RealmKind, ledger,
    orders::{self, OrderFilter, PlaceFailure},
    saved_answers::{self, RequestClaim},
    sweep,
    tasks::{self, ClaimedTask, Simulated},
};
use testkit::TestDb;

use crate::acts::{claim, hosting, succeed, try_place, vds};

/// Makes the simulated machine that a task wants.
async fn make(realm: &Realm, task: &ClaimedTask) {
    let done = realm.transaction("apply", async |tx| tasks::apply_simulated(tx, task).await).await.unwrap();
    assert_eq!(done, Simulated::Done);
    let made = realm.read(async |c| tasks::simulated(c, task.lease.order).await).await.unwrap();
    assert!(made.is_some_and(|machine| machine.running));
}

#[tokio::test]
async fn nothing_is_charged_in_the_test_realm() {
    let db = TestDb::with_demo_catalogue().await;
    let tester = db.customer("test").of(RealmKind::Test).add().await;
    let realm = &db.database.test;
    let placed = try_place(realm, &tester, &vds(), Unpaid::Refuse).await.unwrap_or_else(|e| panic!("{e:?}"));
    assert_eq!((placed.placement.payment, placed.placement.invoice.total.in_minor()), (Payment::Free, 1_490));
    let left = realm.read(async |c| ledger::balance(c, RealmKind::Test, tester.customer, tester.currency).await);
    assert_eq!(left.await.unwrap().balance().unwrap().in_minor(), 100_000);
    let mut dear = vds();
    dear.tariff = domain::field::Field::Given(domain::catalogue::TariffId(30));
    dear.vid = domain::field::Field::Given(domain::catalogue::Vid::Dedicated);
    dear.addons.clear();
    assert!(try_place(realm, &tester, &dear, Unpaid::Refuse).await.is_ok());
    dear.period = domain::field::Field::Given(crate::acts::months(12));
    assert!(try_place(realm, &tester, &dear, Unpaid::Refuse).await.is_ok());
    let mut catalogue = TestDb::demo_catalogue();
    let tariff = catalogue.tariffs.iter_mut().find(|tariff| tariff.id.0 == 30).unwrap();
    tariff.setup = domain::money::Money::minor(100_001, tester.currency);
    db.apply_catalogue(&catalogue).await;
    let refused = try_place(realm, &tester, &dear, Unpaid::Refuse).await;
    assert!(matches!(refused.err(), Some(PlaceFailure::Decided(PlaceError::NotEnough))));
    let task = claim(realm).await.unwrap();
    make(realm, &task).await;
    assert!(succeed(realm, &task).await);
    assert_eq!(db.value::<i64>("select count(*) from live.orders").await, 0);
    db.verify_books().await;
}

#[tokio::test]
async fn the_test_realm_s_old_orders_are_swept_with_all_that_is_theirs() {
    let db = TestDb::with_demo_catalogue().await;
    let tester = db.customer("test").of(RealmKind::Test).add().await;
    let realm = &db.database.test;
    for request in [vds(), hosting("old.lt"), hosting("busy.lt"), hosting("young.lt")] {
        assert!(try_place(realm, &tester, &request, Unpaid::Refuse).await.is_ok());
    }
    let made = claim(realm).await.unwrap();
    make(realm, &made).await;
    assert!(succeed(realm, &made).await);
    db.run_sql("update test.orders set entered_at = now() - interval '25 hours' where domain_ascii is distinct from 'young.lt'; \
        update test.task set state = 'running', lease_owner = gen_random_uuid(), lease_until = now() \
        where order_id = (select id from test.orders where domain_ascii = 'busy.lt')").await;
    let sweep = async || realm.transaction("sweep", async |tx| sweep::test_realm(tx).await).await.unwrap();
    assert_eq!(sweep().await, 2);
    assert_eq!(sweep().await, 0);
    let left = realm.read(async |c| orders::list(c, &OrderFilter::default()).await).await.unwrap();
    let left: Vec<_> = left.iter().filter_map(|order| order.domain.as_deref()).collect();
    assert_eq!(left, ["busy.lt", "young.lt"]);
    for table in ["order_addon", "server", "simulated_server"] {
        assert_eq!(db.value::<i64>(&format!("select count(*) from test.{table}")).await, 0, "{table}");
    }
    for table in ["task", "invoice", "invoice_line", "service_period"] {
        assert_eq!(db.value::<i64>(&format!("select count(*) from test.{table}")).await, 2, "{table}");
    }
    let refused = db.database.live.transaction("sweep", async |tx| sweep::test_realm(tx).await).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "only the test realm");
}

#[tokio::test]
async fn answers_are_swept_after_a_day() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").add().await;
    let live = &db.database.live;
    for request_id in ["old", "young"] {
        let claim = RequestClaim { customer: ann.customer, request_id: request_id.to_owned(), hash: [1; 32] };
        let answered = live.transaction("answer", async |tx| {
            saved_answers::claim(tx, &claim).await?;
            saved_answers::save(tx, &claim, b"secret").await
        });
        answered.await.unwrap();
    }
    let sealed: Vec<u8> = db.value("select answer from live.saved_answer limit 1").await;
    assert!(!sealed.windows(6).any(|bytes| bytes == b"secret"));
    db.run_sql("update live.saved_answer set created_at = now() - interval '25 hours' where request_id = 'old'").await;
    let swept = live.transaction("sweep", async |tx| sweep::saved_answers(tx).await).await.unwrap();
    assert_eq!(swept, 1);
    assert_eq!(db.value::<String>("select string_agg(request_id, ',') from live.saved_answer").await, "young");
}
