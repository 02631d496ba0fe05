//! Which fields a request gives.

mod multipart;
mod php;

use actix_web::http::Method;
use bytes::Bytes;
use futures_util::FutureExt;
use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::{Fields, decode, has_control};

const FORM: &str = "application/x-www-form-urlencoded";

/// Decoding has the whole body in its hands and so never waits for anything.
fn read(method: Method, query: &[u8], content_type: Option<&str>, body: &[u8]) -> Fields {
    decode(&method, query, content_type, Bytes::copy_from_slice(body)).now_or_never().expect("decoding waits")
}

fn get(query: &str) -> Fields {
    read(Method::GET, query.as_bytes(), None, b"")
}

fn given(fields: &Fields) -> Vec<(String, String)> {
    fields.given().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_last_of_a_name_wins_even_where_it_does_not_count() {
    for (query, orderid) in [
        ("orderid=1&orderid=2", Some("2")),
        ("orderid=1&orderid=", None),
        ("orderid=1&orderid", None),
        ("orderid=1&orderid=%ff", Some("\0")),
        ("orderid=%ff&orderid=2", Some("2")),
        ("orderid=1&orderid=+%09", None),
        ("orderid=&orderid=+2+", Some("2")),
        ("orderid=1&Orderid=2", Some("1")),
    ] {
        assert_eq!(get(query).text("orderid"), orderid, "{query}");
        let (before, after) = query.split_once('&').unwrap();
        let posted = read(Method::POST, before.as_bytes(), Some(FORM), after.as_bytes());
        assert_eq!(posted.text("orderid"), orderid, "{query}");
    }
}

#[test]
fn an_array_is_a_list_where_a_list_is_taken_and_malformed_where_it_is_not() {
    for (query, list, text) in [
        ("addons=1,2", Some("1,2"), Some("1,2")),
        ("addons[]=1&addons[]=2", Some("1,2"), Some("\0")),
        ("addons%5B0%5D=1&addons%5B1%5D=+2+", Some("1,2"), Some("\0")),
        ("addons[]=1", Some("1"), Some("\0")),
        ("addons=&addons[]=1", Some("1"), Some("\0")),
        ("addons[]=", None, None),
        ("addons[]=1&addons[]=", Some("1,"), Some("\0")),
        // Neither one value nor a list: nobody knows what is meant.
        ("addons=1&addons[]=2", Some("\0"), Some("\0")),
        ("addons[]=1&addons=2", Some("\0"), Some("\0")),
        ("addons[]=1&addons=", Some("\0"), Some("\0")),
        ("addons[1]=1", Some("\0"), Some("\0")),
        ("addons[20]=2", Some("\0"), Some("\0")),
        ("addons[0]=1&addons[0]=2", Some("\0"), Some("\0")),
        ("addons[x]=1", Some("\0"), Some("\0")),
        ("addons[0][0]=1", Some("\0"), Some("\0")),
        ("addons[=1", Some("\0"), Some("\0")),
        ("addons[]=%ff", Some("\0"), Some("\0")),
        ("[]=1&[addons]=1", None, None),
    ] {
        let fields = get(query);
        assert_eq!((fields.list("addons"), fields.text("addons")), (list, text), "{query}");
    }
    let posted = read(Method::POST, b"addons[]=1&orderid[]=1", Some(FORM), b"addons[]=2&orderid=3");
    assert_eq!((posted.list("addons"), posted.text("orderid")), (Some("2"), Some("3")), "the body's go before");
    let secrets = get("pass[]=x&apikey=%ff");
    assert_eq!(secrets.secret("pass").map(ExposeSecret::expose_secret), Some("\0"));
    assert_eq!(secrets.secret("apikey").map(ExposeSecret::expose_secret), Some("\0"));
}

#[test]
fn the_body_counts_only_where_it_is_a_posted_form() {
    let with = |method, content_type| read(method, b"a=query", content_type, b"a=body").text("a").unwrap().to_owned();
    for form in [FORM, "Application/X-WWW-Form-Urlencoded; charset=UTF-8", " application/x-www-form-urlencoded ;q"] {
        assert_eq!(with(Method::POST, Some(form)), "body", "{form}");
        assert_eq!(with(Method::GET, Some(form)), "query", "{form}");
        assert_eq!(with(Method::HEAD, Some(form)), "query", "{form}");
    }
    for other in [None, Some(""), Some("application/json"), Some("text/plain"), Some("multipart/form-data")] {
        assert_eq!(with(Method::POST, other), "query", "{other:?}");
    }
}

#[test]
fn secrets_keep_their_white_space_and_texts_do_not() {
    let fields = get("pass=+p+&password=++&apikey=+demo-key%0A&login=+demo%0A&domain=%D0%B9.lt%00");
    assert_eq!(fields.secret("pass").map(|secret| secret.expose_secret()), Some(" p "));
    assert!(fields.secret("password").is_none());
    assert_eq!(fields.secret("apikey").map(|secret| secret.expose_secret()), Some("demo-key"), "read from a file");
    assert_eq!(fields.text("login"), Some("demo"));
    assert_eq!(fields.text("domain"), Some("й.lt\0"));
    assert_eq!((fields.text("pass"), fields.secret("login").is_some()), (None, false));
}

#[test]
fn debug_tells_names_and_no_values() {
    let fields =
        get("login=demo&pass=hush-hush&apikey=hush-hush&password=hush-hush&new_password=hush-hush&x=hush-hush");
    assert_eq!(format!("{fields:?}"), r#"Fields {"apikey", "login", "new_password", "pass", "password", "x"}"#);
}

#[test]
fn control_characters_are_told_from_text() {
    for text in ["\0", "a\nb", "\u{7f}", "\u{85}", "ą\t"] {
        assert!(has_control(text), "{text:?}");
    }
    for text in ["", "a b", "ąя€", "\u{a0}"] {
        assert!(!has_control(text), "{text:?}");
    }
}

#[test]
fn a_repeated_request_may_differ_in_credentials_format_and_order_only() {
    let canonical = |query| get(query).canonical_for_requestid();
    let first = canonical("command=renewOrder&requestid=r&orderid=1&login=a&pass=p&json=1");
    assert_eq!(first, canonical("orderid=+1&apikey=k&login=b&requestid=r&command=renewOrder&note="));
    for other in [
        "command=renewOrder&requestid=r&orderid=2",
        "command=renewOrder&requestid=r&orderid=1&period=1",
        "command=renewOrder&requestid=r",
        "command=renewOrder&requestid=s&orderid=1",
    ] {
        assert_ne!(first, canonical(other), "{other}");
    }
    assert_eq!(
        canonical("b=%D1%8F&a=x"),
        b"\0\0\0\0\0\0\0\x01a\0\0\0\0\0\0\0\x01x\0\0\0\0\0\0\0\x01b\0\0\0\0\0\0\0\x02\xd1\x8f"
    );
}

proptest! {
    /// The same letters cut into names and values in two ways: they would run into one another if no length kept them
    /// apart.
    #[test]
    fn different_parameters_never_have_the_same_canonical_bytes(
        letters in "[ab]{4,6}", one in prop::array::uniform3(1..6usize), two in prop::array::uniform3(1..6usize),
    ) {
        let cut = |mut at: [usize; 3]| -> Fields {
            at.sort_unstable();
            let [a, b, c] = at.map(|at| at.min(letters.len()));
            [(&letters[..a], &letters[a..b]), (&letters[b..c], &letters[c..])].into_iter().collect()
        };
        let (one, two) = (cut(one), cut(two));
        let same = one.canonical_for_requestid() == two.canonical_for_requestid();
        prop_assert_eq!(same, given(&one) == given(&two));
    }
}
