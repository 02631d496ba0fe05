//! Documents for people on paper: the invoice as a page and as a PDF.
//!
//! An [`InvoiceDocument`] holds everything that stands on the paper, already decided. [`page`] and [`pdf`] show the same
//! content: they never reckon, look anything up or read a clock.

mod document;
mod figures;
mod page;
#[expect(clippy::float_arithmetic, reason = "coordinates on a sheet of paper, in points; money comes in as text")]
mod pdf;
mod sheet;
mod words;

pub use document::{DocumentKind, DocumentLine, DocumentNumber, InvoiceDocument, LineTerm, SumError, Totals};
pub use figures::{day, months, sum};
pub use page::{page, style_hash};
pub use pdf::{PdfError, pdf};
pub use sheet::plain;
