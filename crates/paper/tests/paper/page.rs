use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    customers::Prices,
    language::Language,
    money::{Currency, Money, Percent},
    vat::VatGround,
};
use paper::{DocumentKind, DocumentNumber, InvoiceDocument, LineTerm, page, style_hash};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::sample::{Terms, document, line, usual_lines};

fn invoice(language: Language, terms: Terms) -> InvoiceDocument {
    document(DocumentKind::Invoice, language, terms, usual_lines(terms))
}

/// A document that says `text` wherever it can say anything.
fn saying(text: &str) -> InvoiceDocument {
    let terms = Terms::of(2_100, Prices::Gross);
    let of = DocumentNumber { series: text.to_owned(), number: 7 };
    let mut document = document(DocumentKind::CreditNote { of: Some(of) }, Language::En, terms, usual_lines(terms));
    document.note = Some(text.to_owned());
    document.payment_reference = Some(text.to_owned());
    document.number = Some(DocumentNumber { series: text.to_owned(), number: 1 });
    for line in &mut document.lines {
        line.title = text.to_owned();
    }
    for party in [&mut document.seller, &mut document.buyer] {
        party.name = text.to_owned();
        party.code = Some(text.to_owned());
        party.vat_code = Some(text.to_owned());
        party.address = vec![text.to_owned()];
        party.email = Some(text.to_owned());
        party.phone = Some(text.to_owned());
    }
    document
}

/// The page's markup without what stands between the tags.
fn tags(page: &str) -> Vec<&str> {
    let body = page.split_once("</style>").map_or(page, |(_, body)| body);
    body.split('<').skip(1).map(|part| part.split_once('>').map_or(part, |(tag, _)| tag)).collect()
}

#[test]
fn hostile_names_stay_text() {
    let hostile = r#"<script>alert("x")</script> ' onload='y' <!-- & "#;
    let text = page(&saying(hostile), Some("/a.pdf\" onclick=\"z"));
    assert!(!text.contains("<script") && !text.contains("<!--"), "{text}");
    assert!(!text.contains("/a.pdf\""), "the link stays inside its quotes");
    assert!(text.contains("&#60;script&#62;alert(&#34;x&#34;)"), "{text}");
    assert_eq!(tags(&page(&saying(hostile), None)), tags(&page(&saying("plain"), None)));
}

#[test]
fn texts_that_turn_the_text_around_them_are_left_straight() {
    let text = page(&saying("Jonas\u{202e}sanoJ\u{2066}\u{0}\u{7}UAB"), None);
    assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{0}', '\u{7}']));
    assert!(text.contains("JonassanoJ  UAB"));
}

#[test]
fn a_strict_policy_is_enough() {
    let text = page(&invoice(Language::Lt, Terms::of(2_100, Prices::Gross)), Some("/invoices/t.pdf"));
    let (_, rest) = text.split_once("<style>").expect("a style");
    let (style, rest) = rest.split_once("</style>").expect("its end");
    assert_eq!(style_hash(), format!("sha256-{}", STANDARD.encode(Sha256::digest(style))));
    assert!(!rest.contains("<style") && !rest.contains("style=") && !rest.contains("<script"));
    for fetching in ["src=", "<link", "<img", "<iframe", "http://", "https://"] {
        assert!(!text.contains(fetching), "{fetching}");
    }
    assert!(!style.contains("url(") && !style.contains("@import"));
    assert!(rest.contains(r#"<a href="/invoices/t.pdf""#));
    assert!(!page(&invoice(Language::Lt, Terms::of(0, Prices::Gross)), None).contains("<a "));
}

#[test]
fn why_there_is_no_vat_is_named() {
    for (ground, words) in [
        (VatGround::ReverseCharge, ["Atvirkštinis apmokestinimas", "Обратное начисление", "Reverse charge"]),
        (VatGround::Export, ["PVM netaikomas", "НДС не применяется", "No VAT: the place of supply"]),
    ] {
        for (language, wanted) in [Language::Lt, Language::Ru, Language::En].into_iter().zip(words) {
            let document = InvoiceDocument { vat_ground: ground, ..invoice(language, Terms::of(0, Prices::Net)) };
            assert!(page(&document, None).contains(wanted), "{language} {ground:?}");
        }
    }
}

#[test]
fn every_kind_speaks_every_language_in_both_vat_modes() {
    let of = DocumentNumber { series: "VRT".to_owned(), number: 977 };
    let kinds = [DocumentKind::Proforma, DocumentKind::Invoice, DocumentKind::CreditNote { of: Some(of) }];
    let titles = [
        ["Išankstinė sąskaita", "PVM sąskaita faktūra", "Kreditinė PVM sąskaita faktūra"],
        ["Счёт на предоплату", "Счёт-фактура НДС", "Кредит-нота НДС"],
        ["Pro forma invoice", "VAT invoice", "VAT credit note"],
    ];
    let warnings = ["Tai nėra sąskaita faktūra", "Это не счёт-фактура", "This is not an invoice"];
    let contained = ["nurodytos su PVM: į jas įskaičiuotas 21 % PVM", "указаны с НДС", "include VAT at 21%"];
    let added =
        ["nurodytos be PVM", "указаны без НДС: он начислен на каждую строку по ставке 21 %", "VAT at 21% is added"];
    let numbers = ["Serija VRT Nr. 1042", "Серия VRT № 1042", "Series VRT No. 1042"];
    let credited = ["Serija VRT Nr. 977", "Серия VRT № 977", "Series VRT No. 977"];
    let days = ["2027 m. sausio 31 d.", "31 января 2027 г.", "31 January 2027"];
    let stamps = ["Apmokėta 2027 m. vasario 1 d.", "Оплачено 1 февраля 2027 г.", "Paid 1 February 2027"];
    for (l, language) in [Language::Lt, Language::Ru, Language::En].into_iter().enumerate() {
        for (k, kind) in kinds.iter().enumerate() {
            for (prices, terms) in [(Prices::Gross, contained), (Prices::Net, added)] {
                let rate = Terms::of(2_100, prices);
                let text =
                    page(&document(kind.clone(), language, rate, usual_lines(rate)), None).replace('\u{a0}', " ");
                let case = format!("{language} {kind:?} {prices:?}");
                assert!(text.contains(&format!("<html lang=\"{language}\">")), "{case}");
                assert!(text.contains(&format!("<h1>{}</h1>", titles[l][k])), "{case}: {text}");
                assert!(text.contains(&format!("<title>{}", titles[l][k])), "{case}");
                assert!(text.contains(terms[l]), "{case}: {text}");
                assert!(text.contains(days[l]), "{case}");
                assert_eq!(text.contains(warnings[l]), k == 0, "{case}");
                assert_eq!(text.contains(numbers[l]), k != 0, "{case}");
                assert_eq!(text.contains(stamps[l]), k == 1, "{case}");
                assert_eq!(text.contains(credited[l]), k == 2, "{case}");
                assert!(text.contains("LT12 1000 0111 0100 1000"), "{case}");
                assert_eq!(text.contains("class=\"payment\""), k == 0, "{case}");
            }
        }
    }
}

#[test]
fn a_seller_without_vat_writes_plain_invoices() {
    let mut document = invoice(Language::Lt, Terms::of(0, Prices::Gross));
    document.seller.vat_code = None;
    let text = page(&document, None).replace('\u{a0}', " ");
    assert!(text.contains("<h1>Sąskaita faktūra</h1>"));
    assert!(text.contains("PVM tarifas 0 %: PVM nepridėtas"));
}

#[test]
fn arithmetic_stands_under_each_line() {
    let text = page(&invoice(Language::Lt, Terms::of(2_100, Prices::Gross)), None).replace('\u{a0}', " ");
    for detail in ["9,90 × 3 mėn. − 3 %", "2 × 1,50 × 3 mėn. − 3 %", "14 × 599,00 × 12 mėn. − 7,5 %", "vienkartinis"]
    {
        assert!(text.contains(&format!("<span>{detail}")), "{detail}");
    }
}

#[test]
fn every_head_of_a_table_says_what_it_heads() {
    let text = page(&invoice(Language::Ru, Terms::of(2_100, Prices::Gross)), None);
    let heads: Vec<_> = tags(&text).into_iter().filter(|tag| tag.starts_with("th ") || *tag == "th").collect();
    assert_eq!(heads.len(), 7 + 5 + 3, "columns, lines, totals");
    assert!(heads.iter().all(|tag| tag.contains("scope=\"col\"") || tag.contains("scope=\"row\"")), "{heads:?}");
    assert!(text.contains("<caption>Услуги</caption>"));
}

/// Amounts of a page as the wire has them: `1234.50`.
fn unlocalised(page: &str, language: Language) -> String {
    let page = page.replace('−', "-");
    match language {
        Language::En => page.replace(',', ""),
        Language::Lt | Language::Ru => page.replace('\u{a0}', "").replace(',', "."),
    }
}

fn languages() -> impl Strategy<Value = Language> {
    prop::sample::select(Language::ALL.to_vec())
}

fn currencies() -> impl Strategy<Value = Currency> {
    prop::sample::select(Currency::ALL.to_vec())
}

proptest! {
    #[test]
    fn no_text_becomes_markup(text in any::<String>()) {
        // A note of no lines has no place; any other has one paragraph a line.
        let shown = |text: &str| InvoiceDocument { note: None, ..saying(text) };
        prop_assert_eq!(tags(&page(&shown(&text), None)).len(), tags(&page(&shown("plain"), None)).len());
    }

    #[test]
    fn every_amount_stands_on_the_page(
        language in languages(), currency in currencies(), net in any::<bool>(), points in 0_i64..=3_000,
        lines in prop::collection::vec((1_u32..50, -90_000_000_i64..90_000_000, 0_u16..=24, 0_i64..=10_000), 0..9),
    ) {
        let prices = if net { Prices::Net } else { Prices::Gross };
        let terms = Terms { currency, vat: Percent::basis_points(points).expect("a rate"), prices };
        let lines = lines.into_iter().map(|(quantity, unit, months, discount)| {
            let term = if months == 0 { LineTerm::Setup } else { LineTerm::Months(months) };
            line("VDS", term, quantity, unit, discount, terms)
        }).collect();
        let document = document(DocumentKind::Invoice, language, terms, lines);
        prop_assert_eq!(document.check(), Ok(()));
        let text = unlocalised(&page(&document, None), language);
        let cells = |amount: Money| text.contains(&format!(">{amount}</td>"));
        for line in &document.lines {
            for amount in [line.unit_price, line.net, line.vat, line.gross] {
                prop_assert!(cells(amount), "{} in {}", amount, text);
            }
        }
        prop_assert!(cells(document.totals.net) && cells(document.totals.vat));
        let total = text.rsplit_once("class=\"grand\"").map(|(_, after)| after.to_owned()).unwrap_or_default();
        let figures = document.totals.gross.to_string();
        prop_assert!(total.contains(figures.trim_start_matches('-')), "{} in {}", figures, total);
        prop_assert_eq!(total.contains('-'), figures.starts_with('-'));
    }
}
