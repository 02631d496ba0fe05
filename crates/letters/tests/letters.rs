//! Every letter in every language.

#![expect(clippy::unwrap_used, reason = "what goes wrong here is a failed test")]

use domain::{billing::Party, language::Language, notices::News};
use letters::{Letter, Reader, letter, letter_to_staff, message};
use serde_json::{Value, json};

fn order(more: Value) -> Value {
    let mut facts = json!({ "order": 42, "tariff": 1, "domain": "žąsis.lt", "until": "2027-01-31" });
    for (name, value) in more.as_object().unwrap() {
        facts.as_object_mut().unwrap().insert(name.clone(), value.clone());
    }
    facts
}

/// Each kind of news, as the outbox has it.
fn all() -> Vec<News> {
    let invoice = |purpose: &str, months| {
        order(json!({ "invoice": 7, "purpose": purpose, "months": months, "total": 123_450, "currency": "EUR" }))
    };
    let low = json!({ "balance": 500, "missing": 1250, "currency": "EUR", "ends_on": "2027-02-03", "orders": [3, 5] });
    let webhook = json!({ "webhook": 1, "url": "https://hooks.example.com/x", "days": 5 });
    let told = [
        ("order.ready", order(json!({}))),
        ("order.expiring", order(json!({ "days_left": 14 }))),
        ("order.suspended", order(json!({ "by": "system" }))),
        ("order.suspended", order(json!({ "by": "customer" }))),
        ("order.terminated", order(json!({ "began": true }))),
        ("order.terminated", order(json!({ "began": false, "until": null }))),
        ("order.manual", order(json!({ "until": null }))),
        ("invoice.issued", invoice("order", 1)),
        ("invoice.issued", invoice("renewal", 12)),
        ("invoice.paid", invoice("change", 0)),
        ("balance.low", low),
        ("webhook.disabled", webhook),
    ];
    let read = |(event, facts)| serde_json::from_value(json!({ "event": event, "facts": facts })).unwrap();
    told.into_iter().map(read).collect()
}

fn company() -> Party {
    Party { name: "Debesų prieglauda, UAB".into(), email: Some("labas@debesys.example".into()), ..Party::default() }
}

fn written(news: &News, language: Language, name: Option<&str>) -> Letter {
    let company = company();
    let reader = Reader { login: "ann", name, language, tariff: Some("Svetainė S"), company: &company };
    letter(news, &reader).unwrap()
}

#[test]
fn every_letter_is_whole_in_every_language() {
    for language in Language::ALL {
        let mut subjects = Vec::new();
        for news in all() {
            let Letter { subject, text, html } = written(&news, language, Some("Ona"));
            assert!(
                !subject.is_empty() && !subject.contains(['\n', '\r']) && subject.chars().count() < 90,
                "{subject:?}"
            );
            assert!(text.contains("Ona!\n\n"), "{text}");
            assert!(text.ends_with("\n\nDebesų prieglauda, UAB\nlabas@debesys.example\n"), "{text}");
            assert!(!text.contains("\n\n\n") && !text.contains("  ") && !text.contains("{{"), "{text:?}");
            assert!(!text.lines().any(|line| line.ends_with(' ') || line.ends_with(':')), "{text:?}");
            assert!(html.contains(&format!("lang=\"{language}\"")) && html.matches("<p>").count() >= 3, "{html}");
            subjects.push(subject);
        }
        let all = subjects.len();
        subjects.sort_unstable();
        subjects.dedup();
        // An order's invoice and a renewal's are told under one subject.
        assert_eq!(subjects.len(), all - 1, "{subjects:?}");
    }
}

#[test]
fn amounts_and_days_are_as_on_invoices() {
    let news = all();
    let of = |at: usize, language| written(&news[at], language, None).text.replace('\u{a0}', " ");
    assert!(of(7, Language::Lt).contains("Apmokėti: 1 234,50 €\n"));
    assert!(of(7, Language::Ru).contains("К оплате: 1 234,50 €\n"));
    assert!(of(7, Language::En).contains("To pay: €1,234.50\n"));
    assert!(of(8, Language::Lt).contains("Laikotarpis: 12 mėn.\n"));
    assert!(!of(9, Language::En).contains("Period"), "a change has none");
    assert!(of(0, Language::Lt).contains("Apmokėta iki: 2027 m. sausio 31 d.\n"));
    assert!(of(10, Language::Ru).contains("Не хватит: 3 февраля 2027 г.\nНе будут продлены заказы: 3, 5\n"));
    let subject = written(&news[1], Language::Lt, None).subject.replace('\u{a0}', " ");
    assert_eq!(subject, "Užsakymas 42 baigiasi 2027 m. sausio 31 d.");
}

#[test]
fn what_others_write_stays_on_its_line() {
    let mut facts = order(json!({}));
    facts["domain"] = json!("x.lt\r\nBcc: all@example.com\u{202e}");
    let news: News = serde_json::from_value(json!({ "event": "order.ready", "facts": facts })).unwrap();
    let letter = written(&news, Language::En, Some("Eve\r\nX-Evil: 1\u{0}<b>"));
    assert!(!letter.subject.contains(['\r', '\n', '\0', '\u{202e}']), "{:?}", letter.subject);
    assert!(!letter.text.contains("\nX-Evil") && !letter.text.contains("\nBcc") && !letter.text.contains('\r'));
    assert!(letter.html.contains("&#60;b&#62;"), "{}", letter.html);
}

#[test]
fn staff_are_told_whose_it_is_and_what_to_do() {
    let company = company();
    let reader = Reader { login: "ann", name: None, language: Language::Ru, tariff: None, company: &company };
    let news = all();
    let manual = letter_to_staff(&news[6], &reader).unwrap();
    assert_eq!(manual.subject, "Order 42 of ann waits for staff");
    assert!(manual.text.contains("vartai task list --order 42"), "{}", manual.text);
    let disabled = letter_to_staff(&news[11], &reader).unwrap();
    assert!(disabled.text.contains("for 5 days") && disabled.text.contains("https://hooks.example.com/x"));
}

#[test]
fn webhooks_get_decimals_and_names() {
    let at = "2027-01-01T10:00:00Z".parse().unwrap();
    let told = message(&all()[7], "ann", at);
    assert_eq!(
        told,
        json!({ "type": "invoice.issued", "timestamp": "2027-01-01T10:00:00Z", "data": {
            "login": "ann", "order": 42, "tariff": 1, "domain": "žąsis.lt", "todate": "2027-01-31", "invoice": 7,
            "purpose": "order", "months": 1, "total": "1234.50", "currency": "EUR" } })
    );
    for news in all() {
        let told = message(&news, "ann", at);
        assert_eq!(told["type"], news.event());
        let facts = serde_json::to_value(&news).unwrap();
        assert_eq!(serde_json::from_value::<News>(facts).unwrap(), news, "the outbox gives back what it was given");
    }
}

#[test]
fn of_a_hypervisor_that_is_away_staff_are_told_and_no_customer() {
    let facts = json!({ "driver": "pve", "class": "unavailable", "why": "it can't be reached", "since": "2026-11-30T20:00:00Z" });
    let news: News = serde_json::from_value(json!({ "event": "tasks.waiting", "facts": facts })).unwrap();
    let company = company();
    let reader = Reader { login: "ann", name: None, language: Language::En, tariff: None, company: &company };
    let Letter { subject, text, .. } = letter_to_staff(&news, &reader).unwrap();
    assert_eq!(subject, "Tasks wait for the hypervisor of pve");
    assert!(text.contains("Since: 2026-11-30T20:00:00Z\nIt says: it can't be reached\n"), "{text}");
    assert!(letter(&news, &reader).is_err());
}

#[test]
fn a_webhook_that_is_gone_is_told_otherwise_than_one_that_fails() {
    for (language, word) in [(Language::En, "gone (410)"), (Language::Lt, "nebėra (410)"), (Language::Ru, "нет (410)")]
    {
        let facts = json!({ "webhook": 1, "url": "https://hooks.example.com/x", "days": 0, "gone": true });
        let news: News = serde_json::from_value(json!({ "event": "webhook.disabled", "facts": facts })).unwrap();
        let text = written(&news, language, None).text;
        assert!(text.contains(word) && !text.contains(" 0"), "{text}");
        assert_eq!(message(&news, "ann", jiff::Timestamp::UNIX_EPOCH)["data"]["gone"], true);
    }
}
