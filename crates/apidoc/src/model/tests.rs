//! The model against the registries.

use std::collections::BTreeSet;

use gateway_http::{command::FieldSpec, commands::COMMANDS, faults::Dialect};

use super::{kinds::kind_of, *};
use crate::texts::says;

/// Every field of both registries: surface, name, example, malformed value.
fn fields() -> Vec<(Surface, &'static str, &'static str, Option<&'static str>)> {
    fn of<F: Copy>(surface: Surface, f: &FieldSpec<F>) -> (Surface, &'static str, &'static str, Option<&'static str>) {
        (surface, f.name, f.example, f.malformed.map(|(value, _)| value))
    }
    let apih = COMMANDS.iter().flat_map(|c| c.spec().fields).map(|f| of(Surface::Apih, f));
    let json = iv_json::commands::COMMANDS.iter().flat_map(|c| c.spec().fields).map(|f| of(Surface::Json, f));
    apih.chain(json).collect()
}

#[test]
fn every_field_has_a_kind_that_admits_its_example_and_refuses_what_is_malformed() {
    for (surface, name, example, malformed) in fields() {
        let kind = kind_of(surface, name).unwrap_or_else(|| panic!("kinds.rs has no kind for {name} of {surface:?}"));
        assert!(kind.admits(example), "{name}: {kind:?} refuses {example:?}");
        if let Some(malformed) = malformed {
            assert!(!kind.admits(malformed), "{name}: {kind:?} admits {malformed:?}");
        }
    }
}

#[test]
fn the_limits_of_packet_filters_are_the_domain_s() {
    for limit in domain::firewall::Limit::ALL {
        let kind = kind_of(Surface::Json, limit.name()).unwrap();
        let (least, most) = limit.bounds();
        for value in [0, least - 1, least, most, most + 1] {
            assert_eq!(kind.admits(&value.to_string()), limit.accepts(value), "{} {value}", limit.name());
        }
    }
}

#[test]
fn the_model_has_every_command_and_every_code_of_both_registries() {
    let commands = command::all();
    let names: Vec<&str> = commands.iter().map(|command| command.name).collect();
    let declared: Vec<&str> = COMMANDS
        .iter()
        .map(|c| c.spec().name)
        .chain(iv_json::commands::COMMANDS.iter().map(|c| c.spec().name))
        .collect();
    assert_eq!(names, declared);
    for dialect in Dialect::ALL {
        let known: BTreeSet<String> =
            codes::of_apih(dialect).into_iter().chain(codes::of_json()).map(|code| code.id.anchor()).collect();
        for command in &commands {
            for id in command.codes.iter().chain(&command.common_codes) {
                assert!(known.contains(&id.anchor()), "{} can answer {}", command.name, id.label());
            }
        }
    }
}

#[test]
fn what_a_registry_says_is_said_in_every_language() {
    let say_the_same = ["100", "hosting"];
    let texts = command::all().into_iter().flat_map(|c| {
        let of_fields = c.fields.into_iter().map(|f| f.about);
        [c.about].into_iter().chain(of_fields).chain(c.reply.into_iter().map(|t| t.about)).collect::<Vec<_>>()
    });
    for text in texts.filter(|text| !say_the_same.contains(&text.en.as_str())) {
        assert!(text.ru != text.en && text.lt != text.en, "not translated: {}", text.en);
    }
    assert_eq!(says("no such text").ru, "no such text");
}

#[test]
fn code_31_means_another_thing_in_the_other_dialect_and_nothing_else_does() {
    for dialect in Dialect::ALL {
        let codes = codes::of_apih(dialect);
        let other: Vec<String> = codes
            .iter()
            .filter(|code| matches!(code.elsewhere, Elsewhere::Other(..)))
            .map(|code| code.id.label())
            .collect();
        assert_eq!(other, ["31"]);
    }
}
