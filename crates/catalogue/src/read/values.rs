//! Single values, read from their source text: no number of money is ever a float.

use domain::{
    calendar::Months,
    catalogue::Range,
    money::{Currency, Money, MoneyError},
};
use toml::de::DeValue;

use super::entry::Entry;

/// A value, or what is wrong with it.
pub(super) type Read<T> = Result<T, String>;

/// A text for people: not blank, without control characters.
pub(super) fn text(value: &DeValue<'_>) -> Read<String> {
    let text = value.as_str().ok_or_else(|| format!("must be a text in quotes, not {}", kind(value)))?;
    if text.trim().is_empty() {
        return Err("is empty: write a text".to_owned());
    }
    if text.trim() != text || text.chars().any(char::is_control) {
        return Err(format!("{text:?} has white space around it or control characters: take them out"));
    }
    Ok(text.to_owned())
}

/// A name for machines.
pub(super) fn key(value: &DeValue<'_>) -> Read<String> {
    let text = text(value)?;
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if plain && text.len() <= 64 {
        return Ok(text);
    }
    Err(format!("{text:?} must be at most 64 letters (a–z), digits, hyphens, underscores and dots"))
}

/// An address of the web.
pub(super) fn url(value: &DeValue<'_>) -> Read<String> {
    let text = text(value)?;
    let web = ["https://", "http://"].into_iter().find_map(|scheme| text.strip_prefix(scheme));
    if web.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace)) {
        return Ok(text);
    }
    Err(format!("{text:?} must begin with https:// or http:// and have no spaces"))
}

pub(super) fn flag(value: &DeValue<'_>) -> Read<bool> {
    value.as_bool().ok_or_else(|| format!("must be true or false, not {}", kind(value)))
}

/// The number of a tariff or an addon.
pub(super) fn number(value: &DeValue<'_>) -> Read<i64> {
    let read = plain_integer(value).and_then(|text| text.parse().ok()).filter(|id| *id > 0);
    read.ok_or_else(|| format!("must be a whole number from 1, not {}", shown(value)))
}

/// A count or a size, possibly none.
pub(super) fn count(value: &DeValue<'_>) -> Read<u32> {
    let read = plain_integer(value).and_then(|text| text.parse().ok());
    read.ok_or_else(|| format!("must be a whole number from 0 to {}, not {}", u32::MAX, shown(value)))
}

/// A count or a size of at least one.
pub(super) fn positive(value: &DeValue<'_>) -> Read<u32> {
    match count(value) {
        Ok(0) | Err(_) => Err(format!("must be a whole number from 1 to {}, not {}", u32::MAX, shown(value))),
        Ok(count) => Ok(count),
    }
}

/// A number of days, at most ten years.
pub(super) fn days(value: &DeValue<'_>) -> Read<u16> {
    let read = count(value).ok().and_then(|days| u16::try_from(days).ok()).filter(|days| *days <= 3650);
    read.ok_or_else(|| format!("must be a whole number of days from 0 to 3650, not {}", shown(value)))
}

/// The length of a period.
pub(super) fn months(value: &DeValue<'_>) -> Read<Months> {
    let read = count(value).ok().and_then(|count| u16::try_from(count).ok()).and_then(Months::new);
    read.ok_or_else(|| format!("must be a whole number from 1 to {}, not {}", Months::MAX, shown(value)))
}

/// A price. While the catalogue's currency is unknown, any.
pub(super) fn money(value: &DeValue<'_>, base: Option<Currency>) -> Read<Money> {
    let text = decimal(value)?;
    let Some(base) = base else { return Ok(Money::zero(Currency::EUR)) };
    let price = Money::parse(text, base).map_err(|error| match error {
        MoneyError::NotAnAmount { .. } => amount_advice(text, base),
        MoneyError::Mixed(..) | MoneyError::TooLarge => error.to_string(),
    })?;
    if price.in_minor() < 0 {
        return Err(format!("{text} is negative: a price is 0 or more"));
    }
    Ok(price)
}

fn amount_advice(text: &str, base: Currency) -> String {
    match base.digits() {
        0 => format!("{text} is not an amount in {base}: write a whole number, {base} has no decimals"),
        digits => format!("{text} is not an amount in {base}: write a plain decimal with at most {digits} places"),
    }
}

/// A value of a domain type that reads itself from a decimal.
pub(super) fn parsed<T: std::str::FromStr<Err: ToString>>(value: &DeValue<'_>) -> Read<T> {
    decimal(value)?.parse().map_err(|error: T::Err| error.to_string())
}

/// A size that can't be changed (`20`), or the limits it can be changed within.
pub(super) fn range(entry: &Entry<'_, '_>, key: &'static str) -> Option<Range> {
    let value = entry.found(key)?;
    if !value.get_ref().is_table() {
        let base = entry.required(key, positive)?;
        return Some(Range { base, min: base, max: base });
    }
    let limits = entry.table(key, &["base", "min", "max"])??;
    let (base, min, max) =
        (limits.required("base", positive), limits.required("min", positive), limits.required("max", positive));
    let range = Range { base: base?, min: min?, max: max? };
    if range.min <= range.base && range.base <= range.max {
        return Some(range);
    }
    let Range { base, min, max } = range;
    entry.mistake_at(value, format!("{key}: base {base} must lie between min {min} and max {max}"));
    None
}

/// A number's own digits, or the text in quotes.
fn decimal<'v>(value: &'v DeValue<'_>) -> Read<&'v str> {
    let text = match value {
        DeValue::Float(float) => Some(float.as_str()),
        DeValue::String(text) => Some(text.as_ref()),
        _ => plain_integer(value),
    };
    text.ok_or_else(|| format!("must be a decimal number, not {}", kind(value)))
}

fn plain_integer<'v>(value: &'v DeValue<'_>) -> Option<&'v str> {
    value.as_integer().filter(|integer| integer.radix() == 10).map(|integer| integer.as_str())
}

/// A value as a message shows it: the number or text itself if it is short enough to be one.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::Integer(integer) => integer.to_string(),
        DeValue::Float(float) => float.to_string(),
        DeValue::String(text) if text.len() <= 40 => format!("{text:?}"),
        _ => kind(value).to_owned(),
    }
}

pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
