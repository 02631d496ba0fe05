//! createOrder: the order of its checks, and what is to become true.

use domain::{
    catalogue::{AddonId, Handling, TariffId, Vid},
    domain_name::DomainName,
    field::Field,
    orders::{
        AddonError, BillingMode, OrderState, Payment, PlaceError, PlaceFacts, PlaceRequest, Unpaid, echo_addons,
        parse_addons, place,
    },
    tasks::Operation,
};
use jiff::civil::date;
use proptest::prelude::*;

use crate::build::{TODAY, catalogue, euro, months, payment, terms};

fn domain(text: &str) -> Field<DomainName> {
    Field::read(Some(text), |t| DomainName::parse(t).ok())
}

fn request() -> PlaceRequest {
    PlaceRequest {
        vid: Field::Absent,
        tariff: Field::Given(TariffId(1)),
        period: Field::Given(months(1)),
        domain: domain("example.lt"),
        addons: Vec::new(),
    }
}

fn facts(catalogue: &domain::catalogue::Catalogue) -> PlaceFacts<'_> {
    PlaceFacts {
        catalogue,
        billing: terms(),
        payment: payment(100_000, 500, Unpaid::Accept),
        had_once: false,
        domain_taken: false,
        today: TODAY,
    }
}

#[test]
fn a_paid_order_is_charged_bonus_first_and_queued() {
    let catalogue = catalogue();
    let placed = place(&request(), &facts(&catalogue)).unwrap();
    assert_eq!((placed.state, placed.task, placed.by_hand), (OrderState::Provisioning, Some(Operation::Create), false));
    let Payment::Charged(charge) = placed.payment else { panic!("{:?}", placed.payment) };
    assert_eq!((charge.bonus, charge.credit, placed.balance), (euro(300), euro(0), euro(100_200)));
    assert!(placed.invoice.paid);
    assert_eq!(placed.paid.unwrap().until, date(2027, 2, 28));
}

#[test]
fn what_the_balance_cannot_pay_waits_or_is_refused() {
    let catalogue = catalogue();
    let poor = |unpaid| PlaceFacts { payment: payment(299, 0, unpaid), ..facts(&catalogue) };
    let waiting = place(&request(), &poor(Unpaid::Accept)).unwrap();
    assert_eq!((waiting.state, waiting.payment, waiting.task), (OrderState::AwaitingPayment, Payment::Owed, None));
    assert!(!waiting.invoice.paid && waiting.paid.is_none());
    assert_eq!(waiting.balance, euro(299));
    assert_eq!(place(&request(), &poor(Unpaid::Refuse)), Err(PlaceError::NotEnough));
    assert!(place(&request(), &PlaceFacts { payment: payment(300, 0, Unpaid::Refuse), ..facts(&catalogue) }).is_ok());
}

#[test]
fn test_access_charges_nothing_and_a_free_order_needs_no_money() {
    let catalogue = catalogue();
    let mut waived = facts(&catalogue);
    waived.payment.mode = BillingMode::Waived;
    let placed = place(&request(), &waived).unwrap();
    assert_eq!(
        (placed.payment, placed.balance, placed.state),
        (Payment::Free, euro(100_500), OrderState::Provisioning)
    );
    assert_eq!(placed.invoice.total, euro(300));
    let free = PlaceRequest { tariff: Field::Given(TariffId(2)), ..request() };
    let broke = PlaceFacts { payment: payment(0, 0, Unpaid::Refuse), ..facts(&catalogue) };
    assert_eq!(place(&free, &broke).unwrap().payment, Payment::Free);
}

#[test]
fn a_tariff_handled_by_staff_is_charged_and_waits_for_them() {
    let catalogue = catalogue();
    let by_hand = PlaceRequest {
        vid: Field::Given(Vid::Vds),
        tariff: Field::Given(TariffId(11)),
        domain: Field::Absent,
        ..request()
    };
    let placed = place(&by_hand, &facts(&catalogue)).unwrap();
    assert_eq!((placed.state, placed.by_hand), (OrderState::Manual, true));
    assert!(matches!(placed.payment, Payment::Charged(_)));
}

#[test]
fn addons_are_read_checked_and_echoed() {
    let catalogue = catalogue();
    let with = |tariff, text: &str| {
        let vid = if tariff >= 10 { Vid::Vds } else { Vid::Hosting };
        let request = PlaceRequest {
            vid: Field::Given(vid),
            tariff: Field::Given(TariffId(tariff)),
            addons: parse_addons(text),
            ..request()
        };
        place(&request, &facts(&catalogue)).map(|p| echo_addons(&p.addons))
    };
    let wrong = |error| Err(PlaceError::Addons(error));
    assert_eq!(with(1, " 2 , 1 ").as_deref(), Ok("2,1"));
    assert_eq!(with(1, "2,01:2").as_deref(), Ok("2,1:2"));
    for not_allowed in ["77", "22", "1,1", "x", "1,,2", ",", "1,2,x:9"] {
        assert_eq!(with(1, not_allowed), wrong(AddonError::NotAllowed), "{not_allowed}");
    }
    for quantity in ["1:5", "1:0", "1:-1", "1:x", "1:", "1:99999999999"] {
        assert_eq!(with(1, quantity), wrong(AddonError::Quantity(AddonId(1))), "{quantity}");
    }
    let group = "Operating system".to_owned();
    assert_eq!(with(10, "22"), wrong(AddonError::GroupRequired(group.clone())));
    assert_eq!(with(10, "20,21"), wrong(AddonError::TooManyOfGroup(group)));
    assert_eq!(with(10, "20,22:9"), wrong(AddonError::Quantity(AddonId(22))));
    assert_eq!(with(10, "21,22:8").as_deref(), Ok("21,22:8"));
}

/// One field of a request: what to set, and which check it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Flaw {
    Vid,
    NoTariff,
    UnknownTariff,
    HadOnce,
    NoDomain,
    BadDomain,
    DomainTaken,
    NoPeriod,
    BadPeriod,
    Addon,
    Quantity,
}

fn expected(flaw: Flaw) -> PlaceError {
    match flaw {
        Flaw::Vid => PlaceError::Vid,
        Flaw::NoTariff => PlaceError::NoTariff,
        Flaw::UnknownTariff => PlaceError::UnknownTariff,
        Flaw::HadOnce => PlaceError::HadOnce,
        Flaw::NoDomain | Flaw::BadDomain => PlaceError::Domain,
        Flaw::DomainTaken => PlaceError::DomainTaken,
        Flaw::NoPeriod => PlaceError::NoPeriod,
        Flaw::BadPeriod => PlaceError::Period,
        Flaw::Addon => PlaceError::Addons(AddonError::NotAllowed),
        Flaw::Quantity => PlaceError::Addons(AddonError::Quantity(AddonId(1))),
    }
}

const FLAWS: [Flaw; 11] = [
    Flaw::Vid,
    Flaw::NoTariff,
    Flaw::UnknownTariff,
    Flaw::HadOnce,
    Flaw::NoDomain,
    Flaw::BadDomain,
    Flaw::DomainTaken,
    Flaw::NoPeriod,
    Flaw::BadPeriod,
    Flaw::Addon,
    Flaw::Quantity,
];

proptest! {
    /// Of any set of flaws, the one that the contract checks first answers.
    #[test]
    fn the_first_failed_check_answers(flaws in prop::collection::btree_set(prop::sample::select(FLAWS.to_vec()), 1..6), rich in any::<bool>()) {
        let mut catalogue = catalogue();
        // A tariff that the once-rule can apply to and that has addons.
        catalogue.tariffs[0].once_per_customer = true;
        catalogue.tariffs[0].handling = if rich { Handling::Manual } else { catalogue.tariffs[0].handling.clone() };
        let mut request = PlaceRequest { addons: parse_addons("2"), ..request() };
        let mut facts = PlaceFacts { payment: payment(if rich { 10_000 } else { 0 }, 0, Unpaid::Refuse), ..facts(&catalogue) };
        let mut addons = vec!["2"];
        for flaw in &flaws {
            match flaw {
                Flaw::Vid => request.vid = Field::Malformed,
                Flaw::NoTariff => request.tariff = Field::Absent,
                Flaw::UnknownTariff if request.tariff != Field::Absent => request.tariff = Field::Given(TariffId(99)),
                Flaw::HadOnce => facts.had_once = true,
                Flaw::NoDomain => request.domain = Field::Absent,
                Flaw::BadDomain if request.domain != Field::Absent => request.domain = Field::Malformed,
                Flaw::DomainTaken => facts.domain_taken = true,
                Flaw::NoPeriod => request.period = Field::Absent,
                Flaw::BadPeriod if request.period != Field::Absent => request.period = Field::Given(months(24)),
                Flaw::Addon => addons.push("77"),
                Flaw::Quantity => addons.push("1:9"),
                Flaw::UnknownTariff | Flaw::BadDomain | Flaw::BadPeriod => {}
            }
        }
        request.addons = parse_addons(&addons.join(","));
        let first = *flaws.first().unwrap();
        prop_assert_eq!(place(&request, &facts), Err(expected(first)));
    }
}
