//! This surface on HTTP: the API, and the links in its answers.

mod graphs;
mod invoices;
mod json;

use actix_web::web;

/// The routes of this surface.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/json.php", web::route().to(json::json))
        .route("/graphs/{token}.png", web::get().to(graphs::graph))
        .route("/invoices/{token}.pdf", web::get().to(invoices::pdf))
        .route("/invoices/{token}", web::get().to(invoices::page));
}
