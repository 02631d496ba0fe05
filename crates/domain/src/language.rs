//! The languages in which Vartai speaks to customers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A customer's language. Russian is what a customer without a choice gets (CONTRACT 1.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Russian.
    #[default]
    Ru,
    /// English.
    En,
    /// Lithuanian.
    Lt,
}

impl Language {
    /// Every language, the default first.
    pub const ALL: [Self; 3] = [Self::Ru, Self::En, Self::Lt];

    /// The ISO 639-1 code: `ru`, `en` or `lt`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ru => "ru",
            Self::En => "en",
            Self::Lt => "lt",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The text is not the code of a language that Vartai speaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown language {0:?}: it is one of ru, en, lt")]
pub struct UnknownLanguage(pub String);

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|language| language.code() == code).ok_or_else(|| UnknownLanguage(code.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Language, UnknownLanguage};

    #[test]
    fn codes_read_back_as_the_language_that_wrote_them() {
        for language in Language::ALL {
            assert_eq!(language.to_string().parse(), Ok(language));
        }
    }

    #[test]
    fn anything_but_a_code_is_refused() {
        for text in ["", "RU", "ru ", "lv", "russian"] {
            assert_eq!(text.parse::<Language>(), Err(UnknownLanguage(text.to_owned())));
        }
    }

    #[test]
    fn a_customer_without_a_choice_reads_russian() {
        assert_eq!(Language::default(), Language::Ru);
    }
}
