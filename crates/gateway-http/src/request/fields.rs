//! The fields that a request gives.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// Fields whose values are credentials: not trimmed, not printed.
const SECRETS: [&str; 4] = ["apikey", "new_password", "pass", "password"];

/// Fields in which two requests with one `requestid` may differ (CONTRACT 1.5).
const NOT_PARAMETERS: [&str; 4] = ["apikey", "json", "login", "pass"];

/// The fields of a request that count as given: not empty, not only white space, and UTF-8.
///
/// Names are case-sensitive. `Debug` prints the names alone.
#[derive(Default)]
pub struct Fields {
    given: BTreeMap<String, Value>,
}

enum Value {
    /// Without the white space around it.
    Text(String),
    /// As it came.
    Secret(SecretString),
}

impl Fields {
    /// The value of a field that is no secret, without the white space around it. Control characters inside are the
    /// field's own business: see [`has_control`].
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.given.get(name)? {
            Value::Text(text) => Some(text),
            Value::Secret(_) => None,
        }
    }

    /// The value of a field that holds a credential (`pass`, `apikey`, `password`, `new_password`), as it came.
    pub fn secret(&self, name: &str) -> Option<&SecretString> {
        match self.given.get(name)? {
            Value::Text(_) => None,
            Value::Secret(secret) => Some(secret),
        }
    }

    /// The fields by name with the values that count, credentials in the clear among them: never for a log.
    pub fn given(&self) -> impl Iterator<Item = (&str, &str)> {
        self.given.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What has to be the same when a `requestid` comes again (CONTRACT 1.5): the given fields by name, without the
    /// credentials and the format. Each name and value has its length in bytes before it, so that no two sets of
    /// fields have the same bytes. May hold a `new_password`: to be hashed, not kept.
    pub fn canonical_for_requestid(&self) -> Vec<u8> {
        let mut canonical = Vec::new();
        for (name, value) in self.given().filter(|(name, _)| !NOT_PARAMETERS.contains(name)) {
            for text in [name, value] {
                let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
                canonical.extend(length.to_be_bytes());
                canonical.extend(text.as_bytes());
            }
        }
        canonical
    }
}

impl Value {
    /// The value, if it counts as given.
    fn read(name: &str, bytes: &[u8]) -> Option<Self> {
        let whole = std::str::from_utf8(bytes).ok()?;
        let trimmed = whole.trim();
        if trimmed.is_empty() {
            None
        } else if SECRETS.contains(&name) {
            Some(Self::Secret(SecretString::from(whole)))
        } else {
            Some(Self::Text(trimmed.to_owned()))
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Secret(secret) => secret.expose_secret(),
        }
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Fields {
    /// The fields in the order in which they came: the last of a name wins, and if that one does not count, the
    /// field is not given. A name that is not UTF-8 is nobody's.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut given = BTreeMap::new();
        for (name, value) in pairs {
            let Ok(name) = std::str::from_utf8(name.as_ref()) else { continue };
            match Value::read(name, value.as_ref()) {
                Some(value) => given.insert(name.to_owned(), value),
                None => given.remove(name),
            };
        }
        Self { given }
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fields ")?;
        f.debug_set().entries(self.given.keys()).finish()
    }
}

/// Whether the text has a control character (Unicode's Cc, NUL and DEL among them), which no value may have
/// (CONTRACT 1.1).
pub fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}
