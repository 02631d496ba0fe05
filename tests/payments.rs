//! `POST /payments/callback`: who may tell of money, and what comes of it.

use std::{net::SocketAddr, sync::Arc};

use gateway_http::{
    http::{
        payments::{Callback, routes},
        serve,
    },
    metrics::Metrics,
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

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

#[tokio::test(flavor = "multi_thread")]
async fn only_a_signed_fresh_message_is_believed_and_each_payment_once() {
    let app = App::new().await;
    let callback = Callback { database: app.db.database.clone(), secret: SECRET.into(), window_seconds: 300 };
    let callback = Arc::new(callback);
    let bound = free_ports();
    let public = move |config: &mut actix_web::web::ServiceConfig| routes(config, callback.clone());
    let serving = serve(app.gateway.clone(), Arc::new(Metrics::new().unwrap()), bound, 1, public).unwrap();
    let (address, now) = (serving.address, app.db.value::<i64>("select extract(epoch from now())::bigint").await);
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
