//! `/json.php`.

use std::{rc::Rc, time::Duration, time::Instant};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header},
    web::{Data, Payload},
};
use domain::language::Language;
use gateway_http::{
    auth::address,
    http::body::{self, NoBody},
    metrics::Metrics,
    request::decode,
};
use tokio::time;

use crate::{Answered, Api, api::refused, commands, fault::Fault};

/// Every answer comes within 10 s.
const DEADLINE: Duration = Duration::from_millis(9500);

/// Answers a request.
pub(super) async fn json(
    request: HttpRequest,
    payload: Payload,
    api: Data<Api>,
    metrics: Data<Metrics>,
) -> HttpResponse {
    let began = Instant::now();
    if ![Method::GET, Method::HEAD, Method::POST].contains(request.method()) {
        return HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, "GET, HEAD, POST")).finish();
    }
    let body = match body::read(payload).await {
        Ok(body) => body,
        Err(NoBody::TooLong) => return HttpResponse::PayloadTooLarge().finish(),
        Err(NoBody::TooSlow) => return HttpResponse::RequestTimeout().finish(),
        Err(NoBody::Broken) => return HttpResponse::BadRequest().finish(),
    };
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let fields = decode(request.method(), request.query_string().as_bytes(), content_type, body).await;
    let command = fields.text("command").and_then(commands::find).map_or("unknown", |c| c.spec().name);
    let from = address::of_request(&request, &api.settings().auth.trusted_proxies);
    let (fields, working) = (Rc::new(fields), api.clone());
    let work = actix_web::rt::spawn(async move { working.answer(&fields, from).await });
    let answered = match time::timeout(DEADLINE, work).await {
        Ok(Ok(answered)) => answered,
        Ok(Err(broken)) => {
            tracing::error!(%broken, "a request broke off");
            refused(Fault::Database, Language::Lt, None)
        }
        Err(_) => {
            tracing::error!("a request is not answered in time");
            refused(Fault::Database, Language::Lt, None)
        }
    };
    metrics.answered("json", command, answered.status, began.elapsed());
    respond(answered)
}

fn respond(answered: Answered) -> HttpResponse {
    let status = StatusCode::from_u16(answered.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::CONTENT_TYPE, "application/json; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if let Some(seconds) = answered.retry_after {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    response.body(answered.body)
}
