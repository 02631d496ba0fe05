//! The clients against the model. That they work, `tests/reference` of the binary shows.

use gateway_http::faults::Dialect;
use testkit::TestDb;

use super::*;
use crate::{
    examples::Captured,
    page::tests::facts,
    snippets::quote::{double, single},
};

fn files(company: &str) -> (Model, [String; 2]) {
    let facts = crate::model::Facts { company: company.to_owned(), ..facts(Dialect::Friendhosting) };
    let model = Model::of(facts, &TestDb::demo_catalogue(), &Captured::default());
    let files = [php(&model), python(&model)];
    (model, files)
}

#[test]
fn every_command_field_and_code_is_in_both_clients() {
    let (model, files) = files("Debesų prieglauda");
    let [php, python] = &files;
    for command in &model.commands {
        assert!(php.contains(&format!("public function {}(array $fields", command.name)), "{}", command.name);
        assert!(python.contains(&format!("def {}(self", command.name)), "{}", command.name);
        for field in &command.fields {
            assert!(python.contains(&format!("\"{0}\": {0}", field.name)), "{}: {}", command.name, field.name);
            assert!(php.contains(&format!("'{}'", field.name)), "{}: {}", command.name, field.name);
        }
    }
    for code in &model.codes {
        let text = &code.text.en;
        assert!(php.contains(&single(text)) && python.contains(&double(text)), "{:?}", code.id);
    }
    for file in &files {
        assert!(!file.contains("⟨no text⟩"));
        for mark in ["{company}", "{version}", "{url}", "{apih}", "{json}", "{gateway}", "{commands}", "{codes}"] {
            assert!(!file.contains(mark), "{mark} is left");
        }
    }
    assert!(php.contains("'allowed_classes' => false"));
}

#[test]
fn a_name_is_no_code() {
    let (_, files) = files("x */ ?> \"\"\" \n system('id') \\");
    let [php, python] = &files;
    assert_eq!(php.matches("?>").count() + php.matches("x */").count(), 0);
    let docstring = python.split("\"\"\"").nth(1).unwrap();
    assert!(docstring.contains("system('id')") && !docstring.contains('\\'), "{docstring}");
    assert!(php.lines().any(|line| line.starts_with("// ") && line.contains("system('id')")));
}
