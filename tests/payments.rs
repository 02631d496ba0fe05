//! `POST /payments/callback`: who may tell of money, and what comes of it.

use std::{net::SocketAddr, sync::Arc};

use gateway_http::{
    http::{
        Serving,
        payments::{Callback, routes},
        serve,
    },
    metrics::Metrics,
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use store::payments::{self, PaymentRefusal};

use crate::support::{App, Response, free_ports, raw};

const SECRET: &str = "of thirty-two characters, or more";

fn signature(secret: &str, at: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn post(address: SocketAddr, at: i64, signature: &str, body: &str) -> Response {
    let request = format!(
        "POST /payments/callback HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Vartai-Timestamp: {at}\r\n\
         X-Vartai-Signature: {signature}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    raw(address, request.as_bytes()).await
}

async fn tell(address: SocketAddr, at: i64, message: &Value) -> (u16, Value) {
    let body = message.to_string();
    let response = post(address, at, &signature(SECRET, at, &body), &body).await;
    (response.status, serde_json::from_slice(&response.body).unwrap())
}

async fn serving(app: &App) -> (Serving, i64) {
    let callback = Callback { database: app.db.database.clone(), secret: SECRET.into(), window_seconds: 300 };
    let callback = Arc::new(callback);
    let public = move |config: &mut actix_web::web::ServiceConfig| routes(config, callback.clone());
    let serving = serve(app.gateway.clone(), Arc::new(Metrics::new().unwrap()), free_ports(), 1, public).unwrap();
    (serving, app.db.value("select extract(epoch from now())::bigint").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_signed_fresh_message_is_believed_and_each_payment_once() {
    let app = App::new().await;
    let (serving, now) = serving(&app).await;
    let address = serving.address;
    let order = app.order_by("poor", &[("tarifid", "1"), ("period", "1"), ("domain", "poor.lt")]).await;
    let invoice: i64 = app.db.value("select id from live.invoice where status = 'unpaid'").await;
    let message = json!({
        "reference": "tx-1", "login": "poor", "amount": "3.50", "currency": "EUR", "invoice": invoice,
    });

    let body = message.to_string();
    for (at, wrong) in [
        (now, signature("another secret, as long as the other", now, &body)),
        (now, signature(SECRET, now - 1, &body)),
        (now, signature(SECRET, now, "{}")),
        (now, String::new()),
        (now, "ž".to_owned()),
        (now - 400, signature(SECRET, now - 400, &body)),
        (now + 400, signature(SECRET, now + 400, &body)),
    ] {
        assert_eq!(post(address, at, &wrong, &body).await.status, 401, "{at} {wrong}");
    }
    assert_eq!(app.db.value::<i64>("select count(*) from live.payment").await, 0);

    assert_eq!(tell(address, now, &message).await, (200, json!({"status": "paid"})));
    assert_eq!(tell(address, now + 1, &message).await, (200, json!({"status": "repeated"})));
    let with = |key: &str, value: Value| {
        let mut message = message.clone();
        message[key] = value;
        message
    };
    for (wrong, status) in [
        (with("amount", json!("4.00")), 409),
        (with("login", json!("nobody")), 404),
        (with("currency", json!("USD")), 400),
        (with("amount", json!("1.005")), 400),
        (with("reference", json!(" ")), 400),
        (json!({}), 400),
    ] {
        assert_eq!(tell(address, now, &wrong).await.0, status, "{wrong}");
    }
    assert_eq!(app.by("poor", "getBalance", &[]).await["balance"], "1.50", "1.00, and 0.50 of 3.50 for 3.00");
    assert_ne!(
        app.db.value::<String>(&format!("select state from live.orders where id = {order}")).await,
        "awaiting_payment"
    );
    app.db.verify_books().await;
    serving.stop().await;
}

/// A field with what it can't be, and the status that says so.
fn wrong_values() -> Vec<(&'static str, Value, u16)> {
    let long = "a".repeat(129);
    vec![
        ("reference", json!(long), 400),
        ("reference", json!(""), 400),
        ("reference", json!("a\u{0}b"), 400),
        ("reference", json!("a\nb"), 400),
        ("reference", json!("a\u{202e}b"), 400),
        ("reference", json!(7), 400),
        ("login", json!("po\u{0}or"), 404),
        ("login", json!("x".repeat(9000)), 404),
        ("login", Value::Null, 400),
        ("amount", json!("92233720368547758.07"), 409),
        ("amount", json!("90071992547409.91"), 409),
        ("amount", json!("92233720368547758.08"), 400),
        ("amount", json!("-1.00"), 400),
        ("amount", json!("0"), 400),
        ("amount", json!(1.5), 400),
        ("currency", json!("EU\u{0}"), 400),
        ("currency", json!("eur"), 400),
        ("invoice", json!(999_999), 404),
        ("invoice", json!(-1), 404),
        ("invoice", json!(0), 404),
        ("invoice", json!(i64::MAX), 404),
        ("invoice", json!("1"), 400),
        ("note", json!(["a"]), 400),
        ("type", json!("refund"), 400),
        ("type", json!("chargeback"), 400),
        ("type", json!("Payment"), 400),
        ("type", Value::Null, 400),
        ("status", json!("failed"), 400),
        ("ammount", json!("1.00"), 400),
    ]
}

/// What will never work is told as that, whichever field it is: a bridge tells the same again after a 5xx only.
#[tokio::test(flavor = "multi_thread")]
async fn what_will_never_work_is_no_reason_to_tell_it_again() {
    let app = App::new().await;
    let (serving, now) = serving(&app).await;
    let address = serving.address;
    app.order_by("poor", &[("tarifid", "1"), ("period", "1"), ("domain", "poor.lt")]).await;
    let invoice: i64 = app.db.value("select id from live.invoice where status = 'unpaid'").await;
    let good = json!({ "reference": "r", "login": "poor", "amount": "1.00", "currency": "EUR" });
    for (field, value, status) in &wrong_values() {
        let mut message = good.clone();
        message[*field] = value.clone();
        let told = tell(address, now, &message).await;
        assert_eq!(told.0, *status, "{message}: {}", told.1);
    }
    for body in ["", "[]", "null", "{", "\u{feff}{}"] {
        assert_eq!(post(address, now, &signature(SECRET, now, body), body).await.status, 400, "{body}");
    }
    let mut other = good.clone();
    (other["login"], other["invoice"]) = (json!("ben"), json!(invoice));
    assert_eq!(tell(address, now, &other).await.0, 409, "another customer's invoice");
    assert_eq!(app.db.value::<i64>("select count(*) from live.payment").await, 0);
    assert_eq!(app.by("poor", "getBalance", &[]).await["balance"], "1.00");

    // Each is noted, bounded, for staff; what came again is told of, until the payment is there.
    let repeated = async || app.db.database.live.read(async |c| payments::repeated_refusals(c).await).await.unwrap();
    let before = repeated().await;
    assert!(before.iter().all(|refusal| refusal.why.chars().count() <= 500 && refusal.times > 1), "{before:?}");
    let mut unknown = good.clone();
    unknown["invoice"] = json!(999_999);
    for at in [now, now + 1] {
        assert_eq!(tell(address, at, &unknown).await.0, 404);
    }
    let ours = |all: &[PaymentRefusal]| {
        let ours = all.iter().find(|refusal| refusal.reference == "r" && refusal.why.contains("999999"));
        ours.map(|refusal| (refusal.login.clone(), refusal.status, refusal.times))
    };
    assert_eq!(ours(&repeated().await), Some(("poor".to_owned(), 404, 3)));
    let mut noted = good.clone();
    noted["type"] = json!("payment");
    noted["note"] = json!(format!("\u{1b}]0;x\u{7}\u{9b}31m a\r\nb\u{202e}c{}", "d".repeat(60_000)));
    assert_eq!(tell(address, now, &noted).await, (200, json!({"status": "credited"})));
    assert_eq!(ours(&repeated().await), None, "the payment is there");
    let note: String = app.db.value("select note from live.journal order by id desc limit 1").await;
    let (kept, reference) = note.rsplit_once(' ').unwrap();
    assert!(kept.starts_with("]0;x31m a  bcddd") && kept.chars().count() == 500 && reference == "(r)", "{note}");
    app.db.verify_books().await;
    serving.stop().await;
}
