//! Which VAT an invoice has: by who buys, in which country, on which day.
//!
//! The rules are those of services that are supplied by electronic means (Directive 2006/112/EC, Articles 44, 58, 59
//! and 196) and of where the union's VAT applies (Articles 5 to 7), and what of them a provider has to decide by itself is
//! its configuration (`[billing.vat]`).

mod country;
mod number;
mod rules;
mod territory;

pub use country::{Country, NotACountry};
pub use number::is_vat_number;
pub use rules::{NoOwnRate, Vat, VatAddress, VatGround, VatRules, VatStanding};
