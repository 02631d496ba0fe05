//! Countries, as far as VAT tells them apart.

use std::{fmt, str::FromStr};

/// A country by its two capital letters (ISO 3166-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 2]);

/// Not two capital letters: what was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no country: write two capital letters (ISO 3166-1), such as LT")]
pub struct NotACountry(pub String);

/// The member states of the European Union, in alphabetical order.
const UNION: [&str; 27] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];

impl Country {
    /// Its two letters.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether it is a member state of the European Union.
    #[must_use]
    pub fn is_in_union(&self) -> bool {
        UNION.binary_search(&self.code()).is_ok()
    }

    /// What its VAT numbers begin with: its code, but Greece's.
    #[must_use]
    pub fn vat_prefix(&self) -> &str {
        if self.code() == "GR" { "EL" } else { self.code() }
    }
}

impl FromStr for Country {
    type Err = NotACountry;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.as_bytes() {
            [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(Self([*a, *b])),
            _ => Err(NotACountry(text.to_owned())),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_and_others_are_not() {
        assert!(UNION.is_sorted());
        for code in UNION {
            assert!(code.parse::<Country>().expect("a country").is_in_union(), "{code}");
        }
        for code in ["GB", "NO", "CH", "US", "UA", "XI", "EL"] {
            assert!(!code.parse::<Country>().expect("two letters").is_in_union(), "{code}");
        }
        for text in ["", "L", "lt", "LTU", "Ž", "L1"] {
            assert_eq!(text.parse::<Country>(), Err(NotACountry(text.to_owned())));
        }
    }
}
