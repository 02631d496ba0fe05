//! What customers and staff are told: letters in three languages, and messages for customers' webhooks.
//!
//! Pure: the same words for the same news. Amounts and days are written as on invoices.

mod letter;
mod message;

pub use letter::{Letter, LetterError, Reader, letter, letter_to_staff};
pub use message::message;
pub use paper::plain;
