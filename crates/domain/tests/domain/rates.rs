//! Prices in customers' currencies: own prices, rates of a day, and rates that are too old.

use std::collections::BTreeMap;

use domain::{
    billing::{Renewed, quote_order, quote_renewal},
    catalogue::{Catalogue, OwnPrices, PriceError, TariffId},
    customers::BillingTerms,
    money::{Currency, Currency::PLN, Money, Rate},
};
use jiff::{ToSpan, civil::Date};
use proptest::prelude::*;

use crate::build::{TODAY, catalogue, euro, months, terms};

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

/// Hosting 1 at 3.00 EUR, with a rate a day in a month's time, and one for yesterday's week.
fn sold() -> Catalogue {
    let mut catalogue = catalogue();
    let of = |days: i32| TODAY.checked_add(days.days()).unwrap();
    catalogue.daily =
        BTreeMap::from([(PLN, BTreeMap::from([(of(-10), rate("4")), (of(-3), rate("4.25")), (of(5), rate("5"))]))]);
    catalogue
}

fn zloty(day: Date) -> BillingTerms {
    BillingTerms { currency: PLN, day, ..terms() }
}

fn cost(catalogue: &Catalogue, terms: &BillingTerms) -> Result<Money, PriceError> {
    let tariff = catalogue.tariff(TariffId(1)).unwrap();
    quote_order(catalogue, tariff, tariff.period(months(1)).unwrap(), &[], terms).map(|quote| quote.total)
}

#[test]
fn the_rate_of_the_day_converts_and_the_file_s_where_there_is_none() {
    let mut catalogue = sold();
    for (days, minor) in [(0, 1_275), (-3, 1_275), (-4, 1_200), (-10, 1_200), (4, 1_275), (5, 1_500), (400, 1_500)] {
        let day = TODAY.checked_add(days.days()).unwrap();
        assert_eq!(cost(&catalogue, &zloty(day)), Ok(Money::minor(minor, PLN)), "{days}");
    }
    let early = zloty(TODAY.checked_sub(11.days()).unwrap());
    assert_eq!(cost(&catalogue, &early), Err(PriceError::NoRate { base: Currency::EUR, wanted: PLN }));
    catalogue.rates.insert(PLN, rate("3.9"));
    assert_eq!(cost(&catalogue, &early), Ok(Money::minor(1_170, PLN)));
    assert_eq!(cost(&catalogue, &zloty(TODAY)), Ok(Money::minor(1_275, PLN)));
}

#[test]
fn an_own_price_goes_before_conversion_and_needs_no_rate() {
    let mut catalogue = sold();
    catalogue.daily.clear();
    let tariff = catalogue.tariffs.iter_mut().find(|t| t.id == TariffId(1)).unwrap();
    tariff.prices.insert(PLN, OwnPrices { monthly: Some(Money::minor(999, PLN)), setup: None });
    assert_eq!(cost(&catalogue, &zloty(TODAY)), Ok(Money::minor(999, PLN)));
    assert_eq!(cost(&catalogue, &terms()), Ok(euro(300)));
}

#[test]
fn orders_are_refused_at_old_rates_and_renewals_are_not() {
    let catalogue = sold();
    let at_most = |rate_days| BillingTerms { rate_days: Some(rate_days), ..zloty(TODAY) };
    assert!(cost(&catalogue, &at_most(3)).is_ok());
    let stale = PriceError::StaleRate { wanted: PLN, day: TODAY.checked_sub(3.days()).unwrap(), age: 3, most: 2 };
    assert_eq!(cost(&catalogue, &at_most(2)), Err(stale));
    let tariff = catalogue.tariff(TariffId(1)).unwrap();
    let of = Renewed { addons: &[], server: None, fixed_monthly: None };
    assert!(quote_renewal(&catalogue, tariff, tariff.period(months(1)).unwrap(), of, &at_most(0)).is_ok());
    // A rate that says no day never grows old.
    let yen = BillingTerms { currency: Currency::JPY, rate_days: Some(0), ..terms() };
    assert!(cost(&catalogue, &yen).is_ok());
}

proptest! {
    #[test]
    fn the_quote_names_the_rate_that_its_prices_were_converted_at(
        monthly in 0_i64..1_000_000, billionths in 1_i64..1_000_000_000_000, own in proptest::option::of(0_i64..1_000_000),
    ) {
        let mut catalogue = sold();
        catalogue.daily.get_mut(&PLN).unwrap().insert(TODAY, Rate::billionths(billionths).unwrap());
        let tariff = catalogue.tariffs.iter_mut().find(|t| t.id == TariffId(1)).unwrap();
        tariff.monthly = euro(monthly);
        if let Some(minor) = own {
            tariff.prices.insert(PLN, OwnPrices { monthly: Some(Money::minor(minor, PLN)), setup: None });
        }
        let tariff = catalogue.tariff(TariffId(1)).unwrap();
        let quote = quote_order(&catalogue, tariff, tariff.period(months(1)).unwrap(), &[], &zloty(TODAY)).unwrap();
        // Half up, written another way.
        let twice = i128::from(monthly) * i128::from(billionths) * 2 + 1_000_000_000;
        let converted = i64::try_from(twice / 2_000_000_000).unwrap();
        prop_assert_eq!(quote.total.in_minor(), own.unwrap_or(converted));
        let expected = (own.is_none() && monthly != 0).then_some((billionths, Some(TODAY)));
        prop_assert_eq!(quote.conversion.map(|c| (c.rate.rate.in_billionths(), c.rate.day)), expected);
    }
}
