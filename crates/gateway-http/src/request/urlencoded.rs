//! `application/x-www-form-urlencoded`, read as PHP reads it.

use percent_encoding::percent_decode;

use super::MAX_FIELDS;

/// The names and values in their order. A pair without `=` has an empty value; one without a name is dropped.
pub(super) fn pairs(text: &[u8]) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    text.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()).take(MAX_FIELDS).filter_map(|pair| {
        let mut halves = pair.splitn(2, |&byte| byte == b'=');
        let name = halves.next().filter(|name| !name.is_empty())?;
        Some((unescape(name), halves.next().map(unescape).unwrap_or_default()))
    })
}

/// `+` is a space, `%XX` a byte; a `%` that begins no such escape stands for itself.
fn unescape(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    percent_decode(&spaced).collect()
}
