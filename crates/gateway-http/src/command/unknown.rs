//! Names in a request that its command doesn't know. Old clients send all sorts of them, so they are no reason to
//! refuse; but one that is misspelt must not go unseen.

use super::Spec;
use crate::request::Fields;

/// What a client writes to have unknown names refused.
pub const STRICT: &str = "strict";
/// So many are named, at the most.
const NAMED: usize = 5;
/// The longest name that is told as it is, in characters.
const LONGEST: usize = 64;
/// Names that differ in so many letters may be meant.
const NEAR: usize = 2;

/// Names that a command doesn't know, each with the known one that is nearest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown(Vec<(String, Option<&'static str>)>);

impl Unknown {
    /// Those of a request. `common` are the fields of every command of the surface.
    #[must_use]
    pub fn of<F>(fields: &Fields, spec: &Spec<F>, common: &[&'static str]) -> Option<Self> {
        let known = || common.iter().copied().chain(spec.fields.iter().map(|field| field.name)).chain([STRICT]);
        let unknown = fields.given().map(|(name, _)| name).filter(|name| !known().any(|is| is == *name));
        let named: Vec<_> = unknown.take(NAMED).map(|name| (harmless(name), nearest(name, known()))).collect();
        (!named.is_empty()).then_some(Self(named))
    }

    /// The first of them.
    #[must_use]
    pub fn first(&self) -> &str {
        self.0.first().map_or("", |(name, _)| name)
    }
}

impl std::fmt::Display for Unknown {
    /// As the header tells them: `addon (addons?), x`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, (name, near)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{name}")?;
            if let Some(near) = near {
                write!(f, " ({near}?)")?;
            }
        }
        Ok(())
    }
}

/// A name that may stand in a header and a text: what is no plain letter is a question mark.
fn harmless(name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || "_-.".contains(letter) { letter } else { '?' };
    name.chars().take(LONGEST).map(plain).collect()
}

fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    if name.len() > LONGEST {
        return None;
    }
    let near = known.map(|is| (distance(&name.to_ascii_lowercase(), is), is));
    let near = near.filter(|(distance, is)| *distance <= NEAR && *distance < is.len().min(name.len()));
    near.min_by_key(|(distance, _)| *distance).map(|(_, is)| is)
}

/// In how many bytes two names differ: changed, left out or put in (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.bytes().enumerate() {
        let mut line = vec![row + 1];
        for ((against, diagonal), up) in other.bytes().zip(&above).zip(above.iter().skip(1)) {
            let left = line.last().copied().unwrap_or(row + 1);
            let changed = diagonal + usize::from(letter != against);
            line.push(changed.min(up + 1).min(left + 1));
        }
        above = line;
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::COMMANDS;

    fn told(fields: &[(&str, &str)]) -> Option<String> {
        let create = COMMANDS.iter().find(|command| command.spec().name == "createOrder").unwrap();
        let fields: Fields = fields.iter().copied().collect();
        Unknown::of(&fields, create.spec(), crate::command::COMMON_FIELDS).map(|unknown| unknown.to_string())
    }

    #[test]
    fn what_a_command_does_not_know_is_named_with_what_may_be_meant() {
        assert_eq!(told(&[("addons", "1"), ("login", "a"), ("strict", "1"), ("json", "1"), ("note", "")]), None);
        assert_eq!(told(&[("addon", "1")]).as_deref(), Some("addon (addons?)"));
        assert_eq!(
            told(&[("TarifID", "1"), ("tariff_id", "1")]).as_deref(),
            Some("TarifID (tarifid?), tariff_id (tarifid?)")
        );
        assert_eq!(told(&[("utm_source", "x")]).as_deref(), Some("utm_source"));
        assert_eq!(told(&[("a\r\nX: y", "x"), ("ą", "x")]).as_deref(), Some("a??X??y, ?"));
        let many: Vec<String> = (0..9).map(|at| format!("unheard{at}")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "1")).collect();
        assert_eq!(told(&many).unwrap().split(", ").count(), NAMED);
        let long = "x".repeat(70_000);
        assert!(told(&[(long.as_str(), "1")]).unwrap().len() <= LONGEST);
    }

    #[test]
    fn distances_are_symmetric_and_count_each_letter() {
        for (one, other, wanted) in
            [("", "", 0), ("a", "", 1), ("addon", "addons", 1), ("peroid", "period", 2), ("abc", "xyz", 3)]
        {
            assert_eq!((distance(one, other), distance(other, one)), (wanted, wanted), "{one} {other}");
        }
    }
}
