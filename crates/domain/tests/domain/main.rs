//! The rules of the trade as properties, against oracles that are written another way.

mod build;
mod calendar;
mod money;
mod place;
mod power;
mod price;
mod renew;
