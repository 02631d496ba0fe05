//! Requests as they come: names and values, not yet understood (CONTRACT 1.1).
//!
//! The query string, a form body and a multipart body all end as one [`Fields`]. What a value means is the business
//! of whoever asks for it.

mod decode;
mod fields;
mod multipart;
#[cfg(test)]
mod tests;
mod urlencoded;

pub use decode::decode;
pub use fields::{Fields, has_control};

/// How many fields of the query, and as many again of the body, are read; what comes after them is ignored. PHP's
/// `max_input_vars`.
const MAX_FIELDS: usize = 1000;
