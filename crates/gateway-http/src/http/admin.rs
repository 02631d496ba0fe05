//! The private port: health, readiness, metrics.

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, Data},
};

use super::leaving::Leaving;
use crate::{Gateway, metrics::Metrics};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/healthz", web::get().to(healthz))
        .route("/readyz", web::get().to(readyz))
        .route("/metrics", web::get().to(metrics));
}

/// The process is alive.
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().body("ok\n")
}

/// Requests can be answered, those that write, too, and the process is not about to stop.
async fn readyz(gateway: Data<Gateway>, leaving: Data<Leaving>) -> HttpResponse {
    if leaving.has_begun() {
        return HttpResponse::ServiceUnavailable().body("the process is about to stop\n");
    }
    match gateway.database().monitor().condition().trouble() {
        None => HttpResponse::Ok().body("ready\n"),
        Some(trouble) => HttpResponse::ServiceUnavailable().body(format!("{trouble}\n")),
    }
}

async fn metrics(metrics: Data<Metrics>, gateway: Data<Gateway>) -> HttpResponse {
    metrics.database_is(&gateway.database().monitor().condition());
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4")).body(metrics.text())
}
