//! The catalogue in force, and bringing another into force.

mod apply;
mod cache;
mod rates;

pub use apply::{apply, in_force};
pub use cache::{CatalogueCache, newest};
pub use rates::{NewRate, RateRow, rates, set_rate};
