//! Calendar months, days and their texts.

use domain::calendar::{add_months, day_of, days_between, moment_text, parse_day, parse_digits};
use jiff::{
    civil::{Date, date},
    tz::TimeZone,
};
use proptest::prelude::*;

use crate::build::months;

#[test]
fn the_day_of_the_start_is_kept_through_short_months() {
    let start = date(2027, 1, 31);
    let first = add_months(start, months(1), 31).unwrap();
    assert_eq!(first, date(2027, 2, 28));
    assert_eq!(add_months(first, months(1), 31), Some(date(2027, 3, 31)));
    assert_eq!(add_months(date(2028, 1, 31), months(1), 31), Some(date(2028, 2, 29)));
    assert_eq!(add_months(date(9999, 12, 1), months(1), 1), None);
}

proptest! {
    /// Paying month by month leads to the same day as paying for all of them at once.
    #[test]
    fn periods_add_up(year in 2000_i16..2200, month in 1_i8..=12, day in 1_i8..=31, one in 1_u16..60, other in 1_u16..60) {
        let first = Date::new(year, month, 1).unwrap();
        let start = Date::new(year, month, day.min(first.days_in_month())).unwrap();
        let anchor = start.day();
        let step = add_months(add_months(start, months(one), anchor).unwrap(), months(other), anchor);
        prop_assert_eq!(step, add_months(start, months(one + other), anchor));
        // jiff's own calendar arithmetic, from the start, agrees.
        let oracle = start.checked_add(jiff::Span::new().months(i32::from(one + other))).unwrap();
        prop_assert_eq!(step, Some(oracle));
        prop_assert!(days_between(start, oracle) > 0);
        prop_assert_eq!(days_between(oracle, start), -days_between(start, oracle));
    }

    #[test]
    fn only_a_day_is_a_day(text in "\\PC{0,12}") {
        if let Some(day) = parse_day(&text) {
            prop_assert_eq!(day.to_string(), text);
        }
    }

    #[test]
    fn only_ascii_digits_are_a_number(text in "[0-9٣+ .-]{0,22}") {
        let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        match parse_digits(&text) {
            Some(value) => prop_assert!(plain && value.to_string() == text.trim_start_matches('0').parse::<i64>().unwrap_or(0).to_string()),
            None => prop_assert!(!plain || text.trim_start_matches('0').len() >= 19),
        }
    }
}

#[test]
fn moments_are_written_in_the_companys_time_zone() {
    let zone = TimeZone::get("Europe/Vilnius").unwrap();
    let summer = "2027-06-30T21:30:00Z".parse().unwrap();
    assert_eq!(moment_text(summer, &zone), "2027-07-01 00:30:00");
    assert_eq!(day_of(summer, &zone), date(2027, 7, 1));
    let winter = "2027-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(moment_text(winter, &zone), "2027-01-01 02:00:00");
    for wrong in ["2027-1-01", "2027-02-30", "tomorrow", "2027-01-01 ", "+027-01-01", "20270-1-01"] {
        assert_eq!(parse_day(wrong), None, "{wrong}");
    }
}
