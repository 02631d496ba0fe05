//! What opens the gateway to customers, and how staff change it.

use domain::{language::Language, money::Currency};
use store::{
    Error, customers,
    customers::{Credentials, CustomerChange},
};
use testkit::TestDb;

async fn credentials(db: &TestDb, login: &str) -> Option<Credentials> {
    db.database.live.read(async |c| customers::credentials(c, login).await).await.unwrap()
}

#[tokio::test]
async fn a_login_is_told_from_another_by_case_and_taken_once() {
    let db = TestDb::new().await;
    let ann = db.customer("ann").vat("21").currency(Currency::JPY).language(Language::Lt).add().await;
    let found = credentials(&db, "ann").await.unwrap();
    assert_eq!((found.customer, found.currency, found.vat), (ann.customer, Currency::JPY, ann.vat));
    assert!(found.open && found.key_digests.is_empty() && found.networks.is_empty() && found.password_hash.is_none());
    assert!(credentials(&db, "Ann").await.is_none());
    let add = async |login: &str| {
        let new = customers::NewCustomer {
            login: login.to_owned(),
            currency: Currency::EUR,
            language: Language::En,
            vat: None,
            api: true,
            password_hash: None,
            demo: false,
        };
        db.database.live.transaction("add", async |tx| customers::add(tx, &new).await).await
    };
    for taken in ["ann", "", "a b", "a\tb", &"x".repeat(65)] {
        assert!(matches!(add(taken).await, Err(Error::Refused(_))), "{taken:?}");
    }
    let longest = "ё".repeat(64);
    add(&longest).await.unwrap();
    let all = db.database.live.read(async |c| customers::list(c).await).await.unwrap();
    assert_eq!(all.len(), 2);
    assert!(!db.database.live.read(async |c| customers::demo_exists(c).await).await.unwrap());
}

#[tokio::test]
async fn every_change_of_what_opens_the_gateway_counts_the_version_up() {
    let db = TestDb::new().await;
    let ann = db.customer("ann").key("first-key").password("secret").network("10.0.0.0/8").add().await;
    let live = &db.database.live;
    let before = credentials(&db, "ann").await.unwrap();
    assert_eq!((before.key_digests.len(), before.networks.len()), (1, 1));
    let closed = CustomerChange { disabled: Some(true), ..CustomerChange::default() };
    live.transaction("close", async |tx| customers::set(tx, "ann", &closed).await).await.unwrap();
    let after = credentials(&db, "ann").await.unwrap();
    assert!(!after.open && after.version > before.version);

    let id = live.transaction("issue", async |tx| customers::issue_key(tx, ann.customer, &[2; 32], "vk_2").await);
    let id = id.await.unwrap();
    let issued = credentials(&db, "ann").await.unwrap();
    assert!(issued.key_digests.len() == 2 && issued.version > after.version);
    let revoke =
        async || live.transaction("revoke", async |tx| customers::revoke_key(tx, ann.customer, id).await).await;
    revoke().await.unwrap();
    assert!(matches!(revoke().await, Err(Error::NotFound(_))));
    let revoked = credentials(&db, "ann").await.unwrap();
    assert!(revoked.key_digests == before.key_digests && revoked.version > issued.version);
    let keys = live.read(async |c| customers::keys(c, ann.customer).await).await.unwrap();
    assert_eq!(keys.iter().filter(|key| key.revoked_at.is_some()).count(), 1);

    let unknown = live.transaction("set", async |tx| customers::set(tx, "bob", &CustomerChange::default()).await);
    assert!(matches!(unknown.await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn networks_come_and_go() {
    let db = TestDb::new().await;
    let ann = db.customer("ann").add().await;
    let live = &db.database.live;
    let network = "2001:db8::/32".parse().unwrap();
    for _ in 0..2 {
        live.transaction("allow", async |tx| customers::allow(tx, ann.customer, network).await).await.unwrap();
    }
    let allowed = live.read(async |c| customers::allowed(c, ann.customer).await).await.unwrap();
    assert_eq!(allowed, [network]);
    let disallow =
        async || live.transaction("disallow", async |tx| customers::disallow(tx, ann.customer, network).await).await;
    disallow().await.unwrap();
    assert!(matches!(disallow().await, Err(Error::NotFound(_))));
    assert!(credentials(&db, "ann").await.unwrap().networks.is_empty());
}
