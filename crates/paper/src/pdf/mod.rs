//! The PDF: A4, the same words as the page, tagged, with the letters it uses inside.

mod block;
mod ends;
mod face;
mod layout;
mod paint;
mod table;

use crate::{document::InvoiceDocument, sheet::Sheet};

/// A PDF that can't be made.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// A face that was built in can't be read.
    #[error("a built-in font can't be read")]
    Font,
    /// The writer refused the document.
    #[error("the PDF can't be written: {0}")]
    Writer(String),
}

/// A document as a PDF on A4: one page, and more where its lines don't fit. The same document is the same bytes.
///
/// Letters that DejaVu Sans doesn't have (Chinese, say) are empty boxes, and still the right text when it is copied.
///
/// # Errors
/// [`PdfError`].
pub fn pdf(document: &InvoiceDocument) -> Result<Vec<u8>, PdfError> {
    let sheet = Sheet::of(document);
    let faces = face::Faces::load()?;
    let pages = layout::pages(&sheet, &faces);
    paint::paint(&pages, &sheet, document.issued, &faces)
}
