//! Bringing catalogues into force.

use domain::{
    catalogue::{Catalogue, Vid},
    money::{Currency, Money},
};
use store::{Error, catalogue};
use testkit::TestDb;

use crate::acts::{balance, hosting, place};

#[tokio::test]
async fn orders_are_placed_from_the_catalogue_in_force() {
    let db = TestDb::new().await;
    let ann = db.customer("ann").credit("100.00").add().await;
    assert_eq!(catalogue::in_force(&db.settings).await.unwrap(), Catalogue::empty(Currency::EUR));
    let mut new = TestDb::demo_catalogue();
    db.apply_catalogue(&new).await;
    assert_eq!(catalogue::in_force(&db.settings).await.unwrap(), new);
    place(&db.database, &ann, &hosting("one.lt")).await;
    let start = new.tariffs.iter_mut().find(|tariff| tariff.id.0 == 1).unwrap();
    start.monthly = Money::minor(400, Currency::EUR);
    db.apply_catalogue(&new).await;
    place(&db.database, &ann, &hosting("two.lt")).await;
    assert_eq!(balance(&db.database, &ann).await, 10_000 - 300 - 400);
    db.verify_books().await;
}

#[tokio::test]
async fn a_tariff_never_changes_its_kind() {
    let db = TestDb::with_demo_catalogue().await;
    let mut new = TestDb::demo_catalogue();
    new.tariffs[0].vid = Vid::Vds;
    let refused = catalogue::apply(&db.settings, &new, "").await;
    assert!(matches!(refused, Err(Error::Refused(_))));
    assert_eq!(catalogue::in_force(&db.settings).await.unwrap(), TestDb::demo_catalogue());
}
