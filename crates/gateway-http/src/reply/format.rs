//! The two forms of an answer.

use super::{EncodeError, Reply};

/// How an answer is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// A PHP `serialize` string, which is what a client gets that does not ask for anything else.
    #[default]
    Php,
    /// JSON.
    Json,
}

impl Format {
    /// The format that the request's `json` field asks for: `1` is JSON, anything else PHP (CONTRACT 1.1).
    pub fn of(json_field: Option<&str>) -> Self {
        match json_field {
            Some("1") => Self::Json,
            _ => Self::Php,
        }
    }

    /// The value of `Content-Type` (CONTRACT 1.2).
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Php => "text/plain; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }

    /// The bytes of the answer.
    ///
    /// # Errors
    /// If a map of the tree names a key twice.
    pub fn encode(self, reply: &Reply) -> Result<Vec<u8>, EncodeError> {
        match self {
            Self::Php => reply.to_php(),
            Self::Json => reply.to_json(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Format;
    use crate::reply::{Map, Reply};

    #[test]
    fn only_a_one_asks_for_json() {
        assert_eq!(Format::of(Some("1")), Format::Json);
        for field in [None, Some(""), Some("0"), Some("11"), Some("01"), Some("true"), Some("json")] {
            assert_eq!(Format::of(field), Format::Php, "{field:?}");
        }
    }

    #[test]
    fn each_format_writes_its_own_bytes_and_names_its_own_type() {
        let reply = Reply::from(Map::new().with("status", "SUCCESS"));
        assert_eq!(Format::Php.encode(&reply).unwrap(), br#"a:1:{s:6:"status";s:7:"SUCCESS";}"#);
        assert_eq!(Format::Json.encode(&reply).unwrap(), br#"{"status":"SUCCESS"}"#);
        assert_eq!(Format::Php.content_type(), "text/plain; charset=utf-8");
        assert_eq!(Format::Json.content_type(), "application/json; charset=utf-8");
    }
}
