//! Which parts of a request hold fields, and which of them win.

use actix_web::http::Method;
use bytes::Bytes;

use super::{Fields, multipart, urlencoded};

/// Reads the fields of a request (CONTRACT 1.1).
///
/// Fields of a `POST` body win over those of the query; of a repeated name the last wins, also when it is empty and the
/// field so counts as not given. The body counts only with `POST` and a content type of forms. A
/// malformed multipart body has no fields at all: half a request is not to be acted upon. The caller limits the size
/// of `body` and answers methods other than GET, HEAD and POST.
pub async fn decode(method: &Method, query: &[u8], content_type: Option<&str>, body: Bytes) -> Fields {
    let query: Fields = urlencoded::pairs(query).collect();
    if method != Method::POST {
        return query;
    }
    let content_type = content_type.unwrap_or_default();
    match media_type(content_type).to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => query.overridden_by(urlencoded::pairs(&body).collect()),
        "multipart/form-data" => {
            let parts = multipart::pairs(content_type, body).await.unwrap_or_default();
            query.overridden_by(parts.into_iter().collect())
        }
        _ => query,
    }
}

/// The content type without its parameters.
fn media_type(content_type: &str) -> &str {
    content_type.trim_start().split([';', ',', ' ', '\t']).next().unwrap_or_default()
}
