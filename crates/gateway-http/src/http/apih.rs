//! `/apih.php`.

use std::time::Instant;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data, Payload},
};
use domain::language::Language;

use super::exchange;
use crate::{
    Answered, Gateway,
    command::{Command, not_done},
    commands,
    faults::Fault,
    metrics::Metrics,
    reply::Format,
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.route("/apih.php", web::route().to(apih));
}

async fn apih(request: HttpRequest, payload: Payload, gateway: Data<Gateway>, metrics: Data<Metrics>) -> HttpResponse {
    let began = Instant::now();
    let fields = match exchange::read(&request, payload).await {
        Ok(fields) => fields,
        Err(response) => return response,
    };
    let command = fields.text("command").and_then(commands::find);
    if let Some(refused) = exchange::refused_method(request.method(), command.is_some_and(Command::writes)) {
        return refused;
    }
    let format = Format::of(fields.text("json"));
    let trusted = &gateway.settings().auth.trusted_proxies;
    let answered = match gateway.protection().address_of(&request, trusted) {
        Some(from) => {
            let working = gateway.clone();
            exchange::in_time(async move { working.answer(&fields, from).await }).await
        }
        None => Some(gateway.refused(&Fault::AddressRefused.into(), Language::default(), format)),
    };
    let answered = answered.unwrap_or_else(|| {
        // A client that wants to know what became of it asks again, with its requestid.
        let fault = not_done(command.is_some_and(Command::writes));
        gateway.refused(&fault.into(), Language::default(), format)
    });
    if answered.fault == Some(Fault::NoDatabase) {
        metrics.unreached("apih");
    }
    if let Some((customer, _)) = &answered.unknown {
        metrics.unknown_fields("apih", *customer);
    }
    let (name, code) = (command.map_or("unknown", |c| c.spec().name), answered.fault.map_or(0, Fault::code));
    metrics.answered("apih", name, code, began.elapsed());
    respond(answered)
}

fn respond(answered: Answered) -> HttpResponse {
    let (status, retry_after) = match answered.fault {
        Some(Fault::TooManyRequests) => (StatusCode::TOO_MANY_REQUESTS, answered.retry_after.or(Some(1))),
        _ => (StatusCode::OK, answered.retry_after),
    };
    let mut response = exchange::respond(status, answered.format.content_type(), retry_after);
    exchange::name_unknown(&mut response, answered.unknown.as_ref().map(|(_, unknown)| unknown));
    response.body(answered.body)
}
