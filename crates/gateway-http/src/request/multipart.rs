//! `multipart/form-data`, which is what PHP's curl sends for an array of fields.

use std::convert::Infallible;
use std::future::ready;

use bytes::Bytes;
use futures_util::stream;
use multer::Multipart;

use super::MAX_FIELDS;

/// The names and values in their order. Files are no fields, as in PHP, and neither is a part without a name.
///
/// # Errors
/// If the content type has no boundary, or the body is not a whole multipart document.
pub(super) async fn pairs(content_type: &str, body: Bytes) -> multer::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let boundary = multer::parse_boundary(content_type)?;
    let mut parts = Multipart::new(stream::once(ready(Ok::<_, Infallible>(body))), boundary);
    let mut pairs = Vec::new();
    for _ in 0..MAX_FIELDS {
        let Some(part) = parts.next_field().await? else { break };
        if part.file_name().is_some() {
            continue;
        }
        let Some(name) = part.name().filter(|name| !name.is_empty()).map(|name| name.as_bytes().to_vec()) else {
            continue;
        };
        pairs.push((name, part.bytes().await?.to_vec()));
    }
    Ok(pairs)
}
