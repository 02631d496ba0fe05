//! Invoices and credit notes, as people see and print them.

use domain::{
    billing::InvoiceId,
    language::Language,
    money::{Currency::EUR, Money},
};
use serde_json::Value;
use store::{
    Tx,
    invoices::{self, Credit, Refund},
};
use testkit::Page;

use super::bed::{AWKWARD, Window, look, poppler};

/// Windows of a desk, a tablet and a telephone, in pixels.
const WIDTHS: [u32; 3] = [1200, 768, 360];

/// Letters of the names on each paper: they were looked at for having a shape.
const LETTERS: &str = "ĄŽŠšėūčųКЁофча„“«»";

/// As many lines as stay on one sheet of paper.
const LINES: i64 = 20;

/// An invoice over [`LINES`] lines of all sorts: set-up and months, discounts, thousands, one that is negative.
async fn large_invoice(window: &Window, order: &str) -> i64 {
    let lines = format!(
        "select n::smallint as line, case n % 4 when 0 then 'addon_setup' else 'addon' end as item, 1 as item_id, \
           case n % 3 when 0 then 'Выделенный сервер DS-' || n || ', 2 × 960 ГБ SSD <i>Вильнюс</i>' \
             when 1 then 'Ąžuolinė atsarginė kopija & saugykla Nr. ' || n \
             else 'Extra \"RAM\", GB – ' || n end as title, \
           n * 7 as quantity, 100 * n * n as unit_price, case n % 4 when 0 then 0 else 3 end::smallint as months, \
           (n % 5) * 250 as discount_points, \
           round(case n when 7 then -1 else 1 end * n * 7.0 * 100 * n * n * case n % 4 when 0 then 1 else 3 end \
             * (10000 - (n % 5) * 250) / 10000)::bigint as gross \
         from generate_series(1, {LINES}) n"
    );
    let write = format!(
        "begin; create temp table wanted on commit drop as {lines}; \
         insert into live.invoice (customer_id, order_id, purpose, months, status, currency, total, vat_points, prices, \
           paid_at, seller) \
         select o.customer_id, o.id, 'change', 0, 'paid', 'EUR', (select sum(gross) from wanted), 2100, 'gross', now(), \
           (select seller from live.invoice where order_id = o.id) from live.orders o where o.id = {order}; \
         insert into live.invoice_line select (select max(id) from live.invoice), line, item, item_id, title, quantity, \
           unit_price, months, discount_points, gross - round(gross * 2100.0 / 12100), round(gross * 2100.0 / 12100), \
           gross from wanted; commit"
    );
    let db = &window.bed.app.db;
    db.run_sql(&write).await;
    db.value("select max(id) from live.invoice").await
}

/// Gives every paper its number.
async fn number(window: &Window) {
    let realm = &window.bed.app.db.database.live;
    realm.transaction("number", async |tx: &mut Tx| invoices::number(tx, "VRT").await).await.unwrap();
    let number = async |tx: &mut Tx| invoices::number_credit_notes(tx, "VRC").await;
    realm.transaction("number", number).await.unwrap();
}

/// The paper of that id, as account_orders lists it.
async fn listed(window: &Window, language: Language, id: i64) -> Value {
    let (status, all) = window.bed.by(&format!("{language}-api"), "account_orders", &[]).await;
    assert_eq!(status, 200, "{all}");
    let wanted = id.to_string();
    let found = all.as_array().unwrap().iter().find(|paper| paper["or_id"] == wanted.as_str());
    found.unwrap_or_else(|| panic!("{id} is not in {all}")).clone()
}

/// An amount in cents as the language writes it, blanks plain.
fn amount(cents: i64, language: Language) -> String {
    let (thousands, point) = if language == Language::En { (",", ".") } else { (" ", ",") };
    let whole = (cents.abs() / 100).to_string();
    let groups: Vec<&str> =
        whole.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    let sign = if cents < 0 { "−" } else { "" };
    format!("{sign}{}{point}{:02}", groups.join(thousands), cents.abs() % 100)
}

/// Titles and amounts of a paper's lines, as the database has them.
async fn lines(window: &Window, id: i64) -> Vec<(String, [i64; 3])> {
    let realm = &window.bed.app.db.database.live;
    let lines = realm.read(async |c| invoices::lines(c, InvoiceId(id)).await).await.unwrap();
    lines.into_iter().map(|line| (line.title, [line.net, line.vat, line.gross])).collect()
}

/// All that must be read on a paper: names, codes, numbers, and every line with its amounts.
fn expected(language: Language, number: &str, title: &str, lines: &[(String, [i64; 3])]) -> Vec<String> {
    let seller = ["Debesų prieglauda, UAB", "Ąžuolyno g. 5-12", "LT-08234 Vilnius, Lietuva"];
    let mut all: Vec<String> =
        [AWKWARD, title, number, "Didžioji g. 1-2", "LT-01100 Vilnius"].map(str::to_owned).to_vec();
    all.extend(seller.map(str::to_owned));
    for (title, amounts) in lines {
        all.push(title.clone());
        all.extend(amounts.map(|cents| amount(cents, language)));
    }
    let sum = |at: usize| lines.iter().map(|(_, amounts)| amounts[at]).sum::<i64>();
    let total = amount(sum(2), language);
    let euros = match (language, total.strip_prefix('−')) {
        (Language::En, Some(rest)) => format!("−€{rest}"),
        (Language::En, None) => format!("€{total}"),
        (Language::Lt | Language::Ru, _) => format!("{total} €"),
    };
    all.extend([amount(sum(0), language), amount(sum(1), language), euros]);
    all
}

/// Looks at a paper in windows of all widths, and at what its printer gets.
async fn check(window: &Window, link: &Value, name: &str, expected: &[String]) {
    for width in WIDTHS {
        let page = window.open(link, width).await;
        page.screenshot(&format!("{name}-{width}")).await;
        let seen = look(&page).await;
        assert!(seen.wrong.is_empty(), "{name}, {width} px: {:#?}", seen.wrong);
        for letter in LETTERS.chars() {
            assert!(seen.letters.contains(letter), "{name}, {width} px: {letter} was not looked at: {}", seen.letters);
        }
        let mut left = seen.seen.clone();
        for text in expected {
            let at = left.iter().position(|seen| seen == text);
            // What stands twice must be seen twice.
            left.remove(at.unwrap_or_else(|| panic!("{name}, {width} px: {text:?} is not in {left:#?}")));
        }
        assert_eq!(page.complaints(), [""; 0], "{name}, {width} px");
        if width == WIDTHS[0] {
            printed(&page, name, expected).await;
        }
    }
}

/// What comes out of a printer: one sheet of A4 with every text on it.
async fn printed(page: &Page, name: &str, expected: &[String]) {
    let pdf = page.print(name).await;
    let info = poppler("pdfinfo", &[], &pdf, &[]);
    let fact = |what: &str| info.lines().find_map(|line| line.strip_prefix(what)).unwrap_or_default().trim().to_owned();
    assert_eq!((fact("Pages:"), fact("Page size:").contains("A4")), ("1".to_owned(), true), "{name}: {info}");
    // Where a line is broken is the printer's own business.
    let joined = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let text = joined(&poppler("pdftotext", &["-raw"], &pdf, &["-"]));
    for wanted in expected {
        assert!(text.contains(&joined(wanted)), "{name}: {wanted:?} is not printed: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invoices_are_whole_in_every_language_and_on_one_sheet() {
    let window = Window::new().await;
    let said = [
        (Language::Lt, "PVM sąskaita faktūra", "Serija VRT Nr."),
        (Language::Ru, "Счёт-фактура НДС", "Серия VRT №"),
        (Language::En, "VAT invoice", "Series VRT No."),
    ];
    let mut papers = Vec::new();
    for (language, title, series) in said {
        let order = window.customer(language).await;
        papers.push((language, title, series, large_invoice(&window, &order).await));
    }
    number(&window).await;
    for (language, title, series, id) in papers {
        let paper = listed(&window, language, id).await;
        let number = format!("{series} {}", paper["or_number"].as_str().unwrap());
        let expected = expected(language, &number, title, &lines(&window, id).await);
        check(&window, &paper["or_url"], &format!("invoice-{language}"), &expected).await;
    }
    window.serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credit_note_is_whole_and_on_one_sheet() {
    let window = Window::new().await;
    let order: i64 = window.customer(Language::Lt).await.parse().unwrap();
    let invoice =
        window.bed.app.db.value::<i64>(&format!("select id from live.invoice where order_id = {order}")).await;
    let note = "Serveris neveikė tris dienas: gedimas <mazge> „vds-7“ & tinkle";
    let wanted = Credit { amount: Some(Money::minor(745, EUR)), cause: "a test", note, refund: Refund::Wallets };
    let live = &window.bed.app.db.database.live;
    let crediting = async |tx: &mut Tx| invoices::credit(tx, InvoiceId(invoice), &wanted).await;
    let id = live.transaction("credit", crediting).await.unwrap().credit_note.id;
    let unnumbered = window.open(&listed(&window, Language::Lt, id).await["or_url"], WIDTHS[0]).await;
    assert_eq!(look(&unnumbered).await.wrong, [""; 0], "before it has its number");
    let before = listed(&window, Language::Lt, invoice).await;
    number(&window).await;

    let paper = listed(&window, Language::Lt, id).await;
    let fields = ["or_series", "or_number", "or_cost"].map(|name| paper[name].as_str().unwrap());
    assert_eq!(fields, ["VRC", "1", "-7.45"]);
    assert_eq!(listed(&window, Language::Lt, invoice).await["or_cost"], before["or_cost"], "the invoice never changes");
    // Half of each: 5.00 once and 9.90 a month, of which Debian is nothing.
    let half = |title: &str, gross: i64, vat: i64| (title.to_owned(), [vat - gross, -vat, -gross]);
    let lines = [half("VDS-2", 250, 44), half("VDS-2", 495, 86)];
    let mut expected = expected(Language::Lt, "Serija VRC Nr. 1", "Kreditinė PVM sąskaita faktūra", &lines);
    expected.extend([
        note.to_owned(),
        "Serija VRT Nr. 1".to_owned(),
        "kredituojama iš 5,00 sąskaitos eilutės".to_owned(),
    ]);
    check(&window, &paper["or_url"], "credit-note-lt", &expected).await;
    window.bed.app.db.verify_books().await;
    window.serving.stop().await;
}

/// What would be wrong is found: a text that is cut off, hidden, covered, or made of letters that no font has.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_page_is_seen() {
    let window = Window::new().await;
    let order = window.customer(Language::Lt).await;
    let invoice =
        window.bed.app.db.value::<i64>(&format!("select id from live.invoice where order_id = {order}")).await;
    let link = listed(&window, Language::Lt, invoice).await["or_url"].clone();
    for (sabotage, found) in [
        ("h1.textContent = '\u{378}'", "no font has the letter"),
        ("h1.style.visibility = 'hidden'", "not shown"),
        ("h1.style.cssText = 'width: 3em; overflow: hidden; white-space: nowrap'", "cut off"),
        ("h1.style.marginLeft = '-900px'", "outside"),
        ("h1.style.marginTop = '-25px'", "on each other"),
        (
            "document.body.append(Object.assign(document.createElement('img'), {style: 'position: fixed; inset: 0; width: 100%; height: 100%'}))",
            "covered",
        ),
    ] {
        let page = window.open(&link, WIDTHS[0]).await;
        assert_eq!(look(&page).await.wrong, [""; 0]);
        page.evaluate::<Value>(&format!("{{ const h1 = document.querySelector('h1'); {sabotage}; null }}")).await;
        let seen = look(&page).await;
        assert!(seen.wrong.iter().any(|wrong| wrong.contains(found)), "{sabotage}: {:?}", seen.wrong);
    }
    window.serving.stop().await;
}
