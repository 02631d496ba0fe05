//! The private port: health, readiness, metrics.

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, Data},
};

use store::{RealmKind, tasks};

use super::leaving::Leaving;
use crate::{
    Gateway,
    metrics::{self, Metrics},
};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/healthz", web::get().to(healthz))
        .route("/readyz", web::get().to(readyz))
        .route("/metrics", web::get().to(tell_metrics));
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

/// What was counted here, and what the database knows; where it doesn't answer, the former alone.
async fn tell_metrics(gateway: Data<Gateway>, metrics: Data<Metrics>) -> HttpResponse {
    metrics.database_is(&gateway.database().monitor().condition());
    let mut waiting = Vec::new();
    for kind in RealmKind::ALL {
        let realm = gateway.database().realm(kind);
        match realm.read(async |connection| tasks::waited_for(connection).await).await {
            Ok(waited_for) => waiting.extend(waited_for.into_iter().map(|of| (kind.schema(), of))),
            Err(error) => tracing::debug!(%error, "the database tells no metrics"),
        }
    }
    let text = metrics.text() + &metrics::waiting(&waiting);
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4")).body(text)
}
