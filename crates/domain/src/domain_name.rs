//! Domain names as orders carry them (CONTRACT 1.5, "Domain").
//!
//! A name is kept in two forms: the A-label form, which is what makes it unique, and lower-case Unicode, which is what
//! a client reads back. Both are canonical, and each parses to the same value.
//!
//! Where the contract leaves room, the choice is:
//! - the top-level label may be any, but not all digits: `1.2.3.4` is an address, and `host.5` can be none (RFC 3696);
//! - Han with Hiragana and Katakana, with Hangul, or with Bopomofo is how Japanese, Korean and Chinese are written, and
//!   counts as one script, as in UTS 39; Latin beside them is a second script, and refused;
//! - the hyphens of `ab--cd.lt` are reserved for the likes of `xn--`, and refused, as UTS 46 has it when strict;
//! - what UTS 46 maps is mapped first (full-width letters, `。` for a dot); of what is left, signs that are no letters,
//!   marks or digits (emoji, `⁄`) are refused, as registries do (IDNA 2008).

use std::fmt;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use thiserror::Error;
use unicode_script::{Script, ScriptExtension, UnicodeScript};

/// The longest name in its A-label form, in bytes, without a trailing dot (RFC 1035).
const MAX_NAME: usize = 253;
/// The longest label in its A-label form, in bytes (RFC 1035).
const MAX_LABEL: usize = 63;
/// More bytes than any spelling of a valid name needs (253 characters of four bytes, decomposed); longer text isn't
/// worth the work of mapping it.
const MAX_INPUT: usize = 4096;
/// The characters that UTS 46 maps to a full stop, and the full stop.
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{FF0E}', '\u{FF61}'];
/// Signs that IDNA 2008 allows though they are no letters: the middle dots of Catalan and Japanese.
const LETTER_LIKE: [char; 2] = ['\u{B7}', '\u{30FB}'];

/// A valid domain name of at least two labels. Two spellings of one name are equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName {
    ascii: String,
    unicode: String,
}

/// The rule that a text breaks, so that it is no domain name (code 13 of `/apih.php`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotADomain {
    /// Nothing, or nothing but a dot.
    #[error("the name is empty")]
    Empty,
    /// A NUL or another control character.
    #[error("the name holds a control character")]
    ControlCharacter,
    /// UTS 46 refuses it: a space, an underscore, a hyphen at an end of a label, an invalid `xn--` label and the like.
    #[error("the name may hold letters, digits and hyphens inside its labels alone")]
    Malformed,
    /// A sign that is neither a letter nor a digit, like an emoji.
    #[error("the name holds a sign that is no letter, digit or hyphen")]
    NotALetter,
    /// Two dots in a row, or a dot at the beginning.
    #[error("the name has an empty label")]
    EmptyLabel,
    /// No dot between two labels.
    #[error("the name needs at least two labels")]
    OneLabel,
    /// A label of more than 63 bytes in its A-label form.
    #[error("a label of the name is longer than 63 bytes")]
    LabelTooLong,
    /// More than 253 bytes in the A-label form.
    #[error("the name is longer than 253 bytes")]
    TooLong,
    /// The top-level label is all digits: an IPv4 address, or nothing that can be registered.
    #[error("the top-level label is all digits")]
    NumericTopLevel,
    /// A label with letters of two scripts, like Latin `o` in a Cyrillic word.
    #[error("a label of the name mixes scripts")]
    MixedScripts,
}

impl DomainName {
    /// Reads a name in UTF-8 or as A-labels, of any case, with or without one trailing dot.
    ///
    /// White space around the name is the caller's to trim: here it is malformed.
    ///
    /// # Errors
    /// The first rule that the text breaks.
    pub fn parse(text: &str) -> Result<DomainName, NotADomain> {
        if text.chars().any(char::is_control) {
            return Err(NotADomain::ControlCharacter);
        }
        if text.len() > MAX_INPUT {
            return Err(NotADomain::TooLong);
        }
        let name = text.strip_suffix(DOTS).unwrap_or(text);
        if name.is_empty() {
            return Err(NotADomain::Empty);
        }
        // The lengths are checked below, for an error of their own; everything else is as strict as UTS 46 can be.
        let ascii = Uts46::new()
            .to_ascii(name.as_bytes(), AsciiDenyList::STD3, Hyphens::Check, DnsLength::Ignore)
            .map_err(|_| NotADomain::Malformed)?
            .into_owned();
        check_ascii(&ascii)?;
        let (unicode, valid) = Uts46::new().to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, Hyphens::Check);
        valid.map_err(|_| NotADomain::Malformed)?;
        unicode.split('.').try_for_each(check_letters)?;
        let unicode = unicode.into_owned();
        Ok(DomainName { ascii, unicode })
    }

    /// A name out of the database, where only what [`DomainName::parse`] made is stored; it is not checked again, so
    /// that a later version of Unicode can't make a stored order unreadable.
    #[must_use]
    pub fn from_stored(ascii: String, unicode: String) -> DomainName {
        DomainName { ascii, unicode }
    }

    /// The A-label form, in lower case: what makes the name unique.
    #[must_use]
    pub fn ascii(&self) -> &str {
        &self.ascii
    }

    /// The lower-case Unicode form: what a client reads back.
    #[must_use]
    pub fn unicode(&self) -> &str {
        &self.unicode
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.unicode)
    }
}

/// The rules of DNS, over the A-label form.
fn check_ascii(ascii: &str) -> Result<(), NotADomain> {
    if ascii.split('.').any(str::is_empty) {
        return Err(NotADomain::EmptyLabel);
    }
    if ascii.split('.').any(|label| label.len() > MAX_LABEL) {
        return Err(NotADomain::LabelTooLong);
    }
    if ascii.len() > MAX_NAME {
        return Err(NotADomain::TooLong);
    }
    let Some((_, top)) = ascii.rsplit_once('.') else { return Err(NotADomain::OneLabel) };
    if top.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotADomain::NumericTopLevel);
    }
    Ok(())
}

/// The rules for people's eyes, over one label in Unicode.
fn check_letters(label: &str) -> Result<(), NotADomain> {
    if !label.chars().all(is_letter_digit_or_hyphen) {
        return Err(NotADomain::NotALetter);
    }
    if !is_of_one_script(label) {
        return Err(NotADomain::MixedScripts);
    }
    Ok(())
}

/// Vowel signs and the like are no letters of their own, but belong to a script or inherit it; signs are Common.
fn is_letter_digit_or_hyphen(c: char) -> bool {
    c == '-' || c.is_alphanumeric() || c.script() != Script::Common || LETTER_LIKE.contains(&c)
}

/// Whether one script, or one of the families of scripts that a language is written in, covers every character.
/// Common and inherited characters, such as digits and hyphens, go with every script.
fn is_of_one_script(label: &str) -> bool {
    const FAMILIES: [&[Script]; 3] = [
        &[Script::Han, Script::Hiragana, Script::Katakana],
        &[Script::Han, Script::Hangul],
        &[Script::Han, Script::Bopomofo],
    ];
    let within = |family: &[Script]| {
        label.chars().all(|c| {
            let scripts = c.script_extension();
            family.iter().any(|script| scripts.contains_script(*script))
        })
    };
    !ScriptExtension::for_str(label).is_empty() || FAMILIES.iter().any(|family| within(family))
}

#[cfg(test)]
#[path = "domain_name/tests.rs"]
mod tests;
