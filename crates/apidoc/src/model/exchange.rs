//! A call that was really made, with its answers.

use super::Surface;

/// A call that was really made, through the dispatcher that answers everybody, in a scratch realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Where.
    pub surface: Surface,
    /// With which fields, `json` aside.
    pub fields: Vec<(String, String)>,
    /// The HTTP status.
    pub status: u16,
    /// The answer in PHP's format, on `/apih.php`.
    pub php: Option<String>,
    /// The answer in JSON. To a writing command the second of two equal calls, with one `requestid`.
    pub json: String,
}

impl Exchange {
    /// A field's value.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The answer as a tree.
    #[must_use]
    pub fn answer(&self) -> serde_json::Value {
        serde_json::from_str(&self.json).unwrap_or_default()
    }

    /// A field of the answer, where it is a text.
    #[must_use]
    pub fn told(&self, name: &str) -> Option<String> {
        self.answer().get(name)?.as_str().map(str::to_owned)
    }
}
