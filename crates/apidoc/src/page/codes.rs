//! A code's entry.

use askama::Template;
use domain::language::Language;

use super::{markup::text, words::Words};
use crate::{
    model::{Again, Charged, Code, CodeId, Elsewhere, Exchange, Provoked},
    snippets::{Tongue, program},
};

#[derive(Template)]
#[template(path = "code.html")]
struct CodeView<'a> {
    w: Words<'a>,
    code: &'a Code,
    calls: Vec<String>,
    answer: String,
    why_not: &'static str,
}

/// The entry of a code.
pub(super) fn entry(w: Words<'_>, code: &Code) -> String {
    let curl = |exchange: &Exchange| text(&program(Tongue::Curl, &w.facts.public_url, exchange));
    let (calls, answer, why_not) = match &code.provoked {
        Provoked::By(calls) => (calls.iter().map(curl).collect(), calls.last(), ""),
        Provoked::Not(why, seen) => (Vec::new(), seen.as_ref(), w.ui(why)),
    };
    let answer = answer.map(|exchange| text(&exchange.json)).unwrap_or_default();
    CodeView { w, code, calls, answer, why_not }.render().unwrap_or_default()
}

impl CodeView<'_> {
    fn number(&self) -> String {
        match self.code.id {
            CodeId::Apih(fault) => fault.code().to_string(),
            CodeId::Json(_) => self.code.status.to_string(),
        }
    }

    fn text_in(&self, code: &str) -> &str {
        let language = code.parse::<Language>().unwrap_or_default();
        self.code.text.get(language)
    }

    fn text(&self) -> &str {
        self.text_in(self.w.code())
    }

    /// The other languages: the page's own stands above.
    fn languages(&self) -> Vec<&'static str> {
        Language::ALL.into_iter().filter(|language| *language != self.w.language).map(Language::code).collect()
    }

    fn charged(&self) -> &'static str {
        self.w.ui(match self.code.charged {
            Charged::No => "charged_no",
            Charged::Unknown => "charged_unknown",
            Charged::Yes => "charged_yes",
            Charged::Later => "charged_later",
        })
    }

    fn again(&self) -> &'static str {
        self.w.ui(match self.code.again {
            Again::Useless => "again_useless",
            Again::Later => "again_later",
            Again::WithRequestId => "again_requestid",
            Again::No => "again_no",
        })
    }

    /// What it means in the other dialect; nothing for a code of the other surface, which has none.
    fn elsewhere(&self) -> String {
        if matches!(self.code.id, CodeId::Json(_)) {
            return String::new();
        }
        let other = if self.w.rootpanel() { "friendhosting" } else { "rootpanel" };
        let said = match &self.code.elsewhere {
            Elsewhere::Same => self.w.ui("elsewhere_same").to_owned(),
            Elsewhere::Missing => self.w.ui("elsewhere_missing").to_owned(),
            Elsewhere::Extension => return self.w.ui("elsewhere_extension").to_owned(),
            Elsewhere::Other(critical, text) => {
                let kind = self.w.ui(if *critical { "critical" } else { "not_critical" });
                format!("{kind}: {}", text.get(self.w.language))
            }
        };
        format!("{other}: {said}")
    }
}
