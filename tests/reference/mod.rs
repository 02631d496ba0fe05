//! The reference page as it is served, read and copied from.

mod bed;
mod browser;
mod clients;
mod openapi;
mod rust_program;
mod served;
mod snippets;
