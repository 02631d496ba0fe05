//! A field of a request, after reading: no string is untrusted any more.

/// What came of a request's field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field<T> {
    /// Not given, or given as nothing (CONTRACT 1.1).
    Absent,
    /// Given, but it can't be read as what it should be.
    Malformed,
    /// Given and read.
    Given(T),
}

impl<T> Field<T> {
    /// Reads a given text with `parse`; `None` of it is malformed.
    pub fn read(text: Option<&str>, parse: impl FnOnce(&str) -> Option<T>) -> Self {
        match text.map(parse) {
            None => Self::Absent,
            Some(None) => Self::Malformed,
            Some(Some(value)) => Self::Given(value),
        }
    }

    /// The value, or the error for an absent or a malformed field.
    ///
    /// # Errors
    /// `absent` or `malformed`, as it is.
    pub fn required<E>(&self, absent: E, malformed: E) -> Result<&T, E> {
        match self {
            Self::Absent => Err(absent),
            Self::Malformed => Err(malformed),
            Self::Given(value) => Ok(value),
        }
    }

    /// The value if it was given and read.
    pub fn given(&self) -> Option<&T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Absent | Self::Malformed => None,
        }
    }
}
