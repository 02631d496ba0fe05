//! The page against the model: what is in one is in the other.

use std::path::Path;

use domain::catalogue::Catalogue;
use gateway_http::faults::Dialect;
use testkit::TestDb;
use tokio::task::LocalSet;

use super::*;
use crate::{
    examples::{Captured, capture},
    model::{CodeId, Facts, Provoked, Told},
    texts,
};

pub(crate) fn facts(dialect: Dialect) -> Facts {
    Facts {
        company: "Debesų <b>prieglauda</b> & \"Co\"".to_owned(),
        public_url: "https://api.example".to_owned(),
        dialect,
        hide_unknown_logins: false,
        zone: "Europe/Vilnius".to_owned(),
        gross: dialect == Dialect::Friendhosting,
        login_failures: 20,
        address_failures: 60,
        keep_secrets_days: 7,
        email: Some("api@example.lt".to_owned()),
    }
}

/// A model without examples.
fn bare(dialect: Dialect) -> Model {
    Model::of(facts(dialect), &TestDb::demo_catalogue(), &Captured::default())
}

/// A model with its examples, of a database of its own.
async fn captured(dialect: Dialect) -> (Captured, Catalogue) {
    let db = TestDb::with_demo_catalogue().await;
    let facts = facts(dialect);
    let made = capture(&db.settings, TestDb::rules(), &facts);
    let made = LocalSet::new().run_until(made).await.unwrap();
    let left = "select count(*) from pg_namespace where nspname like 'scratch%'";
    assert_eq!(db.value::<i64>(left).await, 0, "a scratch realm is left");
    let touched = "select (select count(*) from live.orders) + (select count(*) from test.orders) \
                   + (select count(*) from live.customer) + (select count(*) from test.customer)";
    assert_eq!(db.value::<i64>(touched).await, 0, "an example was made in a realm that is not scratch");
    made
}

fn anchors(page: &str) -> Vec<&str> {
    page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn every_old_anchor_is_there_and_no_id_is_there_twice_and_every_link_leads_somewhere() {
    for dialect in Dialect::ALL {
        for language in Language::ALL {
            let page = html(&bare(dialect), language);
            let mut ids = anchors(&page);
            for old in
                "1 2 2.1 2.2 3 3.1 3.2 3.3 3.4 3.5 3.6 3.6.1 3.6.2 4 4.1 4.2 4.3 4.4 4.5 4.6 4.7 4.8 4.9".split(' ')
            {
                assert!(ids.contains(&old), "{old} in {language}");
            }
            let links = page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next());
            for link in links {
                assert!(ids.contains(&link), "#{link} leads nowhere in {language}");
            }
            ids.sort_unstable();
            let doubled: Vec<_> = ids.windows(2).filter(|pair| pair[0] == pair[1]).collect();
            assert!(doubled.is_empty(), "{doubled:?}");
        }
    }
}

#[test]
fn every_command_field_reply_and_code_is_on_the_page_in_every_language() {
    fn told(page: &str, language: Language, told_of: &[Told]) {
        for one in told_of {
            assert!(page.contains(&format!(">{}</code>", one.name)), "{} in {language}", one.name);
            assert!(page.contains(one.about.get(language)), "{}: {}", one.name, one.about.get(language));
            told(page, language, &one.items);
        }
    }
    for dialect in Dialect::ALL {
        let model = bare(dialect);
        for language in Language::ALL {
            let page = html(&model, language).replace("<code>", "").replace("&#39;", "'");
            let page = page.replace("&#x27;", "'").replace("&quot;", "\"");
            for command in &model.commands {
                assert!(page.contains(command.purpose(language)), "{}: {}", command.name, command.purpose(language));
                for field in &command.fields {
                    let id = format!("id=\"{}.{}\"", command.name, field.name);
                    assert!(page.contains(&id) && page.contains(field.about.get(language)), "{id} in {language}");
                }
                told(&page, language, &command.reply);
            }
            for code in &model.codes {
                assert!(page.contains(&format!("id=\"{}\"", code.id.anchor())), "{} in {language}", code.id.anchor());
                for each in Language::ALL {
                    let text = code.text.get(each);
                    assert!(page.contains(text), "{} in {each}", code.id.anchor());
                }
            }
            assert!(!page.contains("⟨no text⟩"), "a text is missing in {language}");
            for fact in ["company", "url", "zone", "dialect", "login_failures", "address_failures", "days"] {
                assert!(!page.contains(&format!("{{{fact}}}")), "{{{fact}}} is left in {language}");
            }
        }
    }
}

#[test]
fn a_name_with_html_in_it_is_text() {
    for language in Language::ALL {
        let page = html(&bare(Dialect::Friendhosting), language);
        assert!(!page.contains("<b>prieglauda"), "the company's name is HTML in {language}");
        assert!(page.contains("Debesų &#60;b&#62;prieglauda") || page.contains("Debesų &lt;b&gt;prieglauda"));
    }
    let mut catalogue = TestDb::demo_catalogue();
    catalogue.tariffs[0].name = "<script>alert(1)</script>".to_owned();
    let model = Model::of(facts(Dialect::Friendhosting), &catalogue, &Captured::default());
    assert!(!html(&model, Language::En).contains("<script>alert"));
}

#[test]
fn nothing_inline_is_beyond_the_policy() {
    let page = html(&bare(Dialect::Friendhosting), Language::En);
    for beyond in [" style=", " onclick=", "javascript:", "http-equiv", "<iframe", "src="] {
        assert!(!page.contains(beyond), "{beyond}");
    }
    assert_eq!(page.matches("<script").count(), 2);
    assert!(policy().contains("script-src 'sha256-") && !policy().contains("unsafe"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_and_code_has_its_example_and_every_text_its_place() {
    texts::tests::assert_all_asked_for(async {
        texts::ask_for_reasons();
        for dialect in Dialect::ALL {
            make_page(dialect).await;
        }
    })
    .await;
}

/// The page with all its examples, in every language.
async fn make_page(dialect: Dialect) {
    let (captured, catalogue) = captured(dialect).await;
    assert!(captured.problems.is_empty(), "{:#?}", captured.problems);
    let model = Model::of(facts(dialect), &catalogue, &captured);
    for command in &model.commands {
        let example = command.example.as_ref().unwrap_or_else(|| panic!("{} has no example", command.name));
        assert_eq!(example.php.is_some(), command.surface == Surface::Apih, "{}", command.name);
        if let Some(php) = &example.php {
            let status = format!("s:6:\"status\";s:7:\"{}\"", example.told("status").unwrap());
            assert!(php.contains(&status), "{}: two formats, two answers", command.name);
        }
    }
    let provoked = |code: &&crate::model::Code| matches!(code.provoked, Provoked::By(_));
    let labels: Vec<String> = model.codes_of(Surface::Apih).filter(provoked).map(|c| c.id.label()).collect();
    let wanted = "3 4 6 7 8 9 11 12 13 14 15 16 17 18 19 21 22 24 25 26 27 28 29 30 101 102 103";
    assert_eq!(labels.join(" "), wanted);
    let seen = |code: &&crate::model::Code| matches!(code.provoked, Provoked::Not(_, Some(_)));
    let labels: Vec<String> = model.codes.iter().filter(seen).map(|c| c.id.label()).collect();
    let owed = if dialect == Dialect::Friendhosting { "5 20 31 54 403 network" } else { "5 31 54 403 network" };
    assert_eq!(labels.join(" "), owed);
    assert!(model.codes.iter().any(|c| matches!(c.id, CodeId::Json(_))));
    let worked = model.worked.as_ref().expect("a price is worked out");
    assert!(!worked.exact.ends_with("0000"), "{} shows no rounding", worked.exact);
    for language in Language::ALL {
        let page = render(&model, language);
        let Packed { plain, gzip, .. } = &page.html;
        assert!(plain.len() < 400_000, "{} bytes in {language}", plain.len());
        assert!(gzip.len() < 70_000, "{} bytes in {language}", gzip.len());
        keep(&format!("{dialect}-{language}.html"), plain);
    }
    for (path, (_, text)) in crate::machine::files(&model) {
        let asks = std::str::from_utf8(&text.plain).unwrap().contains("⟨no text⟩");
        assert!(!asks, "a text is missing in {path}");
        keep(&format!("{dialect}{}", path.replace('/', "-")), &text.plain);
    }
    let empty = Model::of(facts(dialect), &Catalogue::empty(catalogue.base), &Captured::default());
    assert!(html(&empty, Language::En).contains("id=\"4.1\""));
}

/// For people to look at.
fn keep(name: &str, text: &[u8]) {
    let target = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "../../target".to_owned());
    let dir = Path::new(&target).join("apidoc");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(name), text).unwrap();
}
