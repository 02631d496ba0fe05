//! What the program makes to be looked at, looked at in a real browser. Pictures stay in `target/screenshots`.

mod bed;
mod graphs;
mod invoices;
