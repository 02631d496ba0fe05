//! The wire: methods, bodies, headers, HTTP/1.0.

use gateway_http::request::Fields;

use crate::support::{App, HERE, Response, raw};

async fn get(app: &App, target: &str) -> Response {
    let serving = app.serve();
    let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let response = raw(serving.address, request.as_bytes()).await;
    serving.stop().await;
    response
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_their_type_and_are_not_stored() {
    let app = App::new().await;
    let php = get(&app, "/apih.php?command=getBalance&login=ann&apikey=ann-key").await;
    assert_eq!((php.status, php.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    assert_eq!(php.header("cache-control"), Some("no-store"));
    let body = String::from_utf8(php.body).unwrap();
    assert_eq!(body, r#"a:3:{s:6:"status";s:7:"SUCCESS";s:7:"balance";s:7:"1005.00";s:8:"currency";s:3:"EUR";}"#);
    let json = get(&app, "/apih.php?command=getBalance&login=ann&apikey=ann-key&json=1").await;
    assert_eq!(json.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(json.body, br#"{"status":"SUCCESS","balance":"1005.00","currency":"EUR"}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_refused_and_head_has_no_body() {
    let app = App::new().await;
    let serving = app.serve();
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"] {
        let request =
            format!("{method} /apih.php HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        assert_eq!(raw(serving.address, request.as_bytes()).await.status, 405, "{method}");
    }
    let head = raw(serving.address, b"HEAD /apih.php HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_have_64_kib_and_no_more() {
    let app = App::new().await;
    let serving = app.serve();
    let form = "command=getBalance&login=ann&apikey=ann-key&x=";
    for (length, status) in [(64 * 1024, 200), (64 * 1024 + 1, 413), (1024 * 1024, 413)] {
        let mut request = format!(
            "POST /apih.php HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}"
        );
        request.extend(std::iter::repeat_n('a', length - form.len()));
        assert_eq!(raw(serving.address, request.as_bytes()).await.status, status, "{length} bytes");
    }
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_json_is_refused_with_a_sentence_and_not_read_as_nothing() {
    let app = App::new().await;
    let serving = app.serve();
    let call = async |content_type: &str, body: &str| {
        let length = body.len();
        let request = format!(
            "POST /apih.php?command=getBalance&login=ann&apikey=ann-key HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             Content-Length: {length}\r\nContent-Type: {content_type}\r\n\r\n{body}"
        );
        raw(serving.address, request.as_bytes()).await
    };
    for content_type in ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"] {
        let refused = call(content_type, r#"{"command":"getBalance"}"#).await;
        let said = String::from_utf8(refused.body).unwrap();
        assert!(refused.status == 415 && said.contains("x-www-form-urlencoded"), "{content_type}: {said}");
        assert_eq!(call(content_type, "").await.status, 200, "no body is none of that type");
    }
    assert_eq!(call("text/plain", "x").await.status, 200);
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_out_of_a_file_and_a_domain_that_is_none_are_told_as_what_they_are() {
    let app = App::new().await;
    let key = call_as(&app, "getBalance", &[("apikey", "ann-key\n")]).await;
    assert!(key.contains(r#""status":"SUCCESS""#), "{key}");
    let vds = [("apikey", "ann-key"), ("tarifid", "1"), ("period", "1")];
    let none = call_as(&app, "createOrder", &vds).await;
    assert!(none.contains(r#""errorMsg":"No domain name given""#), "{none}");
    let malformed = call_as(&app, "createOrder", &[&vds[..], &[("domain", "under_score.example")]].concat()).await;
    assert!(malformed.contains(r#""errorMsg":"No domain name given: what is given is not one""#), "{malformed}");
}

async fn call_as(app: &App, command: &str, fields: &[(&str, &str)]) -> String {
    let own = [("command", command), ("login", "ann"), ("json", "1")];
    let fields: Fields = own.into_iter().chain(fields.iter().copied()).collect();
    String::from_utf8(app.gateway.answer(&fields, HERE).await.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_gets_no_chunks() {
    let app = App::new().await;
    let serving = app.serve();
    let form = "command=getTarifs&login=ann&apikey=ann-key&vid=vds";
    let request = format!(
        "POST /apih.php HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let response = raw(serving.address, request.as_bytes()).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("transfer-encoding"), None);
    assert!(response.body.starts_with(b"a:2:{"));
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_failures_are_http_429_with_a_normal_body() {
    let mut app = App::new().await;
    app.gateway = app.impatient();
    let ask = async |secret: &str| get(&app, &format!("/apih.php?login=ann&json=1&command=getBalance&{secret}")).await;
    assert_eq!(ask("pass=wrong").await.status, 200);
    let stopped = ask("pass=wronger").await;
    assert_eq!(stopped.status, 429);
    assert!(stopped.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert!(String::from_utf8(stopped.body).unwrap().contains(r#""errorCode":"100""#));
    assert_eq!(ask("apikey=ann-key").await.status, 200, "a working client is not locked out");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_private_port_tells_of_health_and_the_public_one_does_not() {
    let app = App::new().await;
    let serving = app.serve();
    let ask = async |address, path: &str| {
        raw(address, format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await
    };
    ask(serving.address, "/apih.php?command=nope&login=ann&apikey=ann-key").await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(ask(serving.admin_address, path).await.status, 200, "{path}");
        assert_eq!(ask(serving.address, path).await.status, 404, "{path}");
    }
    let metrics = String::from_utf8(ask(serving.admin_address, "/metrics").await.body).unwrap();
    assert!(metrics.contains(r#"vartai_requests_total{code="8",command="unknown",surface="apih"} 1"#), "{metrics}");
    serving.stop().await;
}
