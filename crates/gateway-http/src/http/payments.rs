//! `POST /payments/callback`: a payment provider's bridge tells of money that arrived. It signs what it says with a
//! secret that both have; the same payment told again is recorded once.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{self, Data, Payload, ServiceConfig},
};
use domain::{billing::InvoiceId, calendar::parse_digits, money::Money};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
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
struct Message {
    reference: String,
    login: String,
    amount: String,
    currency: String,
    invoice: Option<i64>,
    #[serde(default)]
    note: String,
}

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
    let message: Message = match serde_json::from_slice(&body) {
        Ok(message) => message,
        Err(why) => return refused(StatusCode::BAD_REQUEST, &why.to_string()),
    };
    match record(&callback, seconds, &message).await {
        Ok(received) => {
            let status = match received {
                Received::Again => "repeated",
                Received::Credited => "credited",
                Received::Paid => "paid",
            };
            HttpResponse::Ok().json(json!({ "status": status }))
        }
        Err(refusal) => respond(&refusal),
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

async fn record(callback: &Callback, seconds: i64, of: &Message) -> Result<Received, Refusal> {
    let realm = &callback.database.live;
    let window = i64::from(callback.window_seconds);
    let reference = of.reference.trim();
    if reference.is_empty() {
        return Err(Refusal::Malformed("reference: it must not be empty".into()));
    }
    let (customer, received) = realm
        .transaction("record payment", async |tx: &mut Tx| {
            // By the database's clock, so that all hosts agree.
            if tx.now().as_second().abs_diff(seconds) > window.unsigned_abs() {
                return Err(Refusal::Stale);
            }
            let customer = customers::find(tx, &of.login).await?;
            if customer.currency != of.currency {
                return Err(Refusal::Malformed(format!("currency: the customer is billed in {}", customer.currency)));
            }
            let currency = of.currency.parse().map_err(|_| Refusal::Malformed("currency: unknown".into()))?;
            let amount =
                Money::parse(&of.amount, currency).map_err(|why| Refusal::Malformed(format!("amount: {why}")))?;
            let invoice = of.invoice.map(InvoiceId);
            let (customer, note) = (customer.customer(), of.note.as_str());
            let money = Incoming { customer, amount, reference: Some(reference), invoice, note };
            Ok((customer, payments::receive(tx, &money).await?))
        })
        .await?;
    // What is left undone here, a worker does.
    if let Err(error) = payments::settle(realm, customer).await {
        store::log_failure!(warn, error, "a payment is recorded and settles nothing yet");
    }
    Ok(received)
}

fn respond(refusal: &Refusal) -> HttpResponse {
    match refusal {
        Refusal::Stale => refused(StatusCode::UNAUTHORIZED, "the message is too old, or of a time to come"),
        Refusal::Malformed(why) => refused(StatusCode::BAD_REQUEST, why),
        Refusal::Store(Error::NotFound(why)) => refused(StatusCode::NOT_FOUND, why),
        Refusal::Store(Error::Refused(why)) => refused(StatusCode::CONFLICT, why),
        Refusal::Store(error) => {
            store::log_failure!(warn, *error, "a payment can't be recorded");
            refused(StatusCode::SERVICE_UNAVAILABLE, "try again")
        }
    }
}

fn refused(status: StatusCode, why: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({ "error": why }))
}
