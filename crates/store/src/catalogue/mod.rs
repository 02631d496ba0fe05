//! The catalogue in force, and bringing another into force.

mod apply;
mod cache;

pub use apply::{apply, in_force};
pub use cache::CatalogueCache;
