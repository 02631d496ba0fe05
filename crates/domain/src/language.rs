//! The languages of texts.

/// The languages of texts (CONTRACT 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// Russian, the default.
    #[default]
    Ru,
    /// English.
    En,
    /// Lithuanian.
    Lt,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 3] = [Language::Ru, Language::En, Language::Lt];

    /// The ISO 639-1 code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ru => "ru",
            Self::En => "en",
            Self::Lt => "lt",
        }
    }
}

impl std::str::FromStr for Language {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|l| l.code() == text);
        found.ok_or_else(|| format!("{text:?} is not a language here: ru, en or lt"))
    }
}

impl std::fmt::Display for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}
