use proptest::prelude::*;

use super::*;

fn unicode(text: &str) -> String {
    DomainName::parse(text).unwrap().unicode().to_owned()
}

fn refusal(text: &str) -> NotADomain {
    DomainName::parse(text).unwrap_err()
}

#[test]
fn names_are_echoed_in_lower_case_unicode() {
    let cases = [
        ("example.lt", "example.lt", "example.lt"),
        ("Example.LT.", "example.lt", "example.lt"),
        ("a.b", "a.b", "a.b"),
        ("1.lt", "1.lt", "1.lt"),
        ("4you-2.example", "4you-2.example", "4you-2.example"),
        ("Пример.РФ", "пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("XN--E1AFMKFD.XN--P1AI", "пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("пример-1700000000.рф", "пример-1700000000.рф", "xn---1700000000-nkj1b6c2bqd.xn--p1ai"),
        ("ąžuolas.lt", "ąžuolas.lt", "xn--uolas-2wa16f.lt"),
        ("пример.com", "пример.com", "xn--e1afmkfd.com"),
        ("example。lt。", "example.lt", "example.lt"),
        ("ｅｘａｍｐｌｅ.lt", "example.lt", "example.lt"),
        ("faß.de", "faß.de", "xn--fa-hia.de"),
    ];
    for (text, unicode, ascii) in cases {
        let name = DomainName::parse(text).unwrap();
        assert_eq!((name.unicode(), name.ascii()), (unicode, ascii), "{text}");
        assert_eq!(name.to_string(), unicode);
    }
}

#[test]
fn each_rule_has_its_refusal() {
    use NotADomain::*;
    let long_label = format!("{}.lt", "a".repeat(64));
    let long_idn_label = format!("{}.lt", "ж".repeat(63));
    let long_name = format!("{}lt", format!("{}.", "a".repeat(49)).repeat(6));
    let huge = "a.".repeat(40_000);
    let cases = [
        ("", Empty),
        (".", Empty),
        ("a\0.lt", ControlCharacter),
        ("a.lt\n", ControlCharacter),
        ("a\u{7f}.lt", ControlCharacter),
        ("a\u{85}.lt", ControlCharacter),
        ("a b.lt", Malformed),
        (" a.lt", Malformed),
        ("a\u{a0}b.lt", Malformed),
        ("a_b.lt", Malformed),
        ("-bad.lt", Malformed),
        ("bad-.lt", Malformed),
        ("ab--cd.lt", Malformed),
        ("xn--zzzz.lt", Malformed),
        ("xn--abc-.lt", Malformed),
        ("xn--.lt", Malformed),
        ("http://example.lt", Malformed),
        ("user@example.lt", Malformed),
        ("*.example.lt", Malformed),
        ("a\u{202e}b.lt", Malformed),
        ("\u{fffd}.lt", Malformed),
        ("[::1]", Malformed),
        ("☃.lt", NotALetter),
        ("xn--n3h.lt", NotALetter),
        ("½.lt", NotALetter),
        ("a..lt", EmptyLabel),
        (".a.lt", EmptyLabel),
        ("a.lt..", EmptyLabel),
        ("..", EmptyLabel),
        ("localhost", OneLabel),
        ("localhost.", OneLabel),
        ("рф", OneLabel),
        (&long_label, LabelTooLong),
        (&long_idn_label, LabelTooLong),
        (&long_name, TooLong),
        (&huge, TooLong),
        ("1.2.3.4", NumericTopLevel),
        ("1.2.3.4.", NumericTopLevel),
        ("host.5", NumericTopLevel),
        ("раураl.com", MixedScripts),
        ("xn--l-7sba6dbr.com", MixedScripts),
        ("exаmple.lt", MixedScripts),
        ("日本語abc.jp", MixedScripts),
        ("한국かな.kr", MixedScripts),
    ];
    for (text, rule) in cases {
        assert_eq!(refusal(text), rule, "{}", text.escape_debug().take(60).collect::<String>());
    }
}

#[test]
fn a_language_that_is_written_in_several_scripts_mixes_none() {
    for text in [
        "日本語ひらカタ.jp",
        "韓国한국.kr",
        "台灣ㄅㄆ.tw",
        "ラーメン・屋.jp",
        "हिन्दी.भारत",
        "ไทย.ไทย",
        "עברית.co",
        "مثال.ايران",
        "l·l.cat",
    ] {
        assert_eq!(unicode(text), text);
    }
}

#[test]
fn the_longest_names_pass() {
    let label = "a".repeat(63);
    let name = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(name.len(), 253);
    assert_eq!(unicode(&format!("{name}.")), name);
    assert_eq!(refusal(&format!("{name}a")), NotADomain::TooLong);
}

#[test]
fn a_stored_name_is_itself() {
    let name = DomainName::parse("пример.рф").unwrap();
    assert_eq!(DomainName::from_stored(name.ascii().to_owned(), name.unicode().to_owned()), name);
}

/// Labels of one script whose upper and lower case are in one-to-one relation.
fn label() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z][a-z0-9]{0,20}", "[a-z0-9]{1,5}-[a-z]{1,5}", "[а-яё][а-яё0-9]{0,12}", "[ąčęėįšųūža-z]{1,20}"]
}

fn name() -> impl Strategy<Value = String> {
    (proptest::collection::vec(label(), 1..4), "[a-z]{2,6}|рф|lt").prop_map(|(labels, top)| {
        let labels = labels.join(".");
        format!("{labels}.{top}")
    })
}

/// Text that is likely to come near a rule: valid names with something put in, and anything at all.
fn anything() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        label(),
        "[.。]{1,2}",
        "xn--[a-z0-9-]{0,12}",
        "[-_ ]",
        any::<char>().prop_map(String::from),
        "[\u{AD}\u{200B}-\u{200F}\u{300}-\u{36F}\u{2460}-\u{2473}\u{FF10}-\u{FF5A}ςΣßẞİıſ\u{660}-\u{669}]{1,3}",
        "\\PC{1,3}",
    ];
    prop_oneof![".*", proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn good_names_pass_in_any_case(name in name(), upper in any::<bool>()) {
        let parsed = DomainName::parse(&name).unwrap();
        prop_assert_eq!(parsed.unicode(), &name);
        let shouted = if upper { name.to_uppercase() } else { format!("{}.", parsed.ascii().to_uppercase()) };
        prop_assert_eq!(DomainName::parse(&shouted), Ok(parsed));
    }

    #[test]
    fn whatever_passes_is_canonical(text in anything()) {
        if let Ok(name) = DomainName::parse(&text) {
            prop_assert_eq!(&DomainName::parse(name.ascii()), &Ok(name.clone()));
            prop_assert_eq!(&DomainName::parse(name.unicode()), &Ok(name.clone()));
            prop_assert!(name.ascii().len() <= 253 && name.ascii().contains('.'));
            prop_assert!(name.ascii().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b)));
            prop_assert_eq!(name.unicode().to_lowercase(), name.unicode());
        }
    }

    /// Ours is never laxer than the strict form of UTS 46.
    #[test]
    fn whatever_passes_is_strict(text in anything()) {
        if let Ok(name) = DomainName::parse(&text) {
            let bare = text.strip_suffix(DOTS).unwrap_or(&text);
            prop_assert_eq!(idna::domain_to_ascii_strict(bare).unwrap(), name.ascii());
        }
    }
}
