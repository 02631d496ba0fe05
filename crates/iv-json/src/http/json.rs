//! `/json.php`.

use std::time::Instant;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use domain::language::Language;
use gateway_http::{http::exchange, metrics::Metrics};

use crate::{Api, api::refused, command::Command, commands, fault::Fault};

/// Answers a request.
pub(super) async fn json(
    request: HttpRequest,
    payload: Payload,
    api: Data<Api>,
    metrics: Data<Metrics>,
) -> HttpResponse {
    let began = Instant::now();
    let fields = match exchange::read(&request, payload).await {
        Ok(fields) => fields,
        Err(response) => return response,
    };
    let command = fields.text("command").and_then(commands::find);
    if let Some(refused) = exchange::refused_method(request.method(), command.is_some_and(Command::writes)) {
        return refused;
    }
    let command = command.map_or("unknown", |command| command.spec().name);
    let answered = match api.protection().address_of(&request, &api.settings().auth.trusted_proxies) {
        Some(from) => exchange::in_time(async move { api.answer(&fields, from).await }).await,
        None => Some(refused(Fault::Network, Language::Lt, None)),
    };
    let answered = answered.unwrap_or_else(|| refused(Fault::Database, Language::Lt, None));
    if answered.status == Fault::Database.status() {
        metrics.unreached("json");
    }
    if let Some((customer, _)) = &answered.unknown {
        metrics.unknown_fields("json", *customer);
    }
    metrics.answered("json", command, answered.status, began.elapsed());
    let status = StatusCode::from_u16(answered.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = exchange::respond(status, "application/json; charset=utf-8", answered.retry_after);
    exchange::name_unknown(&mut response, answered.unknown.as_ref().map(|(_, unknown)| unknown));
    response.body(answered.body)
}
