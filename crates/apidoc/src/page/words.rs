//! The page's words, in its language.

use domain::language::Language;
use gateway_http::faults::Dialect;

use super::markup;
use crate::{
    model::{Facts, Text},
    texts,
};

/// The words of a page.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) language: Language,
    pub(super) facts: &'a Facts,
}

impl Words<'_> {
    /// A word or a label.
    pub(super) fn ui(&self, key: &str) -> &'static str {
        texts::ui(self.language, key)
    }

    /// A label whose key is made of two parts.
    pub(super) fn of(&self, kind: &str, key: &str) -> &'static str {
        texts::ui(self.language, &format!("{kind}{key}"))
    }

    /// Paragraphs, as HTML.
    pub(super) fn prose(&self, key: &str) -> String {
        markup::blocks(texts::prose(self.language, key), self.facts)
    }

    /// A line of a registry or a code's text, as HTML.
    pub(super) fn line(&self, text: &Text) -> String {
        markup::line(text.get(self.language), self.facts)
    }

    /// The place of that element id in the other languages, for who reads without scripts: with them the page's own switch
    /// keeps the place.
    pub(super) fn switch(&self, id: impl AsRef<str>) -> String {
        let others = Language::ALL.into_iter().filter(|language| *language != self.language).map(Language::code);
        let id = markup::escape(id.as_ref());
        let links: Vec<String> = others.map(|code| format!("<a href=\"?lang={code}#{id}\">{code}</a>")).collect();
        format!("<noscript>{}</noscript>", links.join(" "))
    }

    /// The language's code.
    pub(super) const fn code(&self) -> &'static str {
        self.language.code()
    }

    /// Whether the rootpanel dialect is in force.
    pub(super) fn rootpanel(&self) -> bool {
        self.facts.dialect == Dialect::Rootpanel
    }
}
