use domain::{
    billing::Wallets,
    catalogue::Catalogue,
    customers::{BillingTerms, Prices},
    money::{Currency, Money, Percent},
    orders::{BillingMode, PaymentTerms, PlaceFacts, Unpaid, place},
    vat::Vat,
};
use jiff::civil::date;
use store::ledger::Movement;

use super::{CUSTOMERS, ENTRIES, HISTORY_OF, ORDERS, demo_catalogue, money, request};

#[test]
fn the_catalogue_applied_again_changes_nothing() {
    let (catalogue, changes) = demo_catalogue(&Catalogue::empty(Currency::EUR)).unwrap();
    assert!(changes && catalogue.tariffs.len() == 5);
    assert_eq!(demo_catalogue(&catalogue).unwrap(), (catalogue, false));
}

#[test]
fn every_customer_can_be_told_prices_and_has_amounts_of_its_currency() {
    let (catalogue, _) = demo_catalogue(&Catalogue::empty(Currency::EUR)).unwrap();
    for customer in &CUSTOMERS {
        money(customer.credit, customer.currency).unwrap();
        money(customer.bonus, customer.currency).unwrap();
        let pricing = catalogue.pricing(customer.currency, date(2026, 1, 31));
        pricing.convert(Money::minor(100, catalogue.base)).unwrap();
    }
}

/// Of the bonuses nothing may be left, and of the credit no more than what the demo promises.
#[test]
fn the_history_ends_where_the_demo_begins() {
    let (catalogue, _) = demo_catalogue(&Catalogue::empty(Currency::EUR)).unwrap();
    let customer = CUSTOMERS.iter().find(|customer| customer.login == HISTORY_OF).unwrap();
    let nothing = Money::zero(customer.currency);
    let mut wallets = Wallets { credit: nothing, bonus: nothing };
    for (movement, amount, _) in ENTRIES {
        let amount = money(amount, customer.currency).unwrap();
        match movement {
            Movement::Deposit => wallets.credit = wallets.credit.plus(amount).unwrap(),
            Movement::Bonus => wallets.bonus = wallets.bonus.plus(amount).unwrap(),
            Movement::Withdrawal => wallets.credit = wallets.credit.minus(amount).unwrap(),
        }
    }
    for order in &ORDERS {
        let facts = PlaceFacts {
            catalogue: &catalogue,
            billing: BillingTerms {
                currency: customer.currency,
                vat: Vat::fixed(Percent::default()),
                prices: Prices::Gross,
                day: date(2026, 1, 31),
                rate_days: None,
            },
            payment: PaymentTerms { wallets, mode: BillingMode::Charging, unpaid: Unpaid::Refuse },
            had_once: false,
            domain_taken: false,
            today: date(2026, 1, 31),
        };
        let placed = place(&request(order).unwrap(), &facts).unwrap();
        let charge = wallets.charge(placed.invoice.total).unwrap().unwrap();
        wallets.credit = wallets.credit.minus(charge.credit).unwrap();
        wallets.bonus = wallets.bonus.minus(charge.bonus).unwrap();
    }
    assert!(wallets.bonus.is_zero());
    assert!(wallets.credit.in_minor() < money(customer.credit, customer.currency).unwrap().in_minor());
}
