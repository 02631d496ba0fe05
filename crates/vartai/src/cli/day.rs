//! Days, as arguments.

use domain::calendar::parse_day;
use jiff::civil::Date;

/// Reads one.
///
/// # Errors
/// What to write instead.
pub fn day(text: &str) -> Result<Date, String> {
    parse_day(text).ok_or_else(|| "not a day: write YYYY-MM-DD".to_owned())
}
