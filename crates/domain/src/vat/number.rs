//! What VAT numbers of the European Union look like. Whether one was given to anybody, only its country knows.

use super::Country;

/// The shapes of the member states' numbers behind the prefix: `9` is a digit, `A` a letter, `*` either, and any other
/// character itself.
const SHAPES: [(&str, &[&str]); 27] = [
    ("AT", &["U99999999"]),
    ("BE", &["0999999999", "1999999999"]),
    ("BG", &["999999999", "9999999999"]),
    ("CY", &["99999999A"]),
    ("CZ", &["99999999", "999999999", "9999999999"]),
    ("DE", &["999999999"]),
    ("DK", &["99999999"]),
    ("EE", &["999999999"]),
    ("ES", &["*9999999*"]),
    ("FI", &["99999999"]),
    ("FR", &["**999999999"]),
    ("GR", &["999999999"]),
    ("HR", &["99999999999"]),
    ("HU", &["99999999"]),
    ("IE", &["9*99999A", "9999999AA"]),
    ("IT", &["99999999999"]),
    ("LT", &["999999999", "999999999999"]),
    ("LU", &["99999999"]),
    ("LV", &["99999999999"]),
    ("MT", &["99999999"]),
    ("NL", &["999999999B99"]),
    ("PL", &["9999999999"]),
    ("PT", &["999999999"]),
    ("RO", &["99", "999", "9999", "99999", "999999", "9999999", "99999999", "999999999", "9999999999"]),
    ("SE", &["999999999999"]),
    ("SI", &["99999999"]),
    ("SK", &["9999999999"]),
];

/// Whether a text looks like a VAT number of a member state: its prefix and one of its shapes. Blanks, dots and hyphens
/// between are left out. No other country's is one.
#[must_use]
pub fn is_vat_number(text: &str, of: Country) -> bool {
    let plain: String = text.chars().filter(|c| !matches!(c, ' ' | '.' | '-')).collect();
    let Some((_, shapes)) = SHAPES.iter().find(|(code, _)| *code == of.code()) else { return false };
    plain.strip_prefix(of.vat_prefix()).is_some_and(|rest| shapes.iter().any(|shape| has_shape(rest, shape)))
}

fn has_shape(text: &str, shape: &str) -> bool {
    let fits = |(c, wanted): (char, char)| match wanted {
        '9' => c.is_ascii_digit(),
        'A' => c.is_ascii_uppercase(),
        '*' => c.is_ascii_digit() || c.is_ascii_uppercase(),
        itself => c == itself,
    };
    text.chars().count() == shape.chars().count() && text.chars().zip(shape.chars()).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(text: &str, of: &str) -> bool {
        is_vat_number(text, of.parse().expect("a country"))
    }

    #[test]
    fn numbers_are_told_by_their_country_s_shapes() {
        assert!(SHAPES.iter().all(|(code, _)| code.parse::<Country>().is_ok_and(|country| country.is_in_union())));
        for (text, of) in [
            ("LT100012345678", "LT"),
            ("LT 123456789", "LT"),
            ("DE-123.456.789", "DE"),
            ("EL123456789", "GR"),
            ("ATU12345678", "AT"),
            ("NL123456789B01", "NL"),
            ("IE1A23456B", "IE"),
            ("FRX1123456789", "FR"),
            ("RO12", "RO"),
        ] {
            assert!(looks(text, of), "{text}");
        }
        for (text, of) in [
            ("100012345678", "LT"),
            ("LT1234567890", "LT"),
            ("lt123456789", "LT"),
            ("DE123456789", "LT"),
            ("GR123456789", "GR"),
            ("GB123456789", "GB"),
            ("LT12345678９", "LT"),
            ("", "LT"),
        ] {
            assert!(!looks(text, of), "{text}");
        }
    }
}
