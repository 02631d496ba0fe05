//! Numbers, amounts and days as each language writes them.

use domain::{
    language::Language,
    money::{Currency, Money, Percent},
};
use jiff::civil::Date;

/// Keeps what belongs together on one line.
pub const NO_BREAK: char = '\u{a0}';

const MINUS: char = '−';

/// An amount alone: `1 234,50` in Lithuanian and Russian, `1,234.50` in English.
pub fn amount(money: Money, language: Language) -> String {
    number(&money.to_string(), language)
}

/// An amount with its currency: `1 234,50 €`, `€1,234.50`, `1 234 JPY`, `JPY 1,234`.
#[must_use]
pub fn sum(money: Money, language: Language) -> String {
    let figures = amount(money, language);
    match (language, money.currency()) {
        (Language::En, Currency::EUR) => match figures.strip_prefix(MINUS) {
            Some(positive) => format!("{MINUS}€{positive}"),
            None => format!("€{figures}"),
        },
        (Language::En, other) => format!("{other}{NO_BREAK}{figures}"),
        (_, Currency::EUR) => format!("{figures}{NO_BREAK}€"),
        (_, other) => format!("{figures}{NO_BREAK}{other}"),
    }
}

/// A share: `7,5 %` in Lithuanian and Russian, `7.5%` in English.
pub fn percent(share: Percent, language: Language) -> String {
    let figures = number(&share.to_string(), language);
    match language {
        Language::En => format!("{figures}%"),
        Language::Lt | Language::Ru => format!("{figures}{NO_BREAK}%"),
    }
}

/// A plain decimal (`-1234.5`) as the language writes it.
fn number(plain: &str, language: Language) -> String {
    let (separator, point) = match language {
        Language::En => (',', '.'),
        Language::Lt | Language::Ru => (NO_BREAK, ','),
    };
    let unsigned = plain.strip_prefix('-');
    let (whole, fraction) = match unsigned.unwrap_or(plain).split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned.unwrap_or(plain), None),
    };
    let mut text = String::new();
    if unsigned.is_some() {
        text.push(MINUS);
    }
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push(point);
        text.push_str(fraction);
    }
    text
}

/// A day: `2027 m. sausio 31 d.`, `31 января 2027 г.`, `31 January 2027`; its parts never break apart.
#[must_use]
pub fn day(date: Date, language: Language) -> String {
    let (year, day) = (date.year(), date.day());
    let month = month(date.month(), language);
    let text = match language {
        Language::Lt => format!("{year} m. {month} {day} d."),
        Language::Ru => format!("{day} {month} {year} г."),
        Language::En => format!("{day} {month} {year}"),
    };
    text.replace(' ', NO_BREAK.encode_utf8(&mut [0; 2]))
}

/// A number of months, abbreviated where the language has a usual abbreviation.
#[must_use]
pub fn months(count: u16, language: Language) -> String {
    match (language, count) {
        (Language::Lt, _) => format!("{count}{NO_BREAK}mėn."),
        (Language::Ru, _) => format!("{count}{NO_BREAK}мес."),
        (Language::En, 1) => format!("1{NO_BREAK}month"),
        (Language::En, _) => format!("{count}{NO_BREAK}months"),
    }
}

/// The month in the case that dates want; the calendar knows no others than 1 to 12.
fn month(number: i8, language: Language) -> &'static str {
    let names: [&str; 12] = match language {
        Language::Lt => [
            "sausio",
            "vasario",
            "kovo",
            "balandžio",
            "gegužės",
            "birželio",
            "liepos",
            "rugpjūčio",
            "rugsėjo",
            "spalio",
            "lapkričio",
            "gruodžio",
        ],
        Language::Ru => [
            "января",
            "февраля",
            "марта",
            "апреля",
            "мая",
            "июня",
            "июля",
            "августа",
            "сентября",
            "октября",
            "ноября",
            "декабря",
        ],
        Language::En => [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
    };
    usize::try_from(number - 1).ok().and_then(|at| names.get(at)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn days_are_written_as_each_language_does() {
        let plain = |language| day(date(2027, 1, 31), language).replace(NO_BREAK, " ");
        assert_eq!(plain(Language::Lt), "2027 m. sausio 31 d.");
        assert_eq!(plain(Language::Ru), "31 января 2027 г.");
        assert_eq!(plain(Language::En), "31 January 2027");
        assert!(!day(date(2027, 1, 31), Language::Lt).contains(' '));
    }

    #[test]
    fn each_month_has_its_own_name() {
        for language in Language::ALL {
            let mut names: Vec<_> = (1..=12).map(|number| month(number, language)).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), 12, "{language}");
            assert!(!names.contains(&""));
        }
    }

    #[test]
    fn amounts_have_the_separators_of_their_language() {
        let euros = Money::minor(-123_456_789, Currency::EUR);
        assert_eq!(amount(euros, Language::Lt), "−1\u{a0}234\u{a0}567,89");
        assert_eq!(amount(euros, Language::En), "−1,234,567.89");
        assert_eq!(sum(euros, Language::En), "−€1,234,567.89");
        assert_eq!(sum(euros, Language::Ru), "−1\u{a0}234\u{a0}567,89\u{a0}€");
        assert_eq!(sum(Money::minor(1_000, Currency::JPY), Language::Lt), "1\u{a0}000\u{a0}JPY");
        assert_eq!(sum(Money::minor(999, Currency::BHD), Language::En), "BHD\u{a0}0.999");
        assert_eq!(amount(Money::minor(99_999, Currency::EUR), Language::En), "999.99");
    }

    #[test]
    fn shares_and_months_are_written_as_each_language_does() {
        let share = Percent::basis_points(750).expect("7.5 %");
        assert_eq!(percent(share, Language::Lt), "7,5\u{a0}%");
        assert_eq!(percent(share, Language::En), "7.5%");
        assert_eq!(months(1, Language::En), "1\u{a0}month");
        assert_eq!(months(12, Language::En), "12\u{a0}months");
        assert_eq!(months(3, Language::Lt), "3\u{a0}mėn.");
        assert_eq!(months(3, Language::Ru), "3\u{a0}мес.");
    }
}
