//! The page: one file of HTML that prints on A4, with its style inside, no script and nothing to fetch.

use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use crate::{document::InvoiceDocument, sheet::Sheet};

/// Goes into the page unescaped, and to the byte: [`style_hash`] is its digest.
const STYLE: &str = include_str!("../templates/invoice.css");

#[derive(Template)]
#[template(path = "invoice.html")]
struct InvoicePage<'a> {
    sheet: &'a Sheet,
    style: &'a str,
    pdf_link: Option<&'a str>,
}

/// A document as a page that can be read on a screen and printed on A4. `pdf_link` leads to the same as a PDF.
///
/// It wants no more from a content security policy than `default-src 'none'; style-src '<`[`style_hash`]`>'`. The caller
/// answers for `pdf_link`: it is escaped, and otherwise taken as it is.
#[must_use]
pub fn page(document: &InvoiceDocument, pdf_link: Option<&str>) -> String {
    let sheet = Sheet::of(document);
    // Writing into a string fails only where a filter fails, and the template has none that can.
    InvoicePage { sheet: &sheet, style: STYLE, pdf_link }.render().unwrap_or_default()
}

/// `sha256-…`: the style of every [`page`] as a content security policy names it, without the quotes.
#[must_use]
pub fn style_hash() -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(STYLE)))
}
