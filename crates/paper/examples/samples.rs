//! Writes sample documents as pages and PDFs into the directory named: `cargo run -p paper --example samples -- DIR`.

#[path = "../tests/paper/sample.rs"]
#[expect(clippy::expect_used, reason = "figures of samples fit")]
mod sample;

use std::{error::Error, fs, path::PathBuf};

use domain::{customers::Prices, language::Language};
use paper::{DocumentKind, DocumentNumber, InvoiceDocument, page, pdf};
use sample::{Terms, document, many_lines, usual_lines};

fn main() -> Result<(), Box<dyn Error>> {
    let into = PathBuf::from(std::env::args().nth(1).ok_or("name a directory")?);
    fs::create_dir_all(&into)?;
    for (name, document) in samples() {
        fs::write(into.join(format!("{name}.html")), page(&document, Some("/invoices/sample.pdf")))?;
        fs::write(into.join(format!("{name}.pdf")), pdf(&document)?)?;
    }
    Ok(())
}

fn samples() -> Vec<(&'static str, InvoiceDocument)> {
    let gross = Terms::of(2_100, Prices::Gross);
    let net = Terms::of(2_100, Prices::Net);
    let none = Terms::of(0, Prices::Gross);
    let of = DocumentNumber { series: "VRT".to_owned(), number: 977 };
    let note = Some("Ačiū, kad esate su mumis.\nKlausimai: saskaitos@zaibas.example".to_owned());
    let invoice = |language, terms, lines| document(DocumentKind::Invoice, language, terms, lines);
    let proforma = |language, terms, lines| document(DocumentKind::Proforma, language, terms, lines);
    vec![
        ("invoice-lt", invoice(Language::Lt, gross, usual_lines(gross))),
        ("proforma-ru", proforma(Language::Ru, net, usual_lines(net))),
        ("proforma-lt-20", InvoiceDocument { note: note.clone(), ..proforma(Language::Lt, net, many_lines(20, net)) }),
        ("credit-note-en", document(DocumentKind::CreditNote { of: Some(of) }, Language::En, none, usual_lines(none))),
        ("unpaid-en-8", InvoiceDocument { paid: None, note, ..invoice(Language::En, net, many_lines(8, net)) }),
        ("invoice-ru-20", invoice(Language::Ru, gross, many_lines(20, gross))),
        ("invoice-en-75", invoice(Language::En, gross, many_lines(75, gross))),
    ]
}
