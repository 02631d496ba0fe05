//! The table in the program against the table as published, row by row and both ways.

use domain::language::Language;
use serde_json::Value;

use super::{Dialect, Fault, Kind, Refusal, error_reply, with_notice};
use crate::reply::Map;

fn published() -> Vec<Value> {
    serde_json::from_str(include_str!("../../../../docs/apih_errors.json")).unwrap()
}

fn stands_in(row: &Value, dialect: Dialect) -> bool {
    row["dialects"].as_array().unwrap().contains(&dialect.name().into())
}

/// The row as it is published, made of what the program says.
fn row_of(fault: Fault, dialect: Dialect, dialects: &Value) -> Value {
    let kind = match fault.kind(dialect) {
        Kind::Critical => "critical",
        Kind::NonCritical => "non-critical",
    };
    let mut row = serde_json::json!({"code": fault.code(), "kind": kind, "dialects": dialects});
    for language in Language::ALL {
        row[language.code()] = fault.text(dialect, language).into();
    }
    if fault.is_extension() {
        row["extension"] = true.into();
    }
    row
}

#[test]
fn every_published_row_is_in_the_program() {
    for row in published() {
        let fault = Fault::ALL.iter().find(|fault| row["code"] == fault.code()).copied();
        let fault = fault.unwrap_or_else(|| panic!("no fault has the code of {row}"));
        for dialect in Dialect::ALL.into_iter().filter(|&dialect| stands_in(&row, dialect)) {
            assert!(fault.dialects().contains(&dialect), "{row} in {dialect}");
            assert_eq!(row_of(fault, dialect, &row["dialects"]), row);
        }
    }
}

#[test]
fn every_fault_is_published_once_for_each_of_its_dialects() {
    let published = published();
    for &fault in Fault::ALL {
        for dialect in Dialect::ALL {
            let rows = published.iter().filter(|row| row["code"] == fault.code() && stands_in(row, dialect)).count();
            assert_eq!(rows, usize::from(fault.dialects().contains(&dialect)), "{fault:?} in {dialect}");
        }
    }
}

#[test]
fn a_code_that_an_original_lacks_is_answered_in_the_others_words() {
    for &fault in Fault::ALL.iter().filter(|fault| fault.dialects().len() == 1) {
        for language in Language::ALL {
            assert_eq!(fault.text(Dialect::Rootpanel, language), fault.text(Dialect::Friendhosting, language));
        }
        assert_eq!(fault.kind(Dialect::Rootpanel), fault.kind(Dialect::Friendhosting));
    }
}

#[test]
fn only_31_depends_on_the_dialect() {
    let differs = |fault: &&Fault| fault.kind(Dialect::Friendhosting) != fault.kind(Dialect::Rootpanel);
    let differing: Vec<u16> = Fault::ALL.iter().filter(differs).map(|fault| fault.code()).collect();
    assert_eq!(differing, [31]);
}

#[test]
fn a_refusal_has_exactly_three_fields() {
    let reply = error_reply(&Fault::WrongSecret.into(), Dialect::Friendhosting, Language::En);
    let expected = r#"{"status":"ERROR","errorCode":"7","errorMsg":"Wrong password or API key"}"#;
    assert_eq!(String::from_utf8(reply.to_json().unwrap()).unwrap(), expected);
}

#[test]
fn a_detail_goes_on_after_the_unchanged_text() {
    for &fault in Fault::ALL {
        for language in Language::ALL {
            for dialect in Dialect::ALL {
                let text = fault.text(dialect, language);
                assert_eq!(Refusal::from(fault).message(dialect, language), text);
                assert_eq!(Refusal::with_detail(fault, "limit").message(dialect, language), format!("{text}: limit"));
            }
        }
    }
}

#[test]
fn a_notice_follows_the_fields_of_the_answer() {
    let answer = Map::new().with("status", "SUCCESS").with("orderid", "5");
    let answer = with_notice(answer, &Fault::Manual.into(), Dialect::Rootpanel, Language::Lt);
    let fields: Vec<&str> = answer.iter().map(|(name, _)| name).collect();
    assert_eq!(fields, ["status", "orderid", "errorCode", "errorMsg"]);
    assert_eq!(answer.get("errorCode"), Some(&"30".into()));
}
