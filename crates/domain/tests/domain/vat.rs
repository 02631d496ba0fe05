//! Which VAT an invoice has.

use std::collections::BTreeMap;

use domain::{
    money::Percent,
    vat::{NoOwnRate, Vat, VatAddress, VatGround, VatRules, VatStanding},
};
use jiff::civil::{Date, date};

const DAY: Date = date(2027, 3, 1);

fn percent(text: &str) -> Percent {
    text.parse().unwrap()
}

/// A company of `seller`; Lithuania's rate grows in 2028, Germany has one, Latvia none.
fn rules(seller: &str) -> VatRules {
    let rates = [
        ("LT", BTreeMap::from([(date(2009, 9, 1), percent("21")), (date(2028, 1, 1), percent("22"))])),
        ("DE", BTreeMap::from([(date(2021, 1, 1), percent("19"))])),
        ("GE", BTreeMap::from([(date(2006, 1, 1), percent("18"))])),
    ];
    let rates = rates.into_iter().map(|(code, rates)| (code.parse().unwrap(), rates)).collect();
    VatRules::new(seller.parse().unwrap(), rates).unwrap()
}

fn buyer(country: Option<&str>, vat_code: Option<&str>) -> VatStanding {
    VatStanding::of(None, VatAddress { country, vat_code, ..VatAddress::default() })
}

fn told(vat: Vat) -> (String, VatGround, String) {
    (vat.rate.to_string(), vat.ground, vat.country.map(|c| c.to_string()).unwrap_or_default())
}

#[test]
fn the_buyer_s_country_and_vat_code_decide() {
    use VatGround::{Destination, Export, ReverseCharge, Seller};
    for (country, code, rate, ground, of) in [
        (None, None, "21", Seller, "LT"),
        (None, Some("DE123456789"), "21", Seller, "LT"),
        (Some("LT"), None, "21", Seller, "LT"),
        (Some("LT"), Some("LT123456789"), "21", Seller, "LT"),
        (Some("DE"), Some("DE123456789"), "0", ReverseCharge, "DE"),
        (Some("DE"), Some("DE 123 456 789"), "0", ReverseCharge, "DE"),
        (Some("LV"), Some("LV12345678901"), "0", ReverseCharge, "LV"),
        (Some("DE"), Some("LT123456789"), "19", Destination, "DE"),
        (Some("DE"), Some("DE12345678"), "19", Destination, "DE"),
        (Some("DE"), None, "19", Destination, "DE"),
        (Some("LV"), None, "21", Seller, "LT"),
        (Some("UA"), None, "0", Export, "UA"),
        (Some("UA"), Some("UA123456789"), "0", Export, "UA"),
        (Some("lt"), None, "21", Seller, "LT"),
    ] {
        let vat = rules("LT").of(&buyer(country, code), DAY);
        assert_eq!(told(vat), (rate.to_owned(), ground, of.to_owned()), "{country:?} {code:?}");
    }
}

#[test]
fn special_territories_are_in_or_out_as_the_directive_has_them() {
    use VatGround::{Destination, Export, ReverseCharge, Seller};
    for (seller, country, postal_code, code, ground, of) in [
        // Monaco is France's, whichever way it is written.
        ("LT", "MC", None, None, Seller, "LT"),
        ("LT", "MC", None, Some("FR12000012345"), ReverseCharge, "FR"),
        ("LT", "FR", Some("98000"), None, Seller, "LT"),
        // The Isle of Man is the United Kingdom's, which is no member any more.
        ("LT", "IM", None, None, Export, "GB"),
        ("LT", "DE", Some("10115"), None, Destination, "DE"),
        ("LT", "DE", Some("78266"), None, Export, "DE"),
        ("LT", "ES", Some("35001"), Some("ESB1234567A"), Export, "ES"),
        ("LT", "FR", Some("97400"), None, Export, "FR"),
        ("LT", "RE", None, None, Export, "RE"),
        ("LT", "FI", Some("22100"), None, Export, "FI"),
        ("LT", "AX", None, None, Export, "AX"),
        // At home, too.
        ("DE", "DE", Some("27498"), None, Export, "DE"),
        ("DE", "DE", None, None, Seller, "DE"),
    ] {
        let address = VatAddress { country: Some(country), postal_code, vat_code: code };
        let vat = rules(seller).of(&VatStanding::of(None, address), DAY);
        assert_eq!((vat.ground, vat.country.unwrap().code()), (ground, of), "{seller}: {address:?}");
    }
}

#[test]
fn a_company_outside_the_union_charges_at_home_alone() {
    for (country, rate, ground) in [("GE", "18", VatGround::Seller), ("LT", "0", VatGround::Export)] {
        let vat = rules("GE").of(&buyer(Some(country), Some("LT123456789")), DAY);
        assert_eq!(told(vat), (rate.to_owned(), ground, country.to_owned()));
    }
}

#[test]
fn the_rate_is_that_of_the_day() {
    let home = buyer(Some("LT"), None);
    for (day, rate) in
        [(date(2000, 1, 1), "21"), (date(2027, 12, 31), "21"), (date(2028, 1, 1), "22"), (date(2099, 1, 1), "22")]
    {
        assert_eq!(rules("LT").of(&home, day).rate, percent(rate), "{day}");
    }
}

#[test]
fn what_staff_set_goes_before_the_rules_and_holds_without_any() {
    let set = VatStanding::of(Some(percent("5")), VatAddress { country: Some("UA"), ..VatAddress::default() });
    assert_eq!(set.vat(Some(&rules("LT")), DAY), Vat::fixed(percent("5")));
    assert_eq!(set.vat(None, DAY), Vat::fixed(percent("5")));
    assert_eq!(buyer(Some("LT"), None).vat(None, DAY), Vat::fixed(Percent::ZERO));
}

#[test]
fn a_company_needs_the_rate_of_its_own_country() {
    let lv = "LV".parse().unwrap();
    assert_eq!(VatRules::new(lv, BTreeMap::new()), Err(NoOwnRate(lv)));
    assert_eq!(VatRules::new(lv, BTreeMap::from([(lv, BTreeMap::new())])), Err(NoOwnRate(lv)));
}
