//! The VAT of invoices: decided by who buys, and kept as it was at issue.

use std::collections::BTreeMap;

use domain::{
    customers::Prices,
    orders::{OrderId, Unpaid},
    vat::VatRules,
};
use jiff::civil::date;
use store::{
    Database,
    customers::{self, CustomerChange, Profile},
    db::Rules,
    invoices::InvoiceRow,
    orders::Buyer,
};
use testkit::TestDb;

use crate::acts::{hosting, invoices_of, place, renewal, try_renew};

/// A company in Lithuania that charges Germany's VAT to who lives there, and adds it to its prices.
fn company(db: &TestDb) -> Database {
    let rate = |percent: &str| BTreeMap::from([(date(2009, 9, 1), percent.parse().unwrap())]);
    let rates = [("LT", rate("21")), ("DE", rate("19"))].map(|(code, rates)| (code.parse().unwrap(), rates));
    let vat = VatRules::new("LT".parse().unwrap(), rates.into()).unwrap();
    Database::open(&db.settings, 4, db.keys.clone(), Rules { prices: Prices::Net, vat: Some(vat), ..TestDb::rules() })
        .unwrap()
}

/// The buyer as the gateway sees it, after its profile was written.
async fn of(db: &TestDb, buyer: Buyer, country: &str, vat_code: Option<&str>) -> Buyer {
    let profile = Profile {
        country: Some(country.to_owned()),
        vat_code: vat_code.map(str::to_owned),
        company: vat_code.map(|_| "Someone, GmbH".to_owned()),
        ..Profile::default()
    };
    let live = &db.database.live;
    live.transaction("profile", async |tx| customers::set_profile(tx, buyer.customer, &profile).await).await.unwrap();
    let vat = live.read(async |c| customers::vat_standing(c, buyer.customer).await).await.unwrap();
    Buyer { vat, ..buyer }
}

async fn newest(db: &TestDb, order: OrderId) -> InvoiceRow {
    invoices_of(&db.database, order).await.pop().unwrap()
}

/// Rate in hundredths of a percent, ground, country, total.
fn told(of: &InvoiceRow) -> (i32, &str, &str, i64) {
    (of.vat_points, &of.vat_ground, of.vat_country.as_deref().unwrap_or_default(), of.total)
}

#[tokio::test]
async fn an_invoice_has_the_vat_of_who_buys() {
    let db = TestDb::with_demo_catalogue().await;
    let company = company(&db);
    for (login, country, vat_code, expected) in [
        ("home", "LT", None, (2_100, "seller", "LT", 363)),
        ("german", "DE", None, (1_900, "destination", "DE", 357)),
        ("gmbh", "DE", Some("DE123456789"), (0, "reverse_charge", "DE", 300)),
        ("mistyped", "DE", Some("DE12345678"), (1_900, "destination", "DE", 357)),
        ("latvian", "LV", None, (2_100, "seller", "LT", 363)),
        ("ukrainian", "UA", None, (0, "export", "UA", 300)),
    ] {
        let buyer = of(&db, db.customer(login).credit("100.00").add().await, country, vat_code).await;
        let order = place(&company, &buyer, &hosting(&format!("{login}.lt"))).await;
        assert_eq!(told(&newest(&db, order).await), expected, "{login}");
    }
    db.verify_books().await;
}

#[tokio::test]
async fn what_was_issued_stays_when_the_customer_moves() {
    let db = TestDb::with_demo_catalogue().await;
    let company = company(&db);
    let ann = of(&db, db.customer("ann").credit("100.00").add().await, "LT", None).await;
    let order = place(&company, &ann, &hosting("example.lt")).await;
    let issued = newest(&db, order).await;
    let ann = of(&db, ann, "DE", Some("DE123456789")).await;
    assert!(try_renew(&company, &ann, order, &renewal(1), Unpaid::Refuse).await.is_ok());
    let renewed = newest(&db, order).await;
    assert_eq!(told(&renewed), (0, "reverse_charge", "DE", 300));
    assert_eq!(told(&invoices_of(&db.database, order).await[0]), told(&issued));

    let rate = CustomerChange { vat: Some(Some("5".parse().unwrap())), ..CustomerChange::default() };
    let rules = CustomerChange { vat: Some(None), ..CustomerChange::default() };
    for (change, expected) in [(rate, (500, "fixed", "", 315)), (rules, (0, "reverse_charge", "DE", 300))] {
        let set = async |tx: &mut store::Tx| customers::set(tx, "ann", &change).await;
        db.database.live.transaction("set", set).await.unwrap();
        let vat = db.database.live.read(async |c| customers::vat_standing(c, ann.customer).await).await.unwrap();
        assert!(try_renew(&company, &Buyer { vat, ..ann }, order, &renewal(1), Unpaid::Refuse).await.is_ok());
        assert_eq!(told(&newest(&db, order).await), expected);
    }
    db.verify_books().await;
}
