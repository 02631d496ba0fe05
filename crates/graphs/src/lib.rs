//! Graphs of what a server uses: 24 of them, as PNG, in the customer's language (CONTRACT 2.3, server_graphs).
//!
//! Pure: rows of [`domain::usage`] in, bytes out, the same bytes for the same request. Everything is laid out in whole
//! numbers, 1/16 of a pixel where pixels are too coarse; only `canvas` and `font` know of floats.

mod canvas;
mod curve;
mod draw;
mod font;
mod kind;
mod layout;
mod legend;
mod palette;
mod quantity;
mod scale;
mod ticks;
mod words;

pub use draw::{RenderError, Request, render};
pub use kind::{Graph, Kind, Span};
pub use layout::Width;
