//! Customers that ask too much, beside others.

use std::{collections::BTreeMap, num::NonZeroU32};

use futures_util::future::join_all;
use gateway_http::{GatewaySettings, auth::AuthSettings};
use serde_json::Value;

use crate::support::{App, raw};

fn behind_proxy() -> AuthSettings {
    AuthSettings { trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()], ..AuthSettings::default() }
}

/// A burst of one customer's orders is served a few at once; what finds no place is told to come again, and nothing is
/// told to be the database's doing. Others are answered meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_one_customer_is_told_to_come_again_and_harms_nobody() {
    let app = App::new().await;
    let serving = app.serve();
    let order = "login=poor&apikey=poor-key&json=1&command=createOrder&vid=vds&tarifid=10&period=1&addons=20";
    let orders = join_all((0..200).map(|_| raw_post(serving.address, order)));
    let good =
        join_all((0..10).map(|_| raw_post(serving.address, "login=ann&apikey=ann-key&json=1&command=getBalance")));
    let (orders, good) = tokio::join!(orders, good);
    assert!(good.iter().all(|(_, _, answer)| answer["balance"] == "1005.00"), "{good:?}");
    let mut codes: BTreeMap<String, usize> = BTreeMap::new();
    for (status, retry_after, answer) in &orders {
        let code = answer["errorCode"].as_str().unwrap_or_default().to_owned();
        let is_limited = code == "100";
        assert_eq!((*status == 429, retry_after.is_some()), (is_limited, is_limited), "{answer}");
        *codes.entry(code).or_default() += 1;
    }
    assert!(!codes.contains_key("1") && !codes.contains_key("2"), "{codes:?}");
    assert!(codes.get("100").is_some_and(|&limited| limited < 200), "some are served, and some are not: {codes:?}");
    app.db.verify_books().await;
    serving.stop().await;
}

fn post(body: &str, headers: &str) -> String {
    let head = "POST /apih.php HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    format!("{head}{form}{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// Status, `Retry-After` and the answer.
async fn raw_post(address: std::net::SocketAddr, body: &str) -> (u16, Option<String>, Value) {
    let response = raw(address, post(body, "").as_bytes()).await;
    let answer = serde_json::from_slice(&response.body).unwrap();
    (response.status, response.header("retry-after").map(str::to_owned), answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_limit_of_good_requests_is_told_with_429() {
    let app = App::new().await;
    let auth = AuthSettings { customer_requests_per_minute: NonZeroU32::new(2), ..AuthSettings::default() };
    let limited = App { gateway: app.with(GatewaySettings { auth, ..GatewaySettings::default() }), db: app.db };
    let serving = limited.serve();
    let ask = "login=ann&apikey=ann-key&json=1&command=getBalance";
    for status in [200, 200, 429] {
        let (got, retry_after, answer) = raw_post(serving.address, ask).await;
        assert_eq!((got, retry_after.is_some()), (status, status == 429), "{answer}");
    }
    let (other, ..) = raw_post(serving.address, "login=ben&apikey=ben-key&json=1&command=getBalance").await;
    assert_eq!(other, 200);
    serving.stop().await;
}

/// The proxy's own address is nobody's, and least of all one that an allowlist has.
#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_that_names_nobody_is_refused() {
    let app = App::new().await;
    let gateway = app.with(GatewaySettings { auth: behind_proxy(), ..GatewaySettings::default() });
    let app = App { gateway, db: app.db };
    let serving = app.serve();
    let ask = async |forwarded: &str| {
        let request = post("login=ann&apikey=ann-key&json=1&command=getBalance", forwarded);
        let response = raw(serving.address, request.as_bytes()).await;
        serde_json::from_slice::<Value>(&response.body).unwrap()["errorCode"].clone()
    };
    for unnamed in ["", "X-Forwarded-For: unknown\r\n", "X-Forwarded-For: 127.0.0.1\r\n", "X-Forwarded-For:\r\n"] {
        assert_eq!(ask(unnamed).await, "54", "{unnamed:?}");
    }
    assert_eq!(ask("X-Forwarded-For: 203.0.113.9\r\n").await, Value::Null);
    serving.stop().await;
}
