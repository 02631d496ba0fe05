//! The fields that a request gives.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// Fields whose values are credentials: not printed, and not trimmed, but for keys.
const SECRETS: [&str; 4] = ["apikey", "new_password", "pass", "password"];

/// The credential that is never chosen by people and never holds white space: what is around it came from a file's end.
const KEY: &str = "apikey";

/// Fields in which two requests with one `requestid` may differ (CONTRACT 1.5).
const NOT_PARAMETERS: [&str; 5] = ["apikey", "json", "login", "pass", "strict"];

/// What stands for a value that was given and can't be read: no field takes a control character, so whoever asks for it
/// finds it malformed.
const UNREADABLE: &str = "\0";

/// The fields of a request that count as given: not empty, and not only white space. One that was given and can't be
/// read is given all the same: it is malformed, and never absent.
///
/// Names are case-sensitive. `Debug` prints the names alone.
#[derive(Default)]
pub struct Fields {
    named: BTreeMap<String, Value>,
}

enum Value {
    /// Given as nothing: it counts as not given, and hides what was given before.
    Nothing,
    /// Without the white space around it.
    Text(String),
    /// As it came.
    Secret(SecretString),
    /// What PHP makes an array of (`name[]=`, `name[0]=`): its items, separated by commas.
    List(String),
}

impl Fields {
    /// The value of a field that is no secret, without the white space around it. Control characters inside are the
    /// field's own business: see [`has_control`].
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.named.get(name)? {
            Value::Text(text) => Some(text),
            Value::List(_) => Some(UNREADABLE),
            Value::Secret(_) | Value::Nothing => None,
        }
    }

    /// The value of a field that takes a list: separated by commas, or as PHP writes an array.
    pub fn list(&self, name: &str) -> Option<&str> {
        match self.named.get(name)? {
            Value::Text(text) | Value::List(text) => Some(text),
            Value::Secret(_) | Value::Nothing => None,
        }
    }

    /// The value of a field that holds a credential (`pass`, `apikey`, `password`, `new_password`), as it came.
    pub fn secret(&self, name: &str) -> Option<&SecretString> {
        match self.named.get(name)? {
            Value::Secret(secret) => Some(secret),
            Value::Text(_) | Value::List(_) | Value::Nothing => None,
        }
    }

    /// These fields, where `others` don't name them.
    #[must_use]
    pub fn overridden_by(mut self, others: Self) -> Self {
        self.named.extend(others.named);
        self
    }

    /// The fields by name with the values that count, credentials in the clear among them: never for a log.
    pub fn given(&self) -> impl Iterator<Item = (&str, &str)> {
        self.named.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
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
    fn of(name: &str, bytes: &[u8]) -> Self {
        let Ok(whole) = std::str::from_utf8(bytes) else { return Self::unreadable(name) };
        let trimmed = whole.trim();
        if trimmed.is_empty() {
            Self::Nothing
        } else if name == KEY {
            Self::Secret(SecretString::from(trimmed))
        } else if SECRETS.contains(&name) {
            Self::Secret(SecretString::from(whole))
        } else {
            Self::Text(trimmed.to_owned())
        }
    }

    fn unreadable(name: &str) -> Self {
        match SECRETS.contains(&name) {
            true => Self::Secret(SecretString::from(UNREADABLE)),
            false => Self::Text(UNREADABLE.to_owned()),
        }
    }

    fn as_str(&self) -> Option<&str> {
        match self {
            Self::Nothing => None,
            Self::Text(text) | Self::List(text) => Some(text),
            Self::Secret(secret) => Some(secret.expose_secret()),
        }
    }
}

/// What was given under a name so far.
enum Gathered {
    /// One value: the last counts.
    One(Value),
    /// The items of a list, in their order.
    Items(Vec<String>),
    /// What is neither one value nor a list: it stays so, whatever comes.
    Muddle,
}

impl Gathered {
    /// With another value under the name itself.
    fn with_value(self, value: Value) -> Self {
        match self {
            Self::One(_) => Self::One(value),
            Self::Items(_) | Self::Muddle => Self::Muddle,
        }
    }

    /// With another item, whose name ends in `[…]`. A list counts from 0, or not at all, as PHP's http_build_query
    /// writes it: any other index means something that nobody here knows.
    fn with_item(self, index: &str, bytes: &[u8]) -> Self {
        let mut items = match self {
            Self::One(Value::Nothing) => Vec::new(),
            Self::Items(items) => items,
            Self::One(_) | Self::Muddle => return Self::Muddle,
        };
        let Ok(item) = std::str::from_utf8(bytes) else { return Self::Muddle };
        if index != "[]" && index != format!("[{}]", items.len()) {
            return Self::Muddle;
        }
        items.push(item.trim().to_owned());
        Self::Items(items)
    }

    fn into_value(self, name: &str) -> Value {
        match self {
            Self::One(value) => value,
            Self::Items(items) if items.iter().all(String::is_empty) => Value::Nothing,
            Self::Items(_) if SECRETS.contains(&name) => Value::unreadable(name),
            Self::Items(items) => Value::List(items.join(",")),
            Self::Muddle => Value::unreadable(name),
        }
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Fields {
    /// The fields in the order in which they came: the last of a name wins, and if that one is nothing, the field is
    /// not given. A name that is not UTF-8 is nobody's.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut gathered: BTreeMap<String, Gathered> = BTreeMap::new();
        for (name, value) in pairs {
            let Ok(name) = std::str::from_utf8(name.as_ref()) else { continue };
            let bracket = name.char_indices().skip(1).find(|(_, letter)| *letter == '[');
            let (name, index) = bracket.map_or((name, ""), |(at, _)| name.split_at(at));
            let before = gathered.remove(name).unwrap_or(Gathered::One(Value::Nothing));
            let after = match index {
                "" => before.with_value(Value::of(name, value.as_ref())),
                index => before.with_item(index, value.as_ref()),
            };
            gathered.insert(name.to_owned(), after);
        }
        let named = gathered.into_iter().map(|(name, gathered)| {
            let value = gathered.into_value(&name);
            (name, value)
        });
        Self { named: named.collect() }
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fields ")?;
        f.debug_set().entries(self.given().map(|(name, _)| name)).finish()
    }
}

/// Whether the text has a control character (Unicode's Cc, NUL and DEL among them), which no value may have
/// (CONTRACT 1.1).
pub fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}
