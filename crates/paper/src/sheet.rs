//! What a document says, word for word: the one text that the page and the PDF both show.

use domain::{billing::Party, customers::Prices, language::Language, money::Percent, vat::VatGround};

use crate::{
    document::{DocumentKind, DocumentLine, DocumentNumber, InvoiceDocument, LineTerm},
    figures::{amount, day, months, percent, sum},
    words::{self, Words},
};

/// Lines beyond which a sheet is set closer, so that twenty of them stay on one page.
pub const ROOMY_LINES: usize = 8;

/// A document in words.
pub struct Sheet {
    pub words: &'static Words,
    pub language: Language,
    /// What it is: `PVM sąskaita faktūra`.
    pub title: &'static str,
    /// `Serija VRT Nr. 1042`
    pub number: Option<String>,
    /// Title and number in short, for window titles and footers.
    pub name: String,
    /// A proforma says what it isn't.
    pub warning: Option<&'static str>,
    /// `Apmokėta 2027 m. sausio 31 d.`
    pub stamp: Option<String>,
    pub facts: Vec<Fact>,
    pub seller_name: String,
    pub parties: [PartyText; 2],
    pub rows: Vec<Row>,
    pub totals: Vec<Fact>,
    pub grand_total: Fact,
    pub vat_terms: String,
    /// How to pay what isn't paid yet.
    pub payment: Vec<Fact>,
    pub note: Vec<String>,
}

/// Something with its name.
pub struct Fact {
    pub label: String,
    pub value: String,
}

/// A party: its role, its name and what is known of it.
pub struct PartyText {
    pub role: &'static str,
    pub name: String,
    pub lines: Vec<String>,
}

/// A line of the table.
pub struct Row {
    pub number: String,
    pub title: String,
    /// The arithmetic of the amount.
    pub detail: String,
    pub quantity: String,
    pub unit_price: String,
    pub net: String,
    pub vat: String,
    pub gross: String,
}

impl Sheet {
    /// Puts a document into its language's words.
    pub fn of(document: &InvoiceDocument) -> Self {
        debug_assert_eq!(document.check(), Ok(()), "the figures agree");
        let language = document.language;
        let words = words::of(language);
        let title = title(document, words);
        let payment = payment(document, words);
        Self {
            words,
            language,
            title,
            number: document.number.as_ref().map(|number| number_text(number, words)),
            name: match &document.number {
                Some(number) => format!("{title} {} {}", plain(&number.series), number.number),
                None => title.to_owned(),
            },
            warning: (document.kind == DocumentKind::Proforma).then_some(words.not_an_invoice),
            stamp: document.paid.map(|paid| match document.kind {
                DocumentKind::CreditNote { .. } => format!("{} {}", words.refunded, day(paid, language)),
                DocumentKind::Proforma | DocumentKind::Invoice => format!("{} {}", words.paid, day(paid, language)),
            }),
            facts: facts(document, words),
            seller_name: plain(&document.seller.name),
            parties: [
                // The account stands once: where the customer is asked to pay, or with the seller.
                party(words.seller, &document.seller, payment.is_empty(), words),
                party(words.buyer, &document.buyer, true, words),
            ],
            rows: document.lines.iter().enumerate().map(|(at, line)| row(at + 1, line, language, words)).collect(),
            totals: vec![
                fact(words.net, amount(document.totals.net, language)),
                fact(
                    &format!("{} {}", words.vat, percent(document.vat_rate, language)),
                    amount(document.totals.vat, language),
                ),
            ],
            grand_total: fact(
                if is_to_pay(document) { words.to_pay } else { words.total },
                sum(document.totals.gross, language),
            ),
            vat_terms: vat_terms(document, words),
            payment,
            note: document.note.iter().flat_map(|note| note.lines()).map(plain).filter(|l| !l.is_empty()).collect(),
        }
    }

    /// Whether it is set closer.
    pub fn is_dense(&self) -> bool {
        self.rows.len() > ROOMY_LINES
    }
}

fn title(document: &InvoiceDocument, words: &Words) -> &'static str {
    match (&document.kind, document.seller.vat_code.is_some()) {
        (DocumentKind::Proforma, _) => words.proforma,
        (DocumentKind::Invoice, true) => words.vat_invoice,
        (DocumentKind::Invoice, false) => words.invoice,
        (DocumentKind::CreditNote { .. }, true) => words.vat_credit_note,
        (DocumentKind::CreditNote { .. }, false) => words.credit_note,
    }
}

fn is_to_pay(document: &InvoiceDocument) -> bool {
    document.paid.is_none() && !matches!(document.kind, DocumentKind::CreditNote { .. })
}

fn number_text(number: &DocumentNumber, words: &Words) -> String {
    format!("{} {} {}\u{a0}{}", words.series, plain(&number.series), words.number, number.number)
}

fn facts(document: &InvoiceDocument, words: &Words) -> Vec<Fact> {
    let mut facts = vec![
        fact(words.issued, day(document.issued, document.language)),
        fact(words.currency, document.currency.code().to_owned()),
    ];
    if let DocumentKind::CreditNote { of: Some(of) } = &document.kind {
        facts.push(fact(words.credits, number_text(of, words)));
    }
    facts
}

fn party(role: &'static str, party: &Party, with_bank: bool, words: &Words) -> PartyText {
    let named = |label: &str, value: &Option<String>| value.as_ref().map(|value| format!("{label}: {}", plain(value)));
    let mut lines: Vec<String> = party.address.iter().map(|line| plain(line)).collect();
    lines.extend(named(words.code, &party.code));
    lines.extend(named(words.vat_code, &party.vat_code));
    if let Some(bank) = party.bank.as_ref().filter(|_| with_bank) {
        lines.push(format!("{}: {}", words.account, plain(&bank.account)));
        lines.push(match &bank.code {
            Some(code) => format!("{}, {}", plain(&bank.name), plain(code)),
            None => plain(&bank.name),
        });
    }
    lines.extend(named(words.email, &party.email));
    lines.extend(named(words.phone, &party.phone));
    PartyText { role, name: plain(&party.name), lines }
}

fn row(number: usize, line: &DocumentLine, language: Language, words: &Words) -> Row {
    Row {
        number: number.to_string(),
        title: plain(&line.title),
        detail: detail(line, language, words),
        quantity: line.quantity.to_string(),
        unit_price: amount(line.unit_price, language),
        net: amount(line.net, language),
        vat: amount(line.vat, language),
        gross: amount(line.gross, language),
    }
}

/// How the amount came about: `2 × 1,50 × 3 mėn. − 3 %`, or that it is paid once.
fn detail(line: &DocumentLine, language: Language, words: &Words) -> String {
    let price = amount(line.unit_price, language);
    let many = line.quantity != 1;
    let mut text = match line.term {
        LineTerm::Setup if many || line.discount != Percent::ZERO => format!("{}, ", words.setup),
        LineTerm::Setup => return words.setup.to_owned(),
        LineTerm::Change => return words.change.to_owned(),
        LineTerm::Credit(invoiced) => return words.credited.replace("{}", &amount(invoiced, language)),
        LineTerm::Months(_) => String::new(),
    };
    if many {
        text.push_str(&format!("{} × ", line.quantity));
    }
    text.push_str(&price);
    if let LineTerm::Months(count) = line.term {
        text.push_str(&format!(" × {}", months(count, language)));
    }
    if line.discount != Percent::ZERO {
        text.push_str(&format!(" − {}", percent(line.discount, language)));
    }
    text
}

fn vat_terms(document: &InvoiceDocument, words: &Words) -> String {
    let terms = match (document.vat_ground, document.prices) {
        (VatGround::ReverseCharge, _) => words.vat_reverse_charge,
        (VatGround::Export, _) => words.vat_export,
        _ if document.vat_rate == Percent::ZERO => words.vat_none,
        (VatGround::Fixed | VatGround::Seller | VatGround::Destination, Prices::Gross) => words.vat_contained,
        (VatGround::Fixed | VatGround::Seller | VatGround::Destination, Prices::Net) => words.vat_added,
    };
    terms.replace("{}", &percent(document.vat_rate, document.language))
}

fn payment(document: &InvoiceDocument, words: &Words) -> Vec<Fact> {
    let Some(bank) = document.seller.bank.as_ref().filter(|_| is_to_pay(document)) else { return Vec::new() };
    let mut facts = vec![
        fact(words.receiver, plain(&document.seller.name)),
        fact(words.account, plain(&bank.account)),
        fact(words.bank, plain(&bank.name)),
    ];
    facts.extend(bank.code.as_ref().map(|code| fact(words.bank_code, plain(code))));
    facts.extend(document.payment_reference.as_ref().map(|reference| fact(words.reference, plain(reference))));
    facts
}

fn fact(label: &str, value: String) -> Fact {
    Fact { label: label.to_owned(), value }
}

/// A text as it can stand on paper: control characters are blanks, and what would turn the direction of the text around
/// it, and so show it as another, is left out.
fn plain(text: &str) -> String {
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let text: String = text.chars().filter(|c| !turns(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.trim().to_owned()
}
