//! Answers as a tree, before they are bytes.
//!
//! A command builds one [`Reply`]; the client's `json` field decides whether it leaves as a PHP `serialize` string or
//! as JSON (CONTRACT 1.2). The tree holds nothing that the two formats, or two versions of PHP, could write in
//! different ways: no floats, no booleans, no objects. Every scalar is a string.

mod encode;
mod format;
mod map;
#[cfg(test)]
pub(crate) mod php_oracle;
#[cfg(test)]
mod tests;

pub use encode::EncodeError;
pub use format::Format;
pub use map::{DuplicateKey, Map};

/// A value on its way to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// No value: PHP's and JSON's null. For `/json.php` only (CONTRACT 2.1); `/apih.php` says `""`.
    Null,
    /// A string, which is what every scalar is on the wire (CONTRACT 1.2).
    Text(String),
    /// A list with keys 0..n-1. Empty, it is `[]` in JSON.
    List(Vec<Reply>),
    /// Named values in their order. Empty, it is `{}` in JSON; PHP cannot tell it from an empty list.
    Map(Map),
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<Reply>> for Reply {
    fn from(items: Vec<Reply>) -> Self {
        Self::List(items)
    }
}

impl From<Map> for Reply {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl<T: Into<Reply>> From<Option<T>> for Reply {
    /// `None` is [`Reply::Null`].
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Reply>> FromIterator<T> for Reply {
    /// A list of the items.
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}
