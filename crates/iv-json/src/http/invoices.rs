//! Invoices and credit notes, as a page to print and as a PDF. The link opens without a login, for that paper alone.

use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Path},
};
use paper::{InvoiceDocument, page as draw_page, pdf as draw_pdf, style_hash};

use crate::{
    Api,
    documents::{credit_note as credit_note_document, invoice as invoice_document},
    links::{CreditNoteLink, InvoiceLink, open},
};

/// The paper of a token, or how the request ends without it.
async fn find(token: &str, api: &Api) -> Result<InvoiceDocument, HttpResponse> {
    let keys = api.database().live.keys();
    let invoice = open::<InvoiceLink>(token, keys).and_then(|link| link.target());
    let credit_note = open::<CreditNoteLink>(token, keys).and_then(|link| link.target());
    let found = match (invoice, credit_note) {
        (Some((realm, id)), _) => invoice_document(api.database().realm(realm), id).await,
        (None, Some((realm, id))) => credit_note_document(api.database().realm(realm), id).await,
        (None, None) => Ok(None),
    };
    match found {
        Ok(Some(document)) => Ok(document),
        Ok(None) => Err(HttpResponse::NotFound().finish()),
        Err(error) => {
            store::log_failure!(error, error, "an invoice can't be shown");
            Err(HttpResponse::ServiceUnavailable().finish())
        }
    }
}

/// The page to print.
pub(super) async fn page(token: Path<String>, api: Data<Api>) -> HttpResponse {
    let document = match find(&token, &api).await {
        Ok(document) => document,
        Err(response) => return response,
    };
    let policy = format!("default-src 'none'; style-src '{}'; frame-ancestors 'none'", style_hash());
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(draw_page(&document, Some(&format!("{token}.pdf"))))
}

/// The PDF.
pub(super) async fn pdf(token: Path<String>, api: Data<Api>) -> HttpResponse {
    let document = match find(&token, &api).await {
        Ok(document) => document,
        Err(response) => return response,
    };
    match draw_pdf(&document) {
        Ok(pdf) => HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, "application/pdf"))
            .insert_header((header::CACHE_CONTROL, "private, no-cache"))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(pdf),
        Err(error) => {
            tracing::error!(%error, "an invoice can't be put on paper");
            HttpResponse::ServiceUnavailable().finish()
        }
    }
}
