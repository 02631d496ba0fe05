//! Amounts, percentages and rates in writing and in reckoning.

use domain::money::{Currency, Money, Percent, Rate, divide_half_up};
use proptest::prelude::*;

proptest! {
    #[test]
    fn an_amount_is_read_back_as_it_is_written(minor in any::<i64>(), at in 0..Currency::ALL.len()) {
        let money = Money::minor(minor, Currency::ALL[at]);
        let text = money.to_string();
        prop_assert_eq!(Money::parse(&text, money.currency()), Ok(money));
        let places = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        prop_assert_eq!(u32::try_from(places).unwrap(), money.currency().digits());
    }

    #[test]
    fn nothing_but_a_plain_decimal_is_an_amount(text in "[-+0-9eE., ]{0,12}") {
        if let Ok(money) = Money::parse(&text, Currency::EUR) {
            let digits = text.trim_start_matches('-');
            prop_assert!(digits.chars().all(|c| c.is_ascii_digit() || c == '.'), "{text}");
            prop_assert!(digits.split('.').count() <= 2);
            prop_assert!((money.in_minor() < 0) == (text.starts_with('-') && money.in_minor() != 0));
        }
    }

    #[test]
    fn half_is_rounded_up_and_nothing_is_off_by_more(numerator in -1_000_000_000_i128..1_000_000_000, denominator in 1_i128..100_000) {
        let rounded = divide_half_up(numerator, denominator);
        prop_assert!((rounded * denominator - numerator).abs() * 2 <= denominator);
        if numerator >= 0 && numerator % denominator * 2 == denominator {
            prop_assert_eq!(rounded, numerator / denominator + 1);
        }
        prop_assert_eq!(divide_half_up(-numerator, denominator), -rounded);
    }

    #[test]
    fn a_percentage_has_its_shortest_form(points in 0_i64..=10_000) {
        let percent = Percent::basis_points(points).unwrap();
        let text = percent.to_string();
        prop_assert_eq!(text.parse(), Ok(percent));
        prop_assert!(!text.contains('.') || !text.ends_with('0'));
    }
}

#[test]
fn amounts_have_the_minor_digits_of_their_currency() {
    let text = |minor, currency| Money::minor(minor, currency).to_string();
    assert_eq!(text(1250, Currency::EUR), "12.50");
    assert_eq!(text(1250, Currency::JPY), "1250");
    assert_eq!(text(500, Currency::BHD), "0.500");
    assert_eq!(text(-5, Currency::EUR), "-0.05");
    for wrong in ["", ".", "1.", ".5", "1.234", "1e3", "+1", " 1", "1,5", "--1", "99999999999999999999"] {
        assert!(Money::parse(wrong, Currency::EUR).is_err(), "{wrong}");
    }
}

#[test]
fn amounts_of_two_currencies_never_meet() {
    let (euro, yen) = (Money::minor(1, Currency::EUR), Money::minor(1, Currency::JPY));
    assert!(euro.plus(yen).is_err() && euro.minus(yen).is_err());
    assert!(Money::minor(i64::MAX, Currency::EUR).plus(euro).is_err());
    assert!(Money::minor(i64::MAX, Currency::EUR).times(2).is_err());
}

#[test]
fn rates_convert_once_and_half_up() {
    let yen: Rate = "160".parse().unwrap();
    let convert = |minor| yen.convert(Money::minor(minor, Currency::EUR), Currency::JPY).unwrap().in_minor();
    assert_eq!(convert(990), 1584);
    assert_eq!(convert(1), 2); // 1.6
    let odd: Rate = "0.000000001".parse().unwrap();
    assert!(odd.convert(Money::minor(i64::MAX, Currency::JPY), Currency::BHD).is_ok());
    assert!(Rate::ONE.convert(Money::minor(i64::MAX, Currency::JPY), Currency::BHD).is_err());
    for wrong in ["0", "-1", "1.0000000001", "x", ""] {
        assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
    }
}
