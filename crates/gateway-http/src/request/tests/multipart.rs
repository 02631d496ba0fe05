//! Multipart bodies: whole, cut short, and damaged.

use actix_web::http::Method;
use proptest::prelude::*;

use super::php::queries;
use super::{FORM, get, given, read};
use crate::request::{Fields, urlencoded};

proptest! {
    #[test]
    fn multipart_reads_as_its_fields(query in queries(), parts in prop::collection::vec(parts(), 0..6)) {
        let fields = read(Method::POST, &query, Some(MULTIPART), &multipart(&parts));
        let posted = parts.into_iter().filter(|part| !part.file).map(|part| (part.name.into_bytes(), part.value));
        let expected: Fields = Fields::overridden_by(urlencoded::pairs(&query).collect(), posted.collect());
        prop_assert_eq!(given(&fields), given(&expected));
    }

    #[test]
    fn half_a_multipart_body_has_no_fields(
        parts in prop::collection::vec(parts(), 1..4), cut in any::<prop::sample::Index>(),
    ) {
        let body = multipart(&parts);
        let half = &body[..cut.index(body.len() - 2)];
        prop_assert_eq!(given(&read(Method::POST, b"q=1", Some(MULTIPART), half)), given(&get("q=1")));
    }

    #[test]
    fn no_body_stops_the_decoding(
        parts in prop::collection::vec(parts(), 0..3),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        noise in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut body = multipart(&parts);
        for (at, byte) in changes {
            *at.get_mut(&mut body) = byte;
        }
        for body in [body, noise] {
            for content_type in [MULTIPART, FORM] {
                read(Method::POST, &body, Some(content_type), &body);
            }
        }
    }
}

const MULTIPART: &str = "multipart/form-data; boundary=------------------------9aB3f0C1d2";

#[derive(Debug, Clone)]
struct Part {
    name: String,
    value: Vec<u8>,
    file: bool,
}

fn parts() -> impl Strategy<Value = Part> {
    let name = prop_oneof!["[a-c]", "[a-zA-Z0-9_ +%\\[\\].ąя-]{1,8}", Just("pass".to_owned())];
    let value = prop_oneof![
        any::<String>().prop_map(String::into_bytes),
        "[-\r\n a]{0,12}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..16),
    ];
    (name, value, prop::bool::weighted(0.2)).prop_map(|(name, value, file)| Part { name, value, file })
}

/// The parts as curl writes them.
fn multipart(parts: &[Part]) -> Vec<u8> {
    let boundary = MULTIPART.split_once('=').unwrap().1;
    let mut body = Vec::new();
    for part in parts {
        let file = if part.file { "; filename=\"\"\r\nContent-Type: application/octet-stream" } else { "" };
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"{file}\r\n\r\n", part.name);
        body.extend([head.as_bytes(), &part.value, b"\r\n"].concat());
    }
    body.extend(format!("--{boundary}--\r\n").into_bytes());
    body
}

#[test]
fn a_body_as_curl_writes_it() {
    let body = "--------------------------9aB3f0C1d2\r\n\
        Content-Disposition: form-data; name=\"login\"\r\n\r\n demo \r\n\
        --------------------------9aB3f0C1d2\r\n\
        Content-Disposition: form-data; name=\"pass\"\r\n\r\nслово+%41\r\n\
        --------------------------9aB3f0C1d2--\r\n";
    let fields = read(Method::POST, b"login=query&json=1", Some(MULTIPART), body.as_bytes());
    let expected = [("json", "1"), ("login", "demo"), ("pass", "слово+%41")];
    assert_eq!(fields.given().collect::<Vec<_>>(), expected);
}
