//! Who sold and who bought stays on an invoice as it was when it was issued.

use domain::{
    billing::{InvoiceId, Party},
    customers::CustomerId,
    language::Language,
    orders::OrderId,
};
use store::{
    Database,
    customers::{self, CustomerChange, Profile},
    db::Rules,
    invoices::{self, InvoiceRow, PaidFrom, Parties},
    orders::Buyer,
};
use testkit::TestDb;

use crate::acts::{hosting, invoices_of, place, try_pay};

/// Writes the customer's profile anew.
async fn called(db: &TestDb, buyer: &Buyer, company: &str) {
    let profile = Profile {
        company: Some(company.to_owned()),
        vat_code: Some(format!("LT{}", company.len())),
        address: Some("Ąžuolų g. 1".to_owned()),
        zip: Some("LT-01100".to_owned()),
        city: Some("Vilnius".to_owned()),
        country: Some("LT".to_owned()),
        bank_account: Some("not for invoices".to_owned()),
        ..Profile::default()
    };
    let set = async |tx: &mut store::Tx| customers::set_profile(tx, buyer.customer, &profile).await;
    db.database.live.transaction("profile", set).await.unwrap();
}

/// The same database, by a company of another name.
fn of_company(db: &TestDb, name: &str) -> Database {
    let rules = Rules { seller: Party { name: name.to_owned(), ..Party::default() }, ..TestDb::rules() };
    Database::open(&db.settings, 4, db.keys.clone(), rules).unwrap()
}

async fn parties(db: &TestDb, invoice: &InvoiceRow) -> Parties {
    let id = InvoiceId(invoice.id);
    db.database.live.read(async |c| invoices::of_invoice(c, id).await).await.unwrap()
}

async fn only_invoice(db: &TestDb, order: OrderId) -> InvoiceRow {
    invoices_of(&db.database, order).await.remove(0)
}

fn names(of: &Parties) -> (&str, &str) {
    (of.seller.as_ref().map_or("", |seller| seller.name.as_str()), of.buyer.name.as_str())
}

#[tokio::test]
async fn a_paid_invoice_says_who_they_were_whatever_they_become() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("100.00").vat("21").add().await;
    let unnamed = only_invoice(&db, place(&of_company(&db, "First"), &ann, &hosting("none.lt")).await).await;
    called(&db, &ann, "UAB „Pirmoji“").await;
    let order = place(&of_company(&db, "First"), &ann, &hosting("example.lt")).await;
    let invoice = only_invoice(&db, order).await;
    let issued = parties(&db, &invoice).await;
    let buyer = Party {
        name: "UAB „Pirmoji“".to_owned(),
        vat_code: Some("LT17".to_owned()),
        address: ["Ąžuolų g. 1", "LT-01100 Vilnius", "LT"].map(str::to_owned).to_vec(),
        ..Party::default()
    };
    assert_eq!((names(&issued).0, &issued.buyer, issued.language), ("First", &buyer, Language::En));

    called(&db, &ann, "UAB „Antroji“").await;
    let change = CustomerChange {
        language: Some(Language::Lt),
        vat: Some(Some(domain::money::Percent::ZERO)),
        api: None,
        disabled: None,
        ..CustomerChange::default()
    };
    let set = async |tx: &mut store::Tx| customers::set(tx, "ann", &change).await;
    db.database.live.transaction("set", set).await.unwrap();
    let store = of_company(&db, "Second");
    let number = async |tx: &mut store::Tx| invoices::number(tx, "VRT").await;
    store.live.transaction("number", number).await.unwrap();
    let numbered = only_invoice(&db, order).await;
    assert!(numbered.number.is_some());
    assert_eq!(parties(&db, &numbered).await, issued);
    assert_eq!((numbered.vat_points, numbered.total), (2_100, 300));
    let lines = db.database.live.read(async |c| invoices::lines(c, InvoiceId(numbered.id)).await).await.unwrap();
    assert_eq!((lines[0].net, lines[0].vat), (248, 52), "the VAT is that of the issue");
    assert_eq!(names(&parties(&db, &unnamed).await), ("First", "ann"), "whose name was not known then");

    let later = Buyer { vat: domain::vat::VatStanding::fixed(domain::money::Percent::ZERO), ..ann };
    let next = only_invoice(&db, place(&store, &later, &hosting("next.lt")).await).await;
    let shown = parties(&db, &next).await;
    assert_eq!((names(&shown), shown.language), (("Second", "UAB „Antroji“"), Language::Lt));
    db.verify_books().await;
}

#[tokio::test]
async fn a_proforma_says_who_they_were_and_the_invoice_who_they_are_when_it_is_paid() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").vat("21").add().await;
    called(&db, &ann, "Before").await;
    let order = place(&of_company(&db, "First"), &ann, &hosting("example.lt")).await;
    called(&db, &ann, "After").await;
    db.run_sql("update live.customer set vat_points = 0, language = 'lt'").await;
    let proforma = only_invoice(&db, order).await;
    assert_eq!(names(&parties(&db, &proforma).await), ("First", "Before"));

    let store = of_company(&db, "Second");
    let paid = try_pay(&store, InvoiceId(proforma.id), PaidFrom::Outside).await.unwrap();
    let issued = parties(&db, &paid).await;
    assert_eq!((names(&issued), issued.language), (("Second", "After"), Language::Lt));
    assert_eq!((paid.total, paid.vat_points), (300, 2_100), "what was agreed on stays");
    called(&db, &ann, "Later").await;
    assert_eq!(parties(&db, &paid).await, issued);
    db.verify_books().await;
}

#[tokio::test]
async fn what_was_issued_before_keeps_the_buyer_of_the_upgrade_and_no_seller() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("5.00").add().await;
    let paid = place(&db.database, &ann, &hosting("paid.lt")).await;
    let unpaid = place(&db.database, &ann, &hosting("unpaid.lt")).await;
    let number = async |tx: &mut store::Tx| invoices::number(tx, "VRT").await;
    db.database.live.transaction("number", number).await.unwrap();
    called(&db, &ann, "On that day").await;
    // Back to the release before, and forward again.
    let back = "begin; set local search_path to live, catalogue, pg_temp; drop table credit_note_line, credit_note cascade; \
        drop function party_of, freeze_buyer, credit_note_begins, credit_note_is_settled, credit_note_must_be_open, \
          credit_note_must_add_up cascade; \
        alter table invoice drop column seller, drop column buyer, drop column language; commit";
    db.run_sql(back).await;
    let forward = include_str!("../../../../migrations/realm/0009_parties_and_credit_notes/up.sql");
    db.run_sql(&format!("begin; set local search_path to live, catalogue, pg_temp; {forward} commit")).await;
    called(&db, &ann, "Today").await;
    for order in [paid, unpaid] {
        assert_eq!(names(&parties(&db, &only_invoice(&db, order).await).await), ("", "On that day"));
    }
    let owed = only_invoice(&db, unpaid).await;
    // Those who log in by name are told apart from the rest by their own migration's grants.
    store::db::grant_roles(&db.settings).await.unwrap();
    try_pay(&db.database, InvoiceId(owed.id), PaidFrom::Outside).await.unwrap();
    assert_eq!(names(&parties(&db, &owed).await), ("Debesų prieglauda, UAB", "Today"));
    db.verify_books().await;
}

#[tokio::test]
async fn a_role_writes_no_other_buyer_than_the_customer() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").add().await;
    called(&db, &ann, "Ann").await;
    let order = place(&db.database, &ann, &hosting("example.lt")).await;
    let owed = only_invoice(&db, order).await;
    let live = db.role(store::RealmKind::Live).await;
    let forged = "update invoice set status = 'paid', paid_at = now(), buyer = '{\"name\": \"Eve\"}', language = 'lt'";
    live.batch_execute(forged).await.unwrap();
    let shown = parties(&db, &owed).await;
    assert_eq!((names(&shown).1, shown.language), ("Ann", Language::En));
    assert_eq!(ann.customer, CustomerId(owed.customer_id));
}
