//! `POST /payments/callback`: a payment provider's bridge tells of money that arrived. It signs what it says with a
//! secret that both have; the same payment told again is recorded once.

use std::{fmt::Display, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data, Payload, ServiceConfig},
};
use domain::{
    billing::{InvoiceId, PaymentReference},
    calendar::parse_digits,
    customers::CustomerId,
    money::Money,
    text::plain,
};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;
use store::{
    Database, Error, Tx, customers,
    db::AsStoreError,
    payments::{self, Incoming, Received},
};

use super::body::{self, NoBody};

/// The bridge's secret, and what it tells to.
pub struct Callback {
    /// Whose live realm the payments are of.
    pub database: Database,
    /// What the bridge signs with.
    pub secret: SecretString,
    /// For so many seconds a signed message holds, before and after its own moment.
    pub window_seconds: u32,
}

/// A payment, as the bridge tells of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    /// Bridges that tell of refunds and chargebacks, too, say which this is.
    #[serde(default, rename = "type")]
    kind: Kind,
    reference: String,
    login: String,
    amount: String,
    currency: String,
    invoice: Option<i64>,
    #[serde(default)]
    note: String,
}

/// What happened to money. Nothing but a payment can be told here.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Payment,
}

/// So many characters of a note are kept.
const NOTE: usize = 500;

/// Why it was not recorded.
enum Refusal {
    Stale,
    Malformed(String),
    Store(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl AsStoreError for Refusal {
    fn as_store_error(&self) -> Option<&Error> {
        match self {
            Self::Store(error) => Some(error),
            Self::Stale | Self::Malformed(_) => None,
        }
    }
}

/// Serves the callback.
pub fn routes(config: &mut ServiceConfig, callback: Arc<Callback>) {
    config.app_data(Data::from(callback)).route("/payments/callback", web::post().to(told));
}

async fn told(request: HttpRequest, payload: Payload, callback: Data<Callback>) -> HttpResponse {
    let body = match body::read(payload).await {
        Ok(body) => body,
        Err(NoBody::TooLong) => return refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long"),
        Err(NoBody::TooSlow | NoBody::Broken) => return refused(StatusCode::BAD_REQUEST, "there is no body"),
    };
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (at, signature) = (header("X-Vartai-Timestamp"), header("X-Vartai-Signature"));
    let Some(seconds) = parse_digits(at).filter(|_| is_signed(&callback.secret, at, &body, signature)) else {
        return refused(StatusCode::UNAUTHORIZED, "the signature is wrong");
    };
    match record(&callback, seconds, &body).await {
        Ok(received) => {
            let status = match received {
                Received::Again => "repeated",
                Received::Credited => "credited",
                Received::Paid => "paid",
            };
            HttpResponse::Ok().json(json!({ "status": status }))
        }
        Err(refusal) => respond(&callback, &refusal, &body).await,
    }
}

/// HMAC-SHA256 of the moment, a dot and the body, in hexadecimal digits.
fn is_signed(secret: &SecretString, at: &str, body: &[u8], signature: &str) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else { return false };
    mac.update(at.as_bytes());
    mac.update(b".");
    mac.update(body);
    let digits: Option<Vec<u8>> = signature
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect();
    // Compared in constant time.
    digits.is_some_and(|digits| mac.verify_slice(&digits).is_ok())
}

async fn record(callback: &Callback, seconds: i64, body: &[u8]) -> Result<Received, Refusal> {
    let realm = &callback.database.live;
    let window = i64::from(callback.window_seconds);
    let (customer, received) = realm
        .transaction("record payment", async |tx: &mut Tx| {
            // By the database's clock, so that all hosts agree.
            if tx.now().as_second().abs_diff(seconds) > window.unsigned_abs() {
                return Err(Refusal::Stale);
            }
            receive(tx, body).await
        })
        .await?;
    // What is left undone here, a worker does.
    if let Err(error) = payments::settle(realm, customer).await {
        store::log_failure!(warn, error, "a payment is recorded and settles nothing yet");
    }
    Ok(received)
}

async fn receive(tx: &mut Tx, body: &[u8]) -> Result<(CustomerId, Received), Refusal> {
    let malformed = |field: &str, why: &dyn Display| Refusal::Malformed(format!("{field}: {why}"));
    let of: Message = serde_json::from_slice(body).map_err(|why| Refusal::Malformed(why.to_string()))?;
    let Kind::Payment = of.kind;
    let reference = PaymentReference::parse(&of.reference).map_err(|why| malformed("reference", &why))?;
    let customer = customers::find(tx, &of.login).await?;
    if customer.currency != of.currency {
        return Err(malformed("currency", &format!("the customer is billed in {}", customer.currency)));
    }
    let currency = of.currency.parse().map_err(|_| malformed("currency", &"unknown"))?;
    let amount = Money::parse(&of.amount, currency).map_err(|why| malformed("amount", &why))?;
    if amount.in_minor() <= 0 {
        return Err(malformed("amount", &"it must be more than nothing"));
    }
    let (customer, note) = (customer.customer(), plain(&of.note, NOTE));
    let invoice = of.invoice.map(InvoiceId);
    let money = Incoming { customer, amount, reference: Some(&reference), invoice, note: &note };
    Ok((customer, payments::receive(tx, &money).await?))
}

/// The status that tells a bridge whether telling the same again can help.
fn status_of(refusal: &Refusal) -> (StatusCode, String) {
    match refusal {
        Refusal::Stale => (StatusCode::UNAUTHORIZED, "the message is too old, or of a time to come".to_owned()),
        Refusal::Malformed(why) => (StatusCode::BAD_REQUEST, why.clone()),
        Refusal::Store(Error::NotFound(why)) => (StatusCode::NOT_FOUND, why.clone()),
        Refusal::Store(Error::Refused(why)) => (StatusCode::CONFLICT, why.clone()),
        // What a rule of the database refuses, it refuses again.
        Refusal::Store(error @ Error::Constraint { .. }) => (StatusCode::CONFLICT, error.to_string()),
        Refusal::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "try again".to_owned()),
    }
}

async fn respond(callback: &Callback, refusal: &Refusal, body: &[u8]) -> HttpResponse {
    let (status, why) = status_of(refusal);
    match refusal {
        Refusal::Store(error) if status == StatusCode::SERVICE_UNAVAILABLE => {
            store::log_failure!(warn, *error, "a payment can't be recorded");
        }
        Refusal::Stale => {}
        Refusal::Malformed(_) | Refusal::Store(_) => note_refusal(callback, body, status, &why).await,
    }
    refused(status, &why)
}

/// What `vartai doctor` tells staff of, since nobody reads a bridge's log.
async fn note_refusal(callback: &Callback, body: &[u8], status: StatusCode, why: &str) {
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| message.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (reference, login) = (text("reference"), text("login"));
    let noting = async |tx: &mut Tx| payments::note_refusal(tx, &reference, &login, status.as_u16(), why).await;
    if let Err(error) = callback.database.live.transaction("note refusal", noting).await {
        store::log_failure!(warn, error, "a payment was refused, and that can't be noted");
    }
}

fn refused(status: StatusCode, why: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({ "error": why }))
}
