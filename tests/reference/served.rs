//! The page on HTTP: once written, it is only handed out.

use super::bed::Desk;
use crate::support::{Response, raw};

async fn get(desk: &Desk, path: &str, headers: &str) -> Response {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    raw(desk.serving.address, request.as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_awaited_and_then_kept() {
    let desk = Desk::unwritten().await;
    let early = get(&desk, "/apidoc.php", "").await;
    assert_eq!((early.status, early.header("retry-after")), (503, Some("2")));

    desk.published.publish(apidoc::publish::Pages::of(&desk.model().await));
    for path in ["/apidoc.php", "/apidoch.php"] {
        let page = get(&desk, &format!("{path}?lang=en"), "").await;
        assert_eq!((page.status, page.header("content-language")), (200, Some("en")));
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
        assert!(page.header("vary").unwrap().contains("Accept-Language"));

        let tag = page.header("etag").unwrap();
        let again = get(&desk, &format!("{path}?lang=en"), &format!("If-None-Match: \"x\", W/{tag}\r\n")).await;
        assert_eq!((again.status, again.body.len()), (304, 0));
        let zipped = get(&desk, &format!("{path}?lang=en"), "Accept-Encoding: gzip\r\n").await;
        assert_eq!(zipped.header("content-encoding"), Some("gzip"));
        assert!(zipped.body.len() * 4 < page.body.len() && zipped.header("etag") != Some(tag));
        let other = get(&desk, path, &format!("Accept-Language: lt\r\nIf-None-Match: {tag}\r\n")).await;
        assert_eq!((other.status, other.header("content-language")), (200, Some("lt")));
    }
    let zipped = get(&desk, "/apidoc/openapi.json", "Accept-Encoding: gzip\r\n").await;
    assert_eq!((zipped.status, zipped.header("content-encoding")), (200, Some("gzip")));
    let known = format!("Accept-Encoding: gzip\r\nIf-None-Match: {}\r\n", zipped.header("etag").unwrap());
    assert_eq!(get(&desk, "/apidoc/openapi.json", &known).await.status, 304);
    let errors = get(&desk, "/apidoc/errors.json", "").await;
    let errors: serde_json::Value = serde_json::from_slice(&errors.body).unwrap();
    let codes: Vec<_> = errors.as_array().unwrap().iter().filter_map(|code| code["code"].as_u64()).collect();
    let known: Vec<_> = gateway_http::faults::Fault::ALL.iter().map(|fault| u64::from(fault.code())).collect();
    assert_eq!(codes, known);
    let index = String::from_utf8(get(&desk, "/llms.txt", "").await.body).unwrap();
    for link in index.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let path = link.strip_prefix(&desk.source.facts.public_url).unwrap();
        let file = get(&desk, path, "").await;
        assert!(file.status == 200 && file.body.len() > 200, "{link}");
    }
    assert_eq!(get(&desk, "/apidoc/nothing.md", "").await.status, 404);

    let posted = raw(desk.serving.address, b"POST /apidoc.php HTTP/1.0\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(posted.status, 405);
    let head = raw(desk.serving.address, b"HEAD /apidoc.php HTTP/1.0\r\n\r\n").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    desk.serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_catalogue_is_another_page() {
    let desk = Desk::unwritten().await;
    let names = |model: &apidoc::model::Model| model.sold.iter().map(|tariff| tariff.name.clone()).collect::<Vec<_>>();
    assert!(names(&desk.model().await).contains(&"VDS-2".to_owned()));
    let mut catalogue = testkit::TestDb::demo_catalogue();
    catalogue.tariffs.retain(|tariff| tariff.id.0 != 10);
    desk.app.db.apply_catalogue(&catalogue).await;
    let model = desk.model().await;
    assert!(!names(&model).contains(&"VDS-2".to_owned()));
    // What can't be called any more has no example, and the rest have theirs.
    assert!(model.command("getBalance").unwrap().example.is_some());
    desk.serving.stop().await;
}
