//! A text in every language.

use domain::language::Language;

/// A text in every language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// Russian.
    pub ru: String,
    /// English.
    pub en: String,
    /// Lithuanian.
    pub lt: String,
}

impl Text {
    /// The text that `of` has in each language.
    pub fn of(of: impl Fn(Language) -> String) -> Self {
        Self { ru: of(Language::Ru), en: of(Language::En), lt: of(Language::Lt) }
    }

    /// The text in a language.
    #[must_use]
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::Ru => &self.ru,
            Language::En => &self.en,
            Language::Lt => &self.lt,
        }
    }
}
