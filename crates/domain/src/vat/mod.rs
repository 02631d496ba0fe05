//! Which VAT an invoice has: by who buys, in which country, on which day.
//!
//! The rules are those of services that are supplied by electronic means (Directive 2006/112/EC, Articles 44, 58, 59
//! and 196), and what of them a provider has to decide by itself is its configuration (`[billing.vat]`).

mod country;
mod number;
mod rules;

pub use country::{Country, NotACountry};
pub use number::is_vat_number;
pub use rules::{NoOwnRate, Vat, VatGround, VatRules, VatStanding};
