//! Queries and forms, read by us and by PHP.

use actix_web::http::Method;
use proptest::prelude::*;

use super::{FORM, get, read};
use crate::reply::php_oracle::{PhpOracle, size};
use crate::request::{Fields, MAX_FIELDS};

fn framed(fields: &Fields) -> Vec<u8> {
    let strings = fields.given().flat_map(|(name, value)| [name, value]);
    strings.flat_map(|text| [&size(text.len()), text.as_bytes()].concat()).collect()
}

/// PHP's reading of query and body, and the rules of what counts as given in PHP's words. White space is spelt out
/// after Unicode's property list.
const PARSE: &str = r#"
    const SPACE = '[\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]';
    function answer(array $parts): string {
        @parse_str($parts[0], $query);
        @parse_str($parts[1], $body);
        $fields = array_replace($query, $body);
        ksort($fields, SORT_STRING);
        $out = '';
        foreach ($fields as $name => $value) {
            if (!preg_match('//u', $value)) $value = "\0";
            $trimmed = preg_replace('/^' . SPACE . '+|' . SPACE . '+$/Du', '', $value);
            if ($trimmed === '') continue;
            if (!in_array($name, ['pass', 'password', 'new_password'], true)) $value = $trimmed;
            foreach ([(string) $name, $value] as $text) $out .= pack('N', strlen($text)) . $text;
        }
        return $out;
    }
"#;

/// Names that PHP leaves as they are, any letter of them escaped or not, few enough to come again.
fn names() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::sample::select(vec!["login", "Login", "pass", "new_password", "apikey", "orderid", "a", "b", "_"]);
    (name, any::<u16>()).prop_map(|(name, escaped)| {
        let letters = name.bytes().enumerate();
        letters
            .flat_map(|(at, letter)| match escaped >> at & 1 {
                0 => vec![letter],
                _ => format!("%{letter:02X}").into_bytes(),
            })
            .collect()
    })
}

/// Values as bytes of a query: whole and broken escapes, white space of all sorts, UTF-8 and not.
fn raw_values() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&'static [u8]> = vec![
        b"x",
        b"7",
        b"=",
        b"+",
        b" ",
        b"%",
        b"%4",
        b"%zz",
        b"%41",
        b"%2b",
        b"%26",
        b"%25",
        b"%20",
        b"%00",
        b"%0a",
        b"%09",
        b"%7f",
        b"%C2%A0",
        b"%e3%80%80",
        b"%C2%85",
        b"%ff",
        b"\xff",
        b"%D1%8F",
        "ą".as_bytes(),
        b"[]",
        b";",
    ];
    prop_oneof![
        4 => prop::collection::vec(prop::sample::select(pieces), 0..6).prop_map(|pieces| pieces.concat()),
        1 => prop::collection::vec(any::<u8>().prop_filter("PHP ends there", |byte| ![0, b'&'].contains(byte)), 0..8),
    ]
}

pub(super) fn queries() -> impl Strategy<Value = Vec<u8>> {
    let pair = prop_oneof![
        8 => (names(), raw_values()).prop_map(|(name, value)| [name, value].join(&b'=')),
        1 => names(),
        1 => Just(b"".to_vec()),
        1 => Just(b"=x".to_vec()),
    ];
    prop::collection::vec(pair, 0..8).prop_map(|pairs| pairs.join(&b'&'))
}

#[test]
fn query_and_form_read_as_php_reads_them() {
    let Some(php) = PhpOracle::start(PARSE) else { return };
    proptest!(ProptestConfig::with_cases(3000), |(query in queries(), body in queries())| {
        let fields = read(Method::POST, &query, Some(FORM), &body);
        prop_assert_eq!(framed(&fields), php.ask(&[&query, &body]));
        let fields = read(Method::GET, &query, Some(FORM), &body);
        prop_assert_eq!(framed(&fields), php.ask(&[&query, b""]));
    });
}

#[test]
fn what_comes_after_the_thousandth_field_is_ignored_as_in_php() {
    let Some(php) = PhpOracle::start(PARSE) else { return };
    for fields in MAX_FIELDS - 1..=MAX_FIELDS + 2 {
        let query = format!("=&&a=1&a=2&{}&last=1", "=x&".repeat(fields - 4));
        let read = get(&query);
        assert_eq!(framed(&read), php.ask(&[query.as_bytes(), b""]), "{fields}");
        assert_eq!(read.text("last").is_some(), fields <= MAX_FIELDS, "{fields}");
    }
}
