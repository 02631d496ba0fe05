//! The API as HTTP has it: methods, bodies, headers.

use super::bed::{Bed, get_from};
use crate::support::raw;

#[tokio::test(flavor = "multi_thread")]
async fn get_and_post_are_answered_and_other_methods_are_not() {
    let bed = Bed::new().await;
    let serving = bed.serve(&bed.api);
    let query = "command=version&nick=ann-api&password=ann-api-password";
    let got = get_from(&serving, &format!("/json.php?{query}"), None, "").await;
    assert_eq!((got.status, got.body.as_slice()), (200, br#"{"version":"1.0"}"#.as_slice()));
    assert_eq!(got.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!((got.header("cache-control"), got.header("referrer-policy")), (Some("no-store"), Some("no-referrer")));
    let form = "Content-Type: application/x-www-form-urlencoded";
    let post = async |target: &str, body: &str| {
        let length = body.len();
        let head =
            format!("POST {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{form}\r\nContent-Length: {length}");
        raw(serving.address, format!("{head}\r\n\r\n{body}").as_bytes()).await
    };
    assert_eq!(post("/json.php", query).await.body, got.body);
    // What the body says wins.
    assert_eq!(post("/json.php?command=nope", query).await.status, 200);
    assert_eq!(post("/json.php", &"x".repeat(64 * 1024 + 1)).await.status, 413);
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"] {
        let request =
            format!("{method} /json.php?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        assert_eq!(raw(serving.address, request.as_bytes()).await.status, 405, "{method}");
    }
    let head = format!("HEAD /json.php?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let head = raw(serving.address, head.as_bytes()).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    // An address that anybody can write is nobody's.
    let written = get_from(&serving, &format!("/json.php?{query}"), Some("192.0.2.1".parse().unwrap()), "").await;
    assert_eq!(written.status, 200);
    serving.stop().await;
}
