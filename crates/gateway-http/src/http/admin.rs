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

/// Requests can be answered: the database answers, and the process is not about to stop.
async fn readyz(gateway: Data<Gateway>, leaving: Data<Leaving>) -> HttpResponse {
    if leaving.has_begun() {
        HttpResponse::ServiceUnavailable().body("the process is about to stop\n")
    } else if gateway.database().monitor().is_up() {
        HttpResponse::Ok().body("ready\n")
    } else {
        HttpResponse::ServiceUnavailable().body("the database does not answer\n")
    }
}

async fn metrics(metrics: Data<Metrics>) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4")).body(metrics.text())
}
