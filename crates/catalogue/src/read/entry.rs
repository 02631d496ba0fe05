//! One table of the file. Each of its keys is read once; whatever is wrong is noted, and reading goes on.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::values::{Read, kind};
use crate::mistake::{Mistakes, did_you_mean};

/// A value and where it stands.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// A table with its path. A reader's outer `None` says that something was wrong with the value, and was noted.
pub(super) struct Entry<'a, 't> {
    table: &'a DeTable<'t>,
    at: usize,
    path: String,
    mistakes: &'a Mistakes<'t>,
}

impl<'a, 't> Entry<'a, 't> {
    /// The whole file.
    pub(super) fn root(mistakes: &'a Mistakes<'t>, table: &'a DeTable<'t>, keys: &[&str]) -> Self {
        Self { table, at: 0, path: String::new(), mistakes }.with_keys(keys)
    }

    /// Notes the keys that it should not have.
    fn with_keys(self, keys: &[&str]) -> Self {
        for (written, _) in self.table.iter() {
            let name = written.get_ref().as_ref();
            if !keys.contains(&name) {
                let near = did_you_mean(name, keys.iter().copied());
                let reason = format!("there is no key {name:?} here{near}: use one of {}", keys.join(", "));
                self.mistakes.add(written.span().start, &self.path, reason);
            }
        }
        self
    }

    /// The value of a key, if it is there.
    pub(super) fn found(&self, key: &str) -> Option<&'a Value<'t>> {
        self.table.get(key)
    }

    /// Reads a key that need not be there.
    pub(super) fn optional<T>(&self, key: &str, read: impl FnOnce(&DeValue<'t>) -> Read<T>) -> Option<Option<T>> {
        let Some(value) = self.found(key) else { return Some(None) };
        match read(value.get_ref()) {
            Ok(value) => Some(Some(value)),
            Err(reason) => {
                self.mistake_at(value, format!("{key}: {reason}"));
                None
            }
        }
    }

    /// Reads a key that has a default.
    pub(super) fn or<T>(&self, key: &str, default: T, read: impl FnOnce(&DeValue<'t>) -> Read<T>) -> Option<T> {
        self.optional(key, read).map(|value| value.unwrap_or(default))
    }

    /// Reads a key that must be there.
    pub(super) fn required<T>(&self, key: &str, read: impl FnOnce(&DeValue<'t>) -> Read<T>) -> Option<T> {
        let value = self.optional(key, read)?;
        if value.is_none() {
            self.absent(key);
        }
        value
    }

    /// Notes a key that must be there, but isn't.
    pub(super) fn absent(&self, key: &str) {
        self.lacking(&format!("{key} is missing: add it"));
    }

    /// Opens a table within this one.
    pub(super) fn table(&self, key: &str, keys: &[&str]) -> Option<Option<Entry<'a, 't>>> {
        let Some(value) = self.found(key) else { return Some(None) };
        self.inner(value, key, key, keys).map(Some)
    }

    /// Opens the table of exchange rates, whose keys are currencies.
    pub(super) fn rates(&self) -> Option<Entry<'a, 't>> {
        let value = self.found("rates")?;
        if value.get_ref().as_table().is_none() {
            self.mistake_at(
                value,
                format!("rates: must be lines like JPY = 160 below [rates], not {}", kind(value.get_ref())),
            );
        }
        Some(Self { table: value.get_ref().as_table()?, at: value.span().start, path: "rates".to_owned(), ..*self })
    }

    /// The elements of a list, none if the key isn't there.
    pub(super) fn list(&self, key: &str) -> Option<Vec<&'a Value<'t>>> {
        let Some(value) = self.found(key) else { return Some(Vec::new()) };
        let list = value.get_ref().as_array();
        if list.is_none() {
            self.mistake_at(value, format!("{key}: must be a list in [ ], not {}", kind(value.get_ref())));
        }
        Some(list?.iter().collect())
    }

    /// Opens an element of this entry's list `key` as a table of its own name.
    pub(super) fn inner(&self, value: &'a Value<'t>, key: &str, name: &str, keys: &[&str]) -> Option<Entry<'a, 't>> {
        let Some(table) = value.get_ref().as_table() else {
            self.mistake_at(
                value,
                format!("{key}: must be a table of {}, not {}", keys.join(", "), kind(value.get_ref())),
            );
            return None;
        };
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{} / {name}", self.path) };
        Some(Entry { table, at: value.span().start, path, mistakes: self.mistakes }.with_keys(keys))
    }

    /// Notes a mistake in the entry as a whole.
    pub(super) fn mistake(&self, reason: &str) {
        self.mistakes.add(self.at, &self.path, reason.to_owned());
    }

    /// Notes a mistake in one of its values.
    pub(super) fn mistake_at(&self, value: &Value<'t>, reason: String) {
        self.mistakes.add(value.span().start, &self.path, reason);
    }

    /// Notes that the entry lacks something.
    pub(super) fn lacking(&self, reason: &str) {
        self.mistakes.add_absent(self.at, &self.path, reason.to_owned());
    }

    /// Notes that a value names what isn't there. That may come of a syntax error elsewhere.
    pub(super) fn dangling(&self, value: &Value<'t>, reason: String) {
        self.mistakes.add_absent(value.span().start, &self.path, reason);
    }

    /// The line that a value stands on.
    pub(super) fn line(&self, value: &Value<'t>) -> usize {
        self.mistakes.line(value.span().start)
    }

    /// The keys that are there, with their values.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a Value<'t>)> + use<'a, 't> {
        self.table.iter().map(|(key, value)| (key.get_ref().as_ref(), value))
    }
}
