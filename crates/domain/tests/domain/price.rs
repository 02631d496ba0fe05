//! What orders and renewals cost (CONTRACT 1.5).

use domain::{
    billing::{Renewed, Selection, quote_order, quote_renewal},
    catalogue::{AddonId, TariffId},
    customers::{BillingTerms, Prices},
    money::{Currency, Percent},
    vat::Vat,
};
use proptest::prelude::*;

use crate::build::{catalogue, euro, months, terms};

fn chosen(addons: &[(i64, u32)]) -> Vec<Selection> {
    addons.iter().map(|(id, quantity)| Selection { addon: AddonId(*id), quantity: *quantity }).collect()
}

#[test]
fn the_contracts_examples() {
    let mut catalogue = catalogue();
    let order = |catalogue: &_, tariff, period, addons: &[_], terms: &BillingTerms| {
        let catalogue: &domain::catalogue::Catalogue = catalogue;
        let tariff = catalogue.tariff(TariffId(tariff)).unwrap();
        let period = tariff.period(months(period)).unwrap();
        quote_order(catalogue, tariff, period, &chosen(addons), terms).unwrap()
    };
    // 5 + (9.90 + 1.50) × 3 × 0.97 = 38.174, rounded once; line by line it would be 38.18.
    assert_eq!(order(&catalogue, 10, 3, &[(20, 1), (22, 1)], &terms()).total, euro(3817));
    // In yen: 800 + (1584 + 3 × 240).
    let yen = BillingTerms { currency: Currency::JPY, ..terms() };
    assert_eq!(order(&catalogue, 10, 1, &[(20, 1), (22, 3)], &yen).total.to_string(), "3104");
    // VAT added, once a line: 10 × 1.02 = 10.20 net at 21 % is 2.14 VAT.
    catalogue.addons.iter_mut().find(|a| a.id == AddonId(1)).unwrap().monthly = euro(102);
    catalogue.addons.iter_mut().find(|a| a.id == AddonId(1)).unwrap().setup = euro(0);
    let net = BillingTerms { vat: Vat::fixed("21".parse().unwrap()), prices: Prices::Net, ..terms() };
    let quote = order(&catalogue, 1, 1, &[(1, 10)], &net);
    let line = quote.lines.last().unwrap();
    assert_eq!((line.amount.net, line.amount.vat), (euro(1020), euro(214)));
}

#[test]
fn a_renewal_has_no_setup_and_keeps_a_fixed_price() {
    let catalogue = catalogue();
    let tariff = catalogue.tariff(TariffId(10)).unwrap();
    let period = tariff.period(months(24)).unwrap();
    let addons = chosen(&[(20, 1), (22, 2)]);
    let of = |fixed_monthly| Renewed { addons: &addons, server: None, fixed_monthly };
    let total = |fixed| quote_renewal(&catalogue, tariff, period, of(fixed), &terms()).unwrap().total;
    assert_eq!(total(None), euro((990 + 2 * 150) * 24 * 80 / 100));
    assert_eq!(total(Some(euro(500))), euro(500 * 24 * 80 / 100));
}

proptest! {
    #[test]
    fn lines_sum_to_the_total_and_rounding_happens_once(
        monthly in 0_i64..100_000, setup in 0_i64..50_000, addon in 0_i64..10_000, quantity in 1_u32..=4,
        points in 0_i64..=10_000, vat in 0_i64..=3_000, net in any::<bool>(), count in prop::sample::select(vec![1_u16, 3, 6]),
    ) {
        let mut catalogue = catalogue();
        let one = catalogue.tariffs.iter_mut().find(|t| t.id == TariffId(1)).unwrap();
        (one.monthly, one.setup) = (euro(monthly), euro(setup));
        for period in &mut one.periods {
            period.discount = Percent::basis_points(points).unwrap();
        }
        catalogue.addons.iter_mut().find(|a| a.id == AddonId(1)).unwrap().monthly = euro(addon);
        let prices = if net { Prices::Net } else { Prices::Gross };
        let terms = BillingTerms { vat: Vat::fixed(Percent::basis_points(vat).unwrap()), prices, ..terms() };
        let tariff = catalogue.tariff(TariffId(1)).unwrap();
        let period = tariff.period(months(count)).unwrap();
        let quote = quote_order(&catalogue, tariff, period, &chosen(&[(1, quantity)]), &terms).unwrap();

        let sum = |of: fn(&domain::billing::InvoiceLine) -> i64| quote.lines.iter().map(of).sum::<i64>();
        prop_assert_eq!(sum(|l| l.amount.gross.in_minor()), quote.total.in_minor());
        prop_assert_eq!(sum(|l| l.amount.net.in_minor()) + sum(|l| l.amount.vat.in_minor()), quote.total.in_minor());

        // The exact price, in ten-thousandths of a cent; half up once.
        let per_month = monthly + i64::from(quantity) * addon;
        let exact = (setup + i64::from(quantity) * 100) * 10_000 + per_month * i64::from(count) * (10_000 - points);
        let once = (exact + 5_000).div_euclid(10_000);
        let before_vat = if net { sum(|l| l.amount.net.in_minor()) } else { quote.total.in_minor() };
        prop_assert_eq!(before_vat, once);
    }
}
