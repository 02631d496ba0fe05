//! What both surfaces do with a request and its answer: read it within its limits, answer in time, let nothing be kept.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{Method, StatusCode, header},
    web::Payload,
};
use tokio::time;

use super::body::{self, NoBody};
use crate::{
    command::Unknown,
    request::{Fields, decode},
};

/// Every answer comes within 10 s (CONTRACT 1.2).
const DEADLINE: Duration = Duration::from_millis(9500);

/// What a client hears that sends JSON: without it, all its fields would be "not given".
const NO_JSON: &str =
    "JSON is not read here: send the fields as application/x-www-form-urlencoded or multipart/form-data.\n";

/// Whether a body of that type is JSON.
fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json") || media_type.to_ascii_lowercase().ends_with("+json")
}

/// The fields of a request.
///
/// # Errors
/// How a request ends that is none: 405, 413, 408, 415 or 400.
pub async fn read(request: &HttpRequest, payload: Payload) -> Result<Fields, HttpResponse> {
    if ![Method::GET, Method::HEAD, Method::POST].contains(request.method()) {
        return Err(HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, "GET, HEAD, POST")).finish());
    }
    let body = body::read(payload).await.map_err(|why| match why {
        NoBody::TooLong => HttpResponse::PayloadTooLarge().finish(),
        NoBody::TooSlow => HttpResponse::RequestTimeout().finish(),
        NoBody::Broken => HttpResponse::BadRequest().finish(),
    })?;
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    if !body.is_empty() && content_type.is_some_and(is_json) {
        return Err(HttpResponse::UnsupportedMediaType().content_type("text/plain; charset=utf-8").body(NO_JSON));
    }
    Ok(decode(request.method(), request.query_string().as_bytes(), content_type, body).await)
}

/// How a request ends whose method is not one for its command: HEAD asks what GET would answer, so it is none for what
/// is to be done: 405, with the methods that there are. Nothing else has been looked at yet.
#[must_use]
pub fn refused_method(method: &Method, writes: bool) -> Option<HttpResponse> {
    let refused = || HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, "GET, POST")).finish();
    (writes && *method == Method::HEAD).then(refused)
}

/// The answer, if it comes within the deadline. What is under way then goes on to its end, whole or not at all.
pub async fn in_time<T: 'static>(work: impl Future<Output = T> + 'static) -> Option<T> {
    match time::timeout(DEADLINE, actix_web::rt::spawn(work)).await {
        Ok(Ok(answered)) => return Some(answered),
        Ok(Err(broken)) => tracing::error!(%broken, "a request broke off"),
        Err(_) => tracing::error!("a request is not answered in time"),
    }
    None
}

/// Names in a header what of the request its command doesn't know.
pub fn name_unknown(response: &mut HttpResponseBuilder, unknown: Option<&Unknown>) {
    if let Some(unknown) = unknown {
        response.insert_header(("X-Vartai-Unknown-Fields", unknown.to_string()));
    }
}

/// The head of an answer that nobody keeps.
#[must_use]
pub fn respond(status: StatusCode, content_type: &'static str, retry_after: Option<u64>) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if let Some(seconds) = retry_after {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    response
}
