//! Where a country's VAT applies and where it does not: what Articles 5 to 7 of Directive 2006/112/EC say, as far as a
//! country's code or a postal code tells it.

use super::Country;

/// Countries that count as another for VAT (Article 7): transactions that begin or end there do so in that one.
const COUNT_AS: [(&str, &str); 2] = [("IM", "GB"), ("MC", "FR")];

/// Parts of member states in which the union's VAT does not apply (Article 6), by what their postal codes begin with.
/// Åland and the French overseas regions have country codes of their own as well, which are no member states'.
const OUTSIDE: [(&str, &[&str]); 6] = [
    // Heligoland, Büsingen.
    ("DE", &["27498", "78266"]),
    // The Canary Islands, Ceuta, Melilla.
    ("ES", &["35", "38", "51", "52"]),
    // Åland.
    ("FI", &["22"]),
    // Guadeloupe, Martinique, French Guiana, Réunion, Saint Pierre and Miquelon, Mayotte, Saint Barthélemy, Saint
    // Martin; the overseas countries and territories. 980 is Monaco, which counts as France.
    ("FR", &["971", "972", "973", "974", "975", "976", "977", "978", "984", "986", "987", "988"]),
    // Mount Athos.
    ("GR", &["63086", "63087"]),
    // Livigno, Campione d'Italia.
    ("IT", &["22061", "23041"]),
];

/// The country whose VAT applies in a country.
pub(super) fn counts_as(country: Country) -> Country {
    let other = COUNT_AS.iter().find(|(code, _)| *code == country.code());
    other.and_then(|(_, other)| other.parse().ok()).unwrap_or(country)
}

/// Whether a postal code is of a part of its country in which the union's VAT does not apply. All of these countries
/// have postal codes of five digits; what is written before and between them is left out.
pub(super) fn is_outside(country: Country, postal_code: &str) -> bool {
    let Some((_, parts)) = OUTSIDE.iter().find(|(code, _)| *code == country.code()) else { return false };
    let digits: String = postal_code.chars().filter(char::is_ascii_digit).collect();
    digits.len() == 5 && parts.iter().any(|part| digits.starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn country(code: &str) -> Country {
        code.parse().expect("two letters")
    }

    #[test]
    fn the_tables_are_of_countries_that_they_can_be_of() {
        for (code, parts) in OUTSIDE {
            assert!(country(code).is_in_union(), "{code}");
            for part in parts {
                assert!(part.len() <= 5 && part.bytes().all(|b| b.is_ascii_digit()), "{code} {part}");
            }
        }
        for (code, other) in COUNT_AS {
            assert!(!country(code).is_in_union() && counts_as(country(code)) == country(other), "{code}");
        }
    }

    #[test]
    fn a_postal_code_is_read_by_its_digits_and_counts_in_its_own_country_alone() {
        for (code, postal_code) in [
            ("ES", "35001"),
            ("ES", "E-38 400"),
            ("ES", "51001"),
            ("FR", "97400"),
            ("FI", "FI-22100"),
            ("DE", "D-78266"),
            ("IT", "23041"),
            ("GR", "630 86"),
        ] {
            assert!(is_outside(country(code), postal_code), "{code} {postal_code}");
        }
        for (code, postal_code) in [
            ("ES", "28001"),
            ("FR", "98000"),
            ("FR", "20000"),
            ("DE", "35037"),
            ("LT", "35001"),
            ("ES", "3500"),
            ("ES", "350011"),
            ("ES", ""),
            ("ES", "٣٥٠٠١"),
        ] {
            assert!(!is_outside(country(code), postal_code), "{code} {postal_code}");
        }
    }
}
