//! Text that others wrote, made fit to be kept and shown beside our own.

use std::borrow::Cow;

/// Whether a character does something to what it stands in beside being read: controls (C0, C1, DEL), line and
/// paragraph separators, and what turns the direction of writing (Unicode Standard Annex 9).
#[must_use]
pub fn is_active(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        )
}

/// The text with active characters spelled out, as JSON does (`\u001b`), but for those to `keep`. None is beyond four
/// digits. JSON and TOML in which they stood within texts mean the same afterwards.
#[must_use]
pub fn spelled_out<'a>(text: &'a str, keep: &[char]) -> Cow<'a, str> {
    let acts = |c: char| is_active(c) && !keep.contains(&c);
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut spelled = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) { spelled.push_str(&format!("\\u{:04x}", u32::from(c))) } else { spelled.push(c) }
    }
    Cow::Owned(spelled)
}

/// The text without active characters and white space around it, of at most so many characters. What separated words, as
/// a tab or the end of a line, does so as a space.
#[must_use]
pub fn plain(text: &str, most: usize) -> String {
    let kept = text.chars().filter_map(|c| match c {
        '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => Some(' '),
        c if is_active(c) => None,
        c => Some(c),
    });
    let kept: String = kept.collect();
    kept.trim().chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::{is_active, plain, spelled_out};

    #[test]
    fn what_acts_on_a_terminal_or_turns_text_is_gone() {
        assert_eq!(plain(" a\u{1b}]0;b\u{7}\r\nc\u{9b}d\u{202e}e\u{2066}\u{0} ", 500), "a]0;b  cde");
        assert_eq!(plain("Ąžuolas €", 7), "Ąžuolas");
    }

    #[test]
    fn what_acts_is_spelled_out() {
        assert_eq!(spelled_out("a\u{1b}[31m\r\n\u{9b}\u{202e}b", &['\n']), "a\\u001b[31m\\u000d\n\\u009b\\u202eb");
        assert!(matches!(spelled_out("Ąžuolas\n", &['\n']), Cow::Borrowed("Ąžuolas\n")));
    }

    proptest! {
        #[test]
        fn whatever_comes_in_is_bounded_and_inactive(text in "\\PC*|.*", most in 0_usize..50) {
            let plain = plain(&text, most);
            prop_assert!(plain.chars().count() <= most && !plain.contains(is_active));
        }
    }
}
