//! Mistakes in the file, each with its place and what to do about it.

use std::{cell::RefCell, collections::BTreeSet};

use serde::Serialize;

/// A mistake in a catalogue file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[error("line {line}: {}{reason}", prefix(.path))]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// The entry, such as `tariff 10 / period 24`; empty at the top of the file.
    pub path: String,
    /// What is wrong, and what to write in its place.
    pub reason: String,
}

fn prefix(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

/// The mistakes found so far in a text.
pub(crate) struct Mistakes<'t> {
    text: &'t str,
    syntax: RefCell<Vec<Mistake>>,
    certain: RefCell<Vec<Mistake>>,
    /// Those that a syntax error elsewhere may have caused: of a line that can't be read, the key seems to be missing.
    doubtful: RefCell<Vec<Mistake>>,
}

impl<'t> Mistakes<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        Self { text, syntax: RefCell::default(), certain: RefCell::default(), doubtful: RefCell::default() }
    }

    /// Notes that the text is no TOML at a byte.
    pub(crate) fn add_syntax(&self, at: usize, reason: String) {
        let mistake = self.mistake(at, "", reason);
        self.syntax.borrow_mut().push(mistake);
    }

    /// Notes a mistake at a byte of the text.
    pub(crate) fn add(&self, at: usize, path: &str, reason: String) {
        let mistake = self.mistake(at, path, reason);
        self.certain.borrow_mut().push(mistake);
    }

    /// Notes something absent, which only counts when the whole file could be parsed.
    pub(crate) fn add_absent(&self, at: usize, path: &str, reason: String) {
        let mistake = self.mistake(at, path, reason);
        self.doubtful.borrow_mut().push(mistake);
    }

    /// All of them by line. Beside syntax errors only those that can't come of one.
    pub(crate) fn into_sorted(self) -> Vec<Mistake> {
        let mut all = self.syntax.into_inner();
        let mut rest = self.certain.into_inner();
        if all.is_empty() {
            rest.extend(self.doubtful.into_inner());
        } else {
            let unread: BTreeSet<usize> = all.iter().map(|mistake| mistake.line).collect();
            rest.retain(|mistake| !unread.contains(&mistake.line));
        }
        all.extend(rest);
        all.sort();
        all
    }

    /// The line of a byte, from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count()
    }

    fn mistake(&self, at: usize, path: &str, reason: String) -> Mistake {
        Mistake { line: self.line(at), path: path.to_owned(), reason }
    }
}

/// ` (did you mean …?)` when one of the candidates is close to what was written, else nothing.
pub(crate) fn did_you_mean<'c>(written: &str, candidates: impl IntoIterator<Item = &'c str>) -> String {
    let near = candidates.into_iter().map(|candidate| (distance(written, candidate), candidate)).min();
    match near {
        Some((edits, candidate)) if edits <= 1 + candidate.chars().count() / 4 => {
            format!(" (did you mean {candidate}?)")
        }
        _ => String::new(),
    }
}

/// The Levenshtein distance of two texts, in characters.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((b, above), diagonal) in to.chars().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or_default();
            next.push((above + 1).min(left + 1).min(diagonal + usize::from(a != b)));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_candidate_is_offered_if_it_is_near() {
        let keys = ["monthly", "months", "setup"];
        assert_eq!(did_you_mean("montly", keys), " (did you mean monthly?)");
        assert_eq!(did_you_mean("setpu", keys), " (did you mean setup?)");
        assert_eq!(did_you_mean("colour", keys), "");
        assert_eq!(did_you_mean("x", []), "");
    }

    #[test]
    fn distances_are_those_of_levenshtein() {
        for (from, to, edits) in
            [("", "", 0), ("", "ab", 2), ("kitten", "sitting", 3), ("ąb", "ab", 1), ("ab", "ba", 2)]
        {
            assert_eq!(distance(from, to), edits, "{from} → {to}");
            assert_eq!(distance(to, from), edits, "{to} → {from}");
        }
    }
}
