//! What others call a payment.

use std::fmt;

use crate::text::is_active;

/// What the bank or the payment provider calls a payment: 1 to 128 characters, none of which acts on what it stands in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PaymentReference(String);

/// It can't be the reference of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reference has 1 to 128 characters, and no controls among them")]
pub struct NoReference;

impl PaymentReference {
    /// The most characters of one.
    pub const MOST: usize = 128;

    /// Reads one; white space around it doesn't count.
    ///
    /// # Errors
    /// [`NoReference`].
    pub fn parse(text: &str) -> Result<Self, NoReference> {
        let text = text.trim();
        let fits = (1..=Self::MOST).contains(&text.chars().count()) && !text.contains(is_active);
        if fits { Ok(Self(text.to_owned())) } else { Err(NoReference) }
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PaymentReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for PaymentReference {
    type Err = NoReference;

    fn from_str(text: &str) -> Result<Self, NoReference> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::PaymentReference;

    #[test]
    fn a_reference_is_short_and_inactive() {
        let long = "ž".repeat(128);
        for good in ["a", " tx 1 ", long.as_str()] {
            assert_eq!(PaymentReference::parse(good).unwrap().as_str(), good.trim());
        }
        let longer = "a".repeat(129);
        for bad in ["", " \n", "a\0b", "a\u{202e}b", "a\u{9b}b", "a\nb", longer.as_str()] {
            assert!(PaymentReference::parse(bad).is_err(), "{bad:?}");
        }
    }
}
