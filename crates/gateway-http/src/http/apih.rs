//! `/apih.php`.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header},
    web::{self, Data, Payload},
};
use domain::language::Language;
use tokio::time;

use super::body::{self, NoBody};
use crate::{
    Answered, Gateway,
    auth::address,
    command::{Command, not_done},
    commands,
    faults::Fault,
    metrics::Metrics,
    reply::Format,
    request::{Fields, decode},
};

/// Every answer comes within 10 s (CONTRACT 1.2).
const DEADLINE: Duration = Duration::from_millis(9500);

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.route("/apih.php", web::route().to(apih));
}

async fn apih(request: HttpRequest, payload: Payload, gateway: Data<Gateway>, metrics: Data<Metrics>) -> HttpResponse {
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
    let command = fields.text("command").and_then(commands::find);
    let answered = in_time(gateway, fields, &request, command.is_some_and(Command::writes)).await;
    metrics.answered(
        "apih",
        command.map_or("unknown", |c| c.spec().name),
        answered.fault.map_or(0, Fault::code),
        began.elapsed(),
    );
    respond(answered)
}

/// Answers within the deadline. What is under way then goes on to its end, whole or not at all; a client that wants to
/// know asks again, with its requestid.
async fn in_time(gateway: Data<Gateway>, fields: Fields, request: &HttpRequest, writes: bool) -> Answered {
    let from = address::of_request(request, &gateway.settings().auth.trusted_proxies);
    let format = Format::of(fields.text("json"));
    let (fields, working) = (Rc::new(fields), gateway.clone());
    let work = actix_web::rt::spawn(async move { working.answer(&fields, from).await });
    match time::timeout(DEADLINE, work).await {
        Ok(Ok(answered)) => return answered,
        Ok(Err(broken)) => tracing::error!(%broken, "a request broke off"),
        Err(_) => tracing::error!("a request is not answered in time"),
    }
    gateway.refused(&not_done(writes).into(), Language::default(), format)
}

fn respond(answered: Answered) -> HttpResponse {
    let status = match answered.fault {
        Some(Fault::TooManyRequests) => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::OK,
    };
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::CONTENT_TYPE, answered.format.content_type()))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if let Some(seconds) = answered.retry_after {
        response.insert_header((header::RETRY_AFTER, seconds));
    } else if status == StatusCode::TOO_MANY_REQUESTS {
        response.insert_header((header::RETRY_AFTER, 1));
    }
    response.body(answered.body)
}
