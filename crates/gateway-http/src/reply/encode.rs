//! From the tree to bytes: one `Serialize` for both formats.

use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};

use super::{Map, Reply};

/// A tree that can't be written: a map names a key twice.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// Refused while the PHP form was written.
    // serde_php swaps the labels of its own messages, hence its text after ours.
    #[error("the answer can't be written in PHP's format: {0}")]
    Php(serde_php::Error),
    /// Refused while the JSON form was written.
    #[error("the answer can't be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<serde_php::Error> for EncodeError {
    fn from(error: serde_php::Error) -> Self {
        Self::Php(error)
    }
}

impl Reply {
    /// The bytes of PHP's `serialize` for the tree, as PHP itself would write them.
    ///
    /// # Errors
    /// If a map of the tree names a key twice.
    pub fn to_php(&self) -> Result<Vec<u8>, EncodeError> {
        Ok(serde_php::to_vec(self)?)
    }

    /// The tree as JSON without white space; non-ASCII text is not escaped (CONTRACT 1.2).
    ///
    /// # Errors
    /// If a map of the tree names a key twice.
    pub fn to_json(&self) -> Result<Vec<u8>, EncodeError> {
        Ok(serde_json::to_vec(self)?)
    }
}

impl Serialize for Reply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Self::Map(map) => map.serialize(serializer),
        }
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(duplicate) = self.duplicate() {
            return Err(S::Error::custom(duplicate));
        }
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self.iter() {
            // An integer key is `i:10;` to PHP and `"10"` to JSON, whose keys are always strings.
            match integer_key(key) {
                Some(integer) => map.serialize_entry(&integer, value)?,
                None => map.serialize_entry(key, value)?,
            }
        }
        map.end()
    }
}

/// The integer that PHP makes of an array key: canonical decimal of an `i64`. `-0`, `01`, `+1` and ` 1` stay strings,
/// and so does what lies beyond 64 bits.
fn integer_key(key: &str) -> Option<i64> {
    key.parse::<i64>().ok().filter(|integer| integer.to_string() == key)
}
