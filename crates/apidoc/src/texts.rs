//! The texts in three languages (`texts/*.toml`): what the registries don't say themselves.
//!
//! What a registry says of a command or a field, it says in English, once. `ru.toml` and `lt.toml` have it under
//! `[says]` by the English text itself: whoever changes the English meets a test that asks for the others.

use std::{collections::BTreeMap, sync::LazyLock};

use domain::language::Language;
use serde::Deserialize;

use crate::model::Text;

/// One language's file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Words of the page: headings, labels, buttons.
    ui: BTreeMap<String, String>,
    /// Paragraphs, by where they stand.
    prose: BTreeMap<String, String>,
    /// What codes mean and what to do about them.
    codes: BTreeMap<String, OfCode>,
    /// What the registries say, by their English; none in English.
    #[serde(default)]
    says: BTreeMap<String, String>,
}

/// What there is to say of a code beside its text in the table.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfCode {
    /// When it is answered.
    when: String,
    /// What to do then.
    todo: String,
}

static FILES: LazyLock<[File; 3]> = LazyLock::new(|| {
    let sources =
        [include_str!("../texts/ru.toml"), include_str!("../texts/en.toml"), include_str!("../texts/lt.toml")];
    // A test reads them: one that can't be read never gets here.
    sources.map(|text| toml::from_str(text).unwrap_or_default())
});

fn file(language: Language) -> &'static File {
    let [ru, en, lt] = &*FILES;
    match language {
        Language::Ru => ru,
        Language::En => en,
        Language::Lt => lt,
    }
}

/// A word of the page. A key that there isn't is shown as it is, which a test finds.
pub(crate) fn ui(language: Language, key: &str) -> &'static str {
    #[cfg(test)]
    tests::note("ui", key);
    file(language).ui.get(key).map_or("⟨no text⟩", String::as_str)
}

/// A paragraph.
pub(crate) fn prose(language: Language, key: &str) -> &'static str {
    #[cfg(test)]
    tests::note("prose", key);
    file(language).prose.get(key).map_or("⟨no text⟩", String::as_str)
}

/// What a registry says in English, in every language: in English where there is no other.
pub(crate) fn says(english: &str) -> Text {
    #[cfg(test)]
    tests::note("says", english);
    Text::of(|language| match language {
        Language::En => english.to_owned(),
        other => file(other).says.get(english).map_or(english, String::as_str).to_owned(),
    })
}

/// When a code is answered.
pub(crate) fn when(key: &str) -> Text {
    #[cfg(test)]
    tests::note("codes", key);
    Text::of(|language| file(language).codes.get(key).map_or("⟨no text⟩", |code| &code.when).to_owned())
}

/// What to do about a code.
pub(crate) fn todo(key: &str) -> Text {
    Text::of(|language| file(language).codes.get(key).map_or("⟨no text⟩", |code| &code.todo).to_owned())
}

/// Asks for what depends on catalogues and settings that no test has all of: reasons, and kinds that no field has.
#[cfg(test)]
pub(crate) fn ask_for_reasons() {
    for key in ["why_hidden", "why_all_sold", "why_not_sold", "why_not_run", "kind_text"] {
        ui(Language::En, key);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{cell::RefCell, collections::BTreeSet};

    use super::*;

    tokio::task_local! {
        /// What was asked for within one test: other tests of the same process ask for other texts.
        static ASKED: RefCell<BTreeSet<String>>;
    }

    pub(super) fn note(kind: &str, key: &str) {
        // Most tests don't gather what is asked for.
        let _gathered = ASKED.try_with(|asked| asked.borrow_mut().insert(format!("{kind} {key}")));
    }

    /// Every text of a language, as `kind key`.
    fn keys(language: Language) -> BTreeSet<String> {
        let file = file(language);
        let mut all: BTreeSet<String> = file.ui.keys().map(|key| format!("ui {key}")).collect();
        all.extend(file.prose.keys().map(|key| format!("prose {key}")));
        all.extend(file.codes.keys().map(|key| format!("codes {key}")));
        all.extend(file.says.keys().map(|key| format!("says {key}")));
        all
    }

    #[test]
    fn the_files_can_be_read_and_no_text_is_empty() {
        for text in
            [include_str!("../texts/ru.toml"), include_str!("../texts/en.toml"), include_str!("../texts/lt.toml")]
        {
            let file: File = toml::from_str(text).unwrap();
            let texts = file.ui.values().chain(file.prose.values()).chain(file.says.values());
            let of_codes = file.codes.values().flat_map(|code| [&code.when, &code.todo]);
            assert!(texts.chain(of_codes).all(|text| !text.trim().is_empty()));
        }
    }

    #[test]
    fn every_language_has_the_same_texts() {
        assert_eq!(keys(Language::Ru), keys(Language::Lt));
        let own =
            |keys: BTreeSet<String>| keys.into_iter().filter(|k| !k.starts_with("says ")).collect::<BTreeSet<_>>();
        assert_eq!(own(keys(Language::Ru)), keys(Language::En));
    }

    /// Fails unless what `asking` asks for is exactly what there is.
    pub(crate) async fn assert_all_asked_for(asking: impl Future<Output = ()>) {
        let gathered = async {
            asking.await;
            ASKED.with(RefCell::take)
        };
        let asked = ASKED.scope(RefCell::default(), gathered).await;
        let there = keys(Language::Ru);
        let missing: Vec<_> = asked.difference(&there).collect();
        assert!(missing.is_empty(), "texts/ru.toml and texts/lt.toml lack: {missing:#?}");
        let unused: Vec<_> = there.difference(&asked).collect();
        assert!(unused.is_empty(), "texts of what is no more: {unused:#?}");
    }

    #[tokio::test]
    async fn what_other_tests_ask_for_is_not_gathered() {
        says("a text that there isn't");
        let asking = async { keys(Language::Ru).iter().for_each(|key| note_key(key)) };
        assert_all_asked_for(asking).await;
    }

    fn note_key(key: &str) {
        let (kind, key) = key.split_once(' ').unwrap();
        note(kind, key);
    }
}
