use std::process::Command;

use domain::{
    customers::Prices,
    language::Language,
    money::{Currency, Money},
};
use paper::{DocumentKind, DocumentNumber, InvoiceDocument, LineTerm, Totals, pdf};

use crate::sample::{Terms, document, line, many_lines, usual_lines};

/// Whether the PDF's readers are left out on purpose.
fn skipped() -> bool {
    std::env::var_os("VARTAI_TEST_SKIP_PDF").is_some_and(|value| value == "1")
}

/// What a program of poppler-utils says of a PDF.
fn read(program: &str, options: &[&str], pdf: &[u8]) -> String {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let next = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("vartai-paper-{}-{next}.pdf", std::process::id()));
    std::fs::write(&path, pdf).expect("a file");
    let mut command = Command::new(program);
    command.args(options).arg(&path);
    if program == "pdftotext" {
        command.arg("-");
    }
    let output = command.output().unwrap_or_else(|error| {
        panic!("{program} can't be started ({error}): install poppler-utils, or set VARTAI_TEST_SKIP_PDF=1")
    });
    std::fs::remove_file(&path).expect("removed");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    // pdfinfo writes headings of the structure as they are in the file.
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The PDF's text in the order of its content, with every blank as one space.
fn text(pdf: &[u8]) -> String {
    one_space(&read("pdftotext", &["-raw", "-enc", "UTF-8"], pdf))
}

fn one_space(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn pages(pdf: &[u8]) -> usize {
    let info = read("pdfinfo", &[], pdf);
    let line = info.lines().find_map(|line| line.strip_prefix("Pages:")).expect("a number of pages");
    line.trim().parse().expect("a number")
}

fn invoice(language: Language, lines: usize) -> InvoiceDocument {
    let terms = Terms::of(2_100, Prices::Gross);
    document(DocumentKind::Invoice, language, terms, many_lines(lines, terms))
}

#[test]
fn its_text_is_the_documents() {
    if skipped() {
        return;
    }
    let of = DocumentNumber { series: "KRED".to_owned(), number: 977 };
    let cases = [
        (Language::Lt, DocumentKind::Invoice, "93 127,14 €", "PVM sąskaita faktūra Serija VRT Nr. 1042"),
        (Language::Ru, DocumentKind::Proforma, "93 127,14 €", "Счёт на предоплату"),
        (Language::En, DocumentKind::CreditNote { of: Some(of) }, "€93,127.14", "Credits invoice Series KRED No. 977"),
    ];
    let terms = Terms::of(2_100, Prices::Gross);
    for (language, kind, total, says) in cases {
        let document = document(kind, language, terms, usual_lines(terms));
        let text = text(&pdf(&document).expect("a PDF"));
        assert!(text.contains(says) && text.contains(total), "{text}");
        assert!(text.contains("Ąžuolyno g. 5-12") && text.contains("ООО «Северный хостинг»"), "{text}");
        for line in &document.lines {
            assert!(text.contains(&one_space(&line.title)), "{} in {text}", line.title);
        }
        if let Some(number) = &document.number {
            assert!(text.contains(&number.series) && text.contains(&number.number.to_string()), "{text}");
        }
    }
}

#[test]
fn it_names_itself_and_has_its_letters_inside() {
    if skipped() {
        return;
    }
    let pdf = pdf(&invoice(Language::Lt, 3)).expect("a PDF");
    let info = read("pdfinfo", &["-isodates"], &pdf);
    for line in [
        "Title:           PVM sąskaita faktūra VRT 1042",
        "CreationDate:    2027-01-31T00:00:00Z",
        "Tagged:          yes",
        "Page size:       595.28 x 841.89 pts (A4)",
    ] {
        assert!(info.contains(line), "{line} in {info}");
    }
    let fonts = read("pdffonts", &[], &pdf);
    let faces: Vec<_> = fonts.lines().skip(2).collect();
    assert_eq!(faces.len(), 2, "{fonts}");
    assert!(faces.iter().all(|face| face.contains("+DejaVuSans") && face.contains("yes yes yes")), "{fonts}");
    let structure = read("pdfinfo", &["-struct"], &pdf);
    for element in ["H1", "Table", "TH", "TD", "P"] {
        assert!(structure.lines().any(|line| line.trim_start().starts_with(element)), "{element} in {structure}");
    }
}

#[test]
fn twenty_lines_are_one_page_and_more_go_on() {
    if skipped() {
        return;
    }
    for language in Language::ALL {
        for count in [0, 1, 8, 9, 20] {
            assert_eq!(pages(&pdf(&invoice(language, count)).expect("a PDF")), 1, "{count} lines in {language}");
        }
    }
    let terms = Terms::of(2_100, Prices::Net);
    let mut proforma = document(DocumentKind::Proforma, Language::Ru, terms, many_lines(20, terms));
    proforma.note = Some("Спасибо.\nВопросы: saskaitos@zaibas.example".to_owned());
    assert_eq!(pages(&pdf(&proforma).expect("a PDF")), 1, "with all that can stand below");
    let long = InvoiceDocument { paid: None, note: Some("Ačiū".to_owned()), ..invoice(Language::Lt, 150) };
    let bytes = pdf(&long).expect("a PDF");
    assert!(pages(&bytes) >= 3);
    let text = text(&bytes);
    for line in &long.lines {
        assert_eq!(text.matches(&one_space(&line.title)).count(), 1, "{}", line.title);
    }
    assert!(text.contains("Ačiū") && text.contains(&format!("Puslapis 2 / {}", pages(&bytes))), "{text}");
}

#[test]
fn the_same_document_is_the_same_bytes() {
    let document = invoice(Language::Ru, 12);
    assert_eq!(pdf(&document).expect("a PDF"), pdf(&document).expect("a PDF"));
    let later = InvoiceDocument { issued: document.issued.tomorrow().expect("a day"), ..document.clone() };
    assert_ne!(pdf(&document).expect("a PDF"), pdf(&later).expect("a PDF"));
}

/// A word's page and its left, top, right and bottom edge.
type Word = (usize, [f32; 4]);

fn words(pdf: &[u8]) -> Vec<Word> {
    let layout = read("pdftotext", &["-bbox"], pdf);
    let side = |word: &str, name: &str| -> f32 {
        let (_, rest) = word.split_once(&format!("{name}=\"")).expect("a side");
        rest.split('"').next().expect("its value").parse().expect("a number")
    };
    let mut words = Vec::new();
    for (page, text) in layout.split("<page ").skip(1).enumerate() {
        let found = text.lines().filter(|line| line.trim_start().starts_with("<word "));
        words.extend(found.map(|word| (page, ["xMin", "yMin", "xMax", "yMax"].map(|name| side(word, name)))));
    }
    words
}

/// Whether two words cover each other, by more than the hair that letters reach out of their boxes.
#[expect(clippy::float_arithmetic, reason = "edges of words on a page, in points")]
fn overlap((page, a): &Word, (other, b): &Word) -> bool {
    const HAIR: f32 = 0.7;
    page == other && a[0] + HAIR < b[2] && b[0] + HAIR < a[2] && a[1] + HAIR < b[3] && b[1] + HAIR < a[3]
}

#[test]
fn nothing_is_cut_off_or_covered() {
    if skipped() {
        return;
    }
    let terms = Terms { currency: Currency::BHD, ..Terms::of(0, Prices::Gross) };
    let vast = Money::minor(-9_000_000_000_000_000_000, Currency::BHD);
    let mut document = document(DocumentKind::Proforma, Language::Ru, terms, Vec::new());
    document.lines = vec![line("W".repeat(300).as_str(), LineTerm::Months(120), u32::MAX, 1, 0, terms)];
    document.lines[0].unit_price = vast;
    document.lines[0].net = vast;
    document.lines[0].gross = vast;
    document.lines[0].vat = Money::zero(Currency::BHD);
    document.totals = Totals { net: vast, vat: Money::zero(Currency::BHD), gross: vast };
    document.seller.name = "Ū".repeat(200);
    document.buyer.name = "Щ ".repeat(200);
    document.seller.address = vec!["x".repeat(500)];
    document.payment_reference = Some("y".repeat(400));
    document.note = Some("Длинное примечание ".repeat(600));
    let words = words(&pdf(&document).expect("a PDF"));
    assert!(words.len() > 300, "{}", words.len());
    for (at, word) in words.iter().enumerate() {
        let [left, top, right, bottom] = word.1;
        assert!(left >= 40.0 && right <= 556.0 && top >= 30.0 && bottom <= 820.0, "{word:?}");
        let covered = words.iter().skip(at + 1).find(|other| overlap(word, other));
        assert_eq!(covered, None, "{word:?}");
    }
}

#[test]
fn letters_without_a_glyph_are_still_the_right_text() {
    if skipped() {
        return;
    }
    let mut document = invoice(Language::En, 1);
    document.buyer.name = "東京ホスティング 🚀 a\u{1}b".to_owned();
    let text = text(&pdf(&document).expect("a PDF"));
    assert!(text.contains("東京ホスティング 🚀 a b"), "{text}");
}
