//! The catalogue as a TOML file: read, checked, compared with what is in force (CONTRACT 3, `vartai catalogue`).
//!
//! [`read`] turns a file into a [`domain::catalogue::Catalogue`] or tells every mistake in it at once; [`write()`] is its
//! inverse. [`plan`] says what would change, and [`applied`] is the catalogue after the change: nothing that orders
//! may hold on to is ever deleted, what the file no longer names is taken off sale. The keys of the file are described
//! at the head of `deploy/catalogue.demo.toml`.

mod applied;
mod fields;
mod mistake;
mod plan;
mod read;
mod subject;
mod write;

pub use applied::applied;
pub use mistake::Mistake;
pub use plan::{Change, FieldChange, Kind, Plan, plan};
pub use read::read;
pub use subject::Subject;
pub use write::write;

#[cfg(test)]
mod tests;
