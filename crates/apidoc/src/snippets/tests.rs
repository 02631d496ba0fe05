//! Values that mean something in a language stay values. That the programs run, `tests/apidoc` of the binary shows.

use super::*;

fn call(value: &str) -> Exchange {
    Exchange {
        surface: Surface::Apih,
        fields: vec![("command".to_owned(), "createOrder".to_owned()), ("domain".to_owned(), value.to_owned())],
        status: 200,
        php: None,
        json: String::new(),
    }
}

#[test]
fn a_value_is_no_code() {
    let nasty = r#"a'b"c\d#{e}$f`g`"#;
    let of = |tongue| program(tongue, "https://x.example", &call(nasty));
    assert!(of(Tongue::Curl).contains(r#"--data-urlencode 'domain=a'\''b"c\d#{e}$f`g`'"#));
    assert!(of(Tongue::Php).contains(r#"'a\'b"c\\d#{e}$f`g`'"#));
    assert!(of(Tongue::Python).contains(r#""a'b\"c\\d#{e}$f`g`""#));
    assert!(of(Tongue::Ruby).contains(r#""a'b\"c\\d\#{e}$f`g`""#));
}

#[test]
fn php_never_makes_objects_of_an_answer() {
    assert!(program(Tongue::Php, "https://x.example", &call("x")).contains("['allowed_classes' => false]"));
}

#[test]
fn only_php_asks_for_php_s_format() {
    for tongue in Tongue::ALL {
        let asks_for_json = program(tongue, "https://x.example", &call("x")).contains("json");
        assert_eq!(asks_for_json, tongue != Tongue::Php, "{}", tongue.name());
    }
}
