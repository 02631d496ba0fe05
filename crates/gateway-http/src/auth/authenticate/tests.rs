//! The order of the checks, without a database: what it would have answered is given.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc};

use domain::{
    billing::Party,
    customers::{CustomerId, Prices},
    language::Language,
    money::{Currency, Percent},
    tasks::Capabilities,
    vat::VatStanding,
};
use jiff::{Timestamp, tz::TimeZone};
use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};
use store::{
    Database, RealmKind,
    customers::Credentials,
    db::{ConnectSettings, RoleAuth, Rules},
    seal::Keyring,
};

use super::{Caller, Claim, Denied, Gate, Secret, authenticate};
use crate::{
    auth::{AuthSettings, Protection, Verifier, keys},
    faults::Fault,
    request::Fields,
};

const HOME: &str = "192.0.2.1";
const ELSEWHERE: &str = "198.51.100.1";
const KEY: &str = "vk_0123456789";

/// Stands for argon2id: the hash of a password is the password.
fn verifier(settings: &AuthSettings) -> Verifier {
    Verifier::with(settings, Box::new(|phc: &str, password: &SecretString| phc == password.expose_secret())).unwrap()
}

fn anna() -> Credentials {
    Credentials {
        customer: CustomerId(7),
        currency: "EUR".parse::<Currency>().unwrap(),
        language: Language::Lt,
        vat: VatStanding::fixed(Percent::basis_points(2100).unwrap()),
        open: true,
        password_hash: Some("right".to_owned()),
        version: 1,
        key_digests: vec![keys::digest("vk_old").to_vec(), keys::digest(KEY).to_vec()],
        networks: vec!["192.0.2.0/24".parse().unwrap()],
        now: Timestamp::UNIX_EPOCH,
        own_realm: None,
    }
}

struct Door {
    settings: AuthSettings,
    verifier: Verifier,
}

impl Door {
    fn new(settings: AuthSettings) -> Self {
        Self { verifier: verifier(&settings), settings }
    }

    fn hiding() -> Self {
        Self::new(AuthSettings { hide_unknown_logins: true, ..AuthSettings::default() })
    }

    async fn ask(&self, fields: &[(&str, &str)], address: &str, found: Option<Credentials>) -> Result<Caller, Denied> {
        let fields: Fields = fields.iter().copied().collect();
        let claim = Claim::read(&fields).map_err(|fault| Denied::new(fault, Language::Ru))?;
        let address: IpAddr = address.parse().unwrap();
        Gate { claim: &claim, address, verifier: &self.verifier, settings: &self.settings }.pass(found).await
    }

    async fn code(&self, secret: (&str, &str), address: &str, found: Option<Credentials>) -> u16 {
        let asked = self.ask(&[("login", "anna"), secret], address, found).await;
        asked.map_or_else(|denied| denied.refusal.fault.code(), |_| 0)
    }
}

const RIGHT: (&str, &str) = ("pass", "right");
const WRONG: (&str, &str) = ("pass", "wrong");

#[test]
fn the_fields_alone_give_3_9_and_6_in_this_order() {
    let fault = |pairs: &[(&str, &str)]| Claim::read(&pairs.iter().copied().collect()).err();
    assert_eq!(fault(&[]), Some(Fault::NoLogin));
    assert_eq!(fault(&[("login", "  "), ("pass", "x"), ("apikey", "y")]), Some(Fault::NoLogin));
    assert_eq!(fault(&[("login", "anna"), ("pass", "x"), ("apikey", "y")]), Some(Fault::TwoSecrets));
    assert_eq!(fault(&[("login", "anna")]), Some(Fault::NoSecret));
    assert_eq!(fault(&[("login", "anna"), ("pass", " "), ("apikey", "")]), Some(Fault::NoSecret));
    assert_eq!(fault(&[("login", "anna"), ("pass", " "), ("apikey", "y")]), None);
}

#[test]
fn test_access_has_a_realm_of_its_own() {
    for (login, realm) in
        [("test", RealmKind::Test), (" test ", RealmKind::Test), ("Test", RealmKind::Live), ("anna", RealmKind::Live)]
    {
        let fields: Fields = [("login", login), ("pass", " test ")].into_iter().collect();
        let claim = Claim::read(&fields).unwrap();
        assert_eq!(claim.realm, realm, "{login}");
        assert!(matches!(claim.secret, Secret::Password(pass) if pass.expose_secret() == " test "), "not trimmed");
    }
}

#[test]
fn postgresql_is_not_asked_for_what_is_no_login() {
    let is_login = |login: &str| {
        let fields: Fields = [("login", login), ("pass", "x")].into_iter().collect();
        Claim::read(&fields).unwrap().is_login()
    };
    assert!(is_login("anna") && is_login(&"ы".repeat(64)) && is_login("a b';--"));
    assert!(!is_login("an\0na") && !is_login("an\u{7f}na") && !is_login("an\u{85}na") && !is_login(&"ы".repeat(65)));
}

#[tokio::test]
async fn the_right_secret_opens() {
    let door = Door::new(AuthSettings::default());
    for secret in [RIGHT, ("apikey", KEY), ("apikey", "vk_old")] {
        let caller = door.ask(&[("login", "anna"), secret], HOME, Some(anna())).await.unwrap();
        assert_eq!((caller.realm, caller.customer, caller.login.as_str()), (RealmKind::Live, CustomerId(7), "anna"));
        assert_eq!(
            (caller.language, caller.vat),
            (Language::Lt, VatStanding::fixed(Percent::basis_points(2100).unwrap()))
        );
    }
    assert_eq!(door.code(RIGHT, "::ffff:192.0.2.9", Some(anna())).await, 0);
    let anywhere = Credentials { networks: Vec::new(), ..anna() };
    assert_eq!(door.code(RIGHT, ELSEWHERE, Some(anywhere)).await, 0);
}

#[tokio::test]
async fn the_first_check_that_fails_answers() {
    let door = Door::new(AuthSettings::default());
    let closed = || Some(Credentials { open: false, ..anna() });
    assert_eq!(door.code(WRONG, ELSEWHERE, None).await, 4);
    assert_eq!(door.code(WRONG, ELSEWHERE, closed()).await, 54);
    assert_eq!(door.code(RIGHT, ELSEWHERE, closed()).await, 54);
    assert_eq!(door.code(WRONG, HOME, closed()).await, 7);
    assert_eq!(door.code(("apikey", "vk_other"), HOME, closed()).await, 7);
    assert_eq!(door.code(RIGHT, HOME, closed()).await, 5);
    assert_eq!(door.code(("apikey", KEY), HOME, closed()).await, 5);
    let no_password = Credentials { password_hash: None, ..anna() };
    assert_eq!(door.code(RIGHT, HOME, Some(no_password)).await, 7);
    assert_eq!(door.code(("pass", KEY), HOME, Some(anna())).await, 7, "a key is no password");
    assert_eq!(door.code(("apikey", "right"), HOME, Some(anna())).await, 7, "nor a password a key");
}

#[tokio::test]
async fn a_refusal_is_in_the_customers_language_once_it_is_known() {
    let door = Door::new(AuthSettings::default());
    let language = async |secret, address, found| {
        door.ask(&[("login", "anna"), secret], address, found).await.unwrap_err().language
    };
    assert_eq!(language(WRONG, HOME, None).await, Language::Ru);
    assert_eq!(language(WRONG, HOME, Some(anna())).await, Language::Lt);
    assert_eq!(language(WRONG, ELSEWHERE, Some(anna())).await, Language::Lt);
}

#[tokio::test]
async fn too_many_failures_stop_passwords_to_be_hashed_and_nothing_else() {
    let settings = AuthSettings { login_failures_per_minute: NonZeroU32::MIN, ..AuthSettings::default() };
    let door = Door::new(settings);
    let second = Credentials { customer: CustomerId(8), version: 2, ..anna() };
    assert_eq!(door.code(RIGHT, HOME, Some(second.clone())).await, 0);
    assert_eq!(door.code(WRONG, HOME, Some(anna())).await, 7);

    let stopped = door.ask(&[("login", "anna"), RIGHT], HOME, Some(anna())).await.unwrap_err();
    assert_eq!(stopped.refusal.fault, Fault::TooManyRequests);
    assert!(stopped.retry_after.is_some_and(|seconds| (1..=60).contains(&seconds)));

    assert_eq!(door.code(RIGHT, HOME, Some(second)).await, 0, "verified lately");
    assert_eq!(door.code(WRONG, HOME, Some(anna())).await, 7, "found wrong lately");
    assert_eq!(door.code(("apikey", KEY), HOME, Some(anna())).await, 0);
    assert_eq!(door.code(("apikey", "vk_other"), HOME, Some(anna())).await, 100, "a wrong key counts, too");
    assert_eq!(door.code(RIGHT, HOME, None).await, 4);
    assert_eq!(door.code(RIGHT, ELSEWHERE, Some(anna())).await, 54, "54 comes before 100");
}

#[tokio::test]
async fn wrong_keys_are_limited_as_wrong_passwords_are() {
    let limit = NonZeroU32::new(3).unwrap();
    let door = Door::new(AuthSettings { login_failures_per_minute: limit, ..AuthSettings::default() });
    let mut codes = Vec::new();
    for key in ["vk_1", "vk_2", "vk_2", "vk_3", "vk_4", "vk_1"] {
        codes.push(door.code(("apikey", key), HOME, Some(anna())).await);
    }
    assert_eq!(codes, [7, 7, 7, 7, 100, 7], "one that is remembered counts no further");
    assert_eq!(door.code(WRONG, HOME, Some(anna())).await, 100, "passwords and keys are counted together");
    assert_eq!(door.code(("apikey", KEY), HOME, Some(anna())).await, 0, "a right key meets no limit");
}

#[tokio::test]
async fn hidden_logins_answer_like_wrong_secrets() {
    let secrets = [WRONG, ("apikey", "vk_other")];
    for secret in secrets {
        let door = Door::hiding();
        let mut answers = Vec::new();
        for found in [None, Some(anna())] {
            for address in [HOME, ELSEWHERE] {
                answers.push(door.ask(&[("login", "anna"), secret], address, found.clone()).await.unwrap_err());
            }
        }
        assert!(answers.iter().all(|denied| *denied == Denied::new(Fault::WrongSecret, Language::Ru)), "{answers:?}");
    }
    let door = Door::hiding();
    assert_eq!(door.code(RIGHT, ELSEWHERE, Some(anna())).await, 54, "only after the right secret");
    assert_eq!(door.code(RIGHT, HOME, Some(anna())).await, 0);
    let denied = door.ask(&[("login", "anna"), RIGHT], ELSEWHERE, Some(anna())).await.unwrap_err();
    assert_eq!(denied.language, Language::Lt, "who has the secret is known");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever is tried in whatever order, a login that there isn't and one that there is with a secret that is
    /// wrong get the same answers, limits included.
    #[test]
    fn hidden_logins_meet_the_same_limits(guesses in proptest::collection::vec("[a-d]", 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let answers = |found: Option<Credentials>| {
            let settings = AuthSettings {
                hide_unknown_logins: true,
                login_failures_per_minute: NonZeroU32::new(2).unwrap(),
                ..AuthSettings::default()
            };
            let (door, guesses) = (Door::new(settings), &guesses);
            runtime.block_on(async move {
                let mut codes = Vec::new();
                for guess in guesses {
                    codes.push(door.code(("pass", guess), HOME, found.clone()).await);
                    codes.push(door.code(("apikey", guess), HOME, found.clone()).await);
                }
                codes
            })
        };
        prop_assert_eq!(answers(None), answers(Some(anna())));
    }
}

/// A database that nobody serves.
fn no_database() -> Database {
    let settings = ConnectSettings::new(
        "host=127.0.0.1 port=1 user=nobody dbname=nothing".parse().unwrap(),
        "vartai".to_owned(),
        RoleAuth::Peer,
    );
    let keys = Arc::new(Keyring::parse(&Keyring::generate().unwrap()).unwrap());
    let policy = domain::dunning::Policy::default();
    let (seller, capabilities) = (Party::default(), Capabilities::default());
    let provisioning = domain::tasks::ProvisioningRules::default();
    let rules =
        Rules { zone: TimeZone::UTC, prices: Prices::Gross, vat: None, seller, capabilities, policy, provisioning };
    Database::open(&settings, 1, keys, rules).unwrap()
}

#[tokio::test]
async fn without_a_database_what_needs_none_is_answered_and_the_rest_is_1() {
    let (db, settings) = (no_database(), AuthSettings::default());
    let protection = Protection::new(&settings).unwrap();
    let cases: [(&[(&str, &str)], u16); 7] = [
        (&[("pass", "x")], 3),
        (&[("login", "anna"), ("pass", "x"), ("apikey", "y")], 9),
        (&[("login", "anna")], 6),
        (&[("login", "anna"), ("pass", "x")], 1),
        (&[("login", "test"), ("pass", "test")], 1),
        (&[("login", "anna"), ("apikey", "y")], 1),
        (&[("login", "an\0na"), ("pass", "x")], 4),
    ];
    for (fields, code) in cases {
        let fields: Fields = fields.iter().copied().collect();
        let denied = authenticate(&fields, HOME.parse().unwrap(), &db, &protection, &settings).await.unwrap_err();
        assert_eq!(denied, Denied::new(denied.refusal.fault, Language::Ru));
        assert_eq!(denied.refusal.fault.code(), code, "{fields:?}");
    }
}
