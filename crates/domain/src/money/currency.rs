//! The currencies that can be sold in, with their minor digits (ISO 4217).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! currencies {
    ($($code:ident $digits:literal),+ $(,)?) => {
        /// A currency of ISO 4217 that customers can be billed in.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "the variants are ISO 4217 codes")]
        pub enum Currency { $($code),+ }

        impl Currency {
            /// Every currency there is here, in alphabetical order.
            pub const ALL: &'static [Currency] = &[$(Currency::$code),+];

            /// The ISO 4217 code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Currency::$code => stringify!($code)),+ }
            }

            /// Decimal places of the minor unit: 2 for EUR, 0 for JPY, 3 for BHD.
            #[must_use]
            pub const fn digits(self) -> u32 {
                match self { $(Currency::$code => $digits),+ }
            }
        }
    };
}

currencies!(
    AED 2, AMD 2, AUD 2, AZN 2, BGN 2, BHD 3, BRL 2, BYN 2, CAD 2, CHF 2, CLP 0, CNY 2, CZK 2, DKK 2, EUR 2, GBP 2,
    GEL 2, HKD 2, HUF 2, IDR 2, ILS 2, INR 2, ISK 0, JOD 3, JPY 0, KGS 2, KRW 0, KWD 3, KZT 2, MDL 2, MXN 2, MYR 2,
    NOK 2, NZD 2, OMR 3, PHP 2, PLN 2, QAR 2, RON 2, RSD 2, RUB 2, SAR 2, SEK 2, SGD 2, THB 2, TJS 2, TMT 2, TND 3,
    TRY 2, TWD 2, UAH 2, USD 2, UZS 2, VND 0, ZAR 2,
);

/// Not a currency of the list: its text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a currency code that can be billed in (ISO 4217, upper case)")]
pub struct UnknownCurrency(pub String);

impl FromStr for Currency {
    type Err = UnknownCurrency;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|c| c.code() == text).ok_or_else(|| UnknownCurrency(text.to_owned()))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_digits_are_those_of_iso_4217() {
        for currency in Currency::ALL {
            let iso = iso_currency::Currency::from_code(currency.code()).expect("an ISO code");
            assert_eq!(iso.exponent().map(u32::from), Some(currency.digits()), "{currency}");
        }
    }

    #[test]
    fn codes_are_read_back_and_sorted() {
        for currency in Currency::ALL {
            assert_eq!(currency.code().parse(), Ok(*currency));
        }
        assert!(Currency::ALL.is_sorted());
        assert!("eur".parse::<Currency>().is_err());
    }
}
