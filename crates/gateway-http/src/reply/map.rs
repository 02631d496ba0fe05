//! Named values in the order in which they go onto the wire.

use std::borrow::Cow;

use super::Reply;

/// An ordered map of which every key occurs once.
///
/// [`Map::with`] keeps building simple where the keys are written in the program. A key named twice is a mistake of
/// the program and never reaches a client: such a map refuses to be encoded. [`Map::try_push`] is for keys that are
/// data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Map {
    entries: Vec<(Cow<'static, str>, Reply)>,
    /// The first key that `with` met a second time.
    repeated: Option<Cow<'static, str>>,
}

/// The map has a value of that name already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the reply names {0:?} twice")]
pub struct DuplicateKey(pub String);

impl Map {
    /// A map without entries.
    pub const fn new() -> Self {
        Self { entries: Vec::new(), repeated: None }
    }

    /// The map with one entry more at its end. After a second value for a name the map can't be encoded any more.
    #[must_use]
    pub fn with(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Reply>) -> Self {
        let key = key.into();
        if self.contains(&key) {
            self.repeated.get_or_insert(key);
        } else {
            self.entries.push((key, value.into()));
        }
        self
    }

    /// Appends an entry.
    ///
    /// # Errors
    /// [`DuplicateKey`] if the name is taken; the map is as it was.
    pub fn try_push(&mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Reply>) -> Result<(), DuplicateKey> {
        let key = key.into();
        if self.contains(&key) {
            return Err(DuplicateKey(key.into_owned()));
        }
        self.entries.push((key, value.into()));
        Ok(())
    }

    /// The value of that name.
    pub fn get(&self, key: &str) -> Option<&Reply> {
        self.iter().find_map(|(name, value)| (name == key).then_some(value))
    }

    /// The entries in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Reply)> {
        self.entries.iter().map(|(key, value)| (key.as_ref(), value))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The mistake that `with` noted, if it did.
    pub(super) fn duplicate(&self) -> Option<DuplicateKey> {
        self.repeated.as_deref().map(|key| DuplicateKey(key.to_owned()))
    }

    fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::{DuplicateKey, Map};
    use crate::reply::Reply;

    #[test]
    fn entries_keep_their_order() {
        let map = Map::new().with("status", "SUCCESS").with("b", "1").with("a", "2");
        let keys: Vec<&str> = map.iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["status", "b", "a"]);
        assert_eq!(map.get("a"), Some(&Reply::from("2")));
    }

    #[test]
    fn a_pushed_duplicate_changes_nothing() {
        let mut map = Map::new().with("a", "1");
        assert_eq!(map.try_push("a".to_owned(), "2"), Err(DuplicateKey("a".to_owned())));
        assert_eq!(map, Map::new().with("a", "1"));
        assert_eq!(map.try_push("b", "2"), Ok(()));
        assert_eq!(map.len(), 2);
    }

    #[test]
    fn a_map_that_names_a_key_twice_is_never_written() {
        let reply = Reply::from(vec![Map::new().with("x", Map::new().with("a", "1").with("a", "1")).into()]);
        for error in [reply.to_php().unwrap_err(), reply.to_json().unwrap_err()] {
            assert!(error.to_string().contains("names \"a\" twice"), "{error}");
        }
    }
}
