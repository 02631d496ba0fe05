//! Who calls: test access, and a few customers of the scratch live realm whose accounts have something to show.

use std::cell::Cell;

use domain::{
    customers::CustomerId,
    language::Language,
    money::{Currency, Money},
};
use gateway_http::auth::{keys, password};
use secrecy::SecretString;
use store::{
    Database, Error, Tx,
    customers::{self, NewCustomer, NewTestKey, Profile},
    ledger::{Movement, move_money},
};

use super::NoExamples;

/// The login and password of test access.
pub(super) const TEST: &str = "test";
/// A customer with a history, and its API user; the password is the same word.
pub(super) const RESELLER: &str = "reseller";
/// A customer that can pay next to nothing.
pub(super) const POOR: &str = "poor";
/// A customer that the API is off for.
pub(super) const CLOSED: &str = "closed";
/// A customer that may call from elsewhere only.
pub(super) const FENCED: &str = "fenced";

/// The key of a customer of the scratch live realm.
pub(super) fn key_of(login: &str) -> String {
    format!("{login}-key")
}

/// The test key of a customer of the scratch live realm that is in test mode.
pub(super) fn test_key_of(login: &str) -> String {
    format!("test_{login}")
}

/// Adds them all.
pub(super) async fn add(db: &Database) -> Result<(), NoExamples> {
    let test = hash(TEST).await?;
    let reseller = hash(RESELLER).await?;
    let added =
        db.test.transaction("add test access", async |tx| customers::ensure_test_customer(tx, TEST, &test).await);
    added.await?;
    let reseller_is = Cell::new(None);
    let added = db.live.transaction("add customers", async |tx| {
        let id = customer(tx, RESELLER, true, "500.00").await?;
        reseller_is.set(Some(id));
        customers::add_sub_user(tx, id, RESELLER, customers::API, &reseller).await?;
        customers::set_profile(tx, id, &profile()).await?;
        move_money(tx, id, Movement::Deposit, euros("120.00")?, "SEPA 2026-0117").await?;
        move_money(tx, id, Movement::Bonus, euros("10.00")?, "Welcome bonus").await?;
        customer(tx, POOR, true, "1.00").await?;
        customer(tx, CLOSED, false, "1.00").await?;
        let fenced = customer(tx, FENCED, true, "1.00").await?;
        let network = "203.0.113.0/24".parse().map_err(Error::corrupt)?;
        customers::allow(tx, fenced, network).await
    });
    added.await?;
    if let Some(id) = reseller_is.get() {
        let digest = keys::digest(&test_key_of(RESELLER));
        customers::turn_on(db, id, &NewTestKey { digest: &digest, hint: RESELLER, days: 1 }).await?;
    }
    Ok(())
}

async fn hash(secret: &'static str) -> Result<String, NoExamples> {
    let hashing = tokio::task::spawn_blocking(move || password::hash(&SecretString::from(secret)));
    let hashed = hashing.await.map_err(|error| NoExamples::Secret(error.to_string()))?;
    hashed.map_err(|error| NoExamples::Secret(error.to_string()))
}

fn euros(amount: &str) -> Result<Money, Error> {
    Money::parse(amount, Currency::EUR).map_err(Error::corrupt)
}

async fn customer(tx: &mut Tx, login: &str, api: bool, credit: &str) -> Result<CustomerId, Error> {
    let new = NewCustomer {
        login: login.to_owned(),
        currency: Currency::EUR,
        language: Language::default(),
        vat: None,
        api,
        password_hash: None,
        demo: false,
    };
    let id = customers::add(tx, &new).await?;
    customers::issue_key(tx, id, &keys::digest(&key_of(login)), login).await?;
    move_money(tx, id, Movement::Deposit, euros(credit)?, "SEPA 2026-0098").await?;
    Ok(id)
}

fn profile() -> Profile {
    let known = |text: &str| Some(text.to_owned());
    Profile {
        company: known("Example Hosting, UAB"),
        name: known("Jonas Jonaitis"),
        occupation: known("CTO"),
        code: known("300000000"),
        vat_code: known("LT100000000000"),
        address: known("Gedimino pr. 1"),
        city: known("Vilnius"),
        zip: known("01103"),
        country: known("LT"),
        email: known("billing@example.lt"),
        phone: known("+370 600 00000"),
        ..Profile::default()
    }
}
