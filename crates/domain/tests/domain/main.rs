//! The rules of the trade as properties, against oracles that are written another way.

#![expect(clippy::unwrap_used, reason = "what goes wrong here is a failed test")]

mod build;
mod calendar;
mod dunning;
mod money;
mod notices;
mod place;
mod power;
mod price;
mod rates;
mod renew;
mod vat;
