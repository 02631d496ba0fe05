//! Money: integer minor units with their currency, and the few roundings the trade needs.

mod amount;
mod currency;
mod percent;
mod rate;

pub use amount::{Money, MoneyError};
pub use currency::{Currency, UnknownCurrency};
pub use percent::{Percent, PercentError};
pub use rate::{Rate, RateError};

/// `numerator / denominator`, rounded half up (away from zero on a tie), the trade's rounding (CONTRACT 1.5).
///
/// `denominator` must be positive; the callers' are constants.
#[must_use]
pub fn divide_half_up(numerator: i128, denominator: i128) -> i128 {
    debug_assert!(denominator > 0, "a positive denominator");
    let half = denominator / 2;
    if numerator >= 0 { (numerator + half) / denominator } else { -((-numerator + half) / denominator) }
}

/// Reads a plain decimal (`12`, `12.5`, `-0.99`) as an integer of `digits` decimal places.
///
/// `None` for anything else: more places than `digits`, exponents, white space, an overflow.
#[must_use]
pub fn parse_fixed(text: &str, digits: u32) -> Option<i64> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let places = u32::try_from(fraction.len()).ok()?;
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || places > digits {
        return None;
    }
    if rest.ends_with('.') {
        return None;
    }
    let scale = 10_i128.checked_pow(digits)?;
    let whole: i128 = whole.parse().ok()?;
    let part: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let part = part.checked_mul(10_i128.checked_pow(digits - places)?)?;
    let value = whole.checked_mul(scale)?.checked_add(part)?;
    i64::try_from(if negative { -value } else { value }).ok()
}

/// Writes an integer of `digits` decimal places as a plain decimal with exactly that many.
#[must_use]
pub fn format_fixed(value: i64, digits: u32) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let value = value.unsigned_abs();
    if digits == 0 {
        return format!("{sign}{value}");
    }
    let scale = 10_u64.pow(digits);
    let width = usize::try_from(digits).unwrap_or(0);
    format!("{sign}{}.{:0width$}", value / scale, value % scale)
}
