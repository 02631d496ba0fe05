//! The reference page on `/apidoc.php`, generated from the command registries of both surfaces (CONTRACT 1.7).
//!
//! [`model`] is what there is to tell, [`examples`] makes the calls that it shows in a scratch realm, [`page`] writes it
//! as HTML, and [`publish`] keeps it up to date and serves it.

pub mod clients;
pub mod examples;
pub mod http;
pub mod machine;
pub mod model;
pub mod openapi;
mod packed;
pub mod page;
pub mod publish;
pub mod snippets;
mod texts;
