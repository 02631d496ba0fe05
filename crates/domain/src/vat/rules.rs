//! The rules, and what they say of a buyer.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{
    Country, is_vat_number,
    territory::{counts_as, is_outside},
};
use crate::money::Percent;

/// The company's country, and the rates of the countries whose VAT it charges (`[billing.vat]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VatRules {
    seller: Country,
    rates: BTreeMap<Country, BTreeMap<Date, Percent>>,
}

/// The company's own country has no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no VAT rate of {0}, the company's own country")]
pub struct NoOwnRate(pub Country);

/// What the VAT of a buyer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VatStanding {
    /// The rate that staff set, where they did; it goes before the rules.
    pub fixed: Option<Percent>,
    /// The country whose VAT applies where the buyer is, if that is known.
    pub country: Option<Country>,
    /// Whether it is in a part of that country where the union's VAT does not apply.
    pub outside: bool,
    /// Whether it is registered for VAT there: its VAT code looks like one of that country's.
    pub registered: bool,
}

/// Why an invoice has the VAT that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VatGround {
    /// Staff set the rate for this customer, or nobody configured any rules.
    Fixed,
    /// It is the company's own country's.
    Seller,
    /// It is that of the country where a private customer lives (One Stop Shop).
    Destination,
    /// The buyer is registered in another member state, and accounts for it there.
    ReverseCharge,
    /// The buyer is where the European Union's VAT does not apply, or the company is.
    Export,
}

impl VatGround {
    /// All of them.
    pub const ALL: [VatGround; 5] = [Self::Fixed, Self::Seller, Self::Destination, Self::ReverseCharge, Self::Export];

    /// As it stands in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Seller => "seller",
            Self::Destination => "destination",
            Self::ReverseCharge => "reverse_charge",
            Self::Export => "export",
        }
    }
}

impl std::str::FromStr for VatGround {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|ground| ground.name() == text);
        found.ok_or_else(|| format!("{text:?} is no ground of VAT"))
    }
}

/// The VAT of an invoice that is issued now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vat {
    /// The rate.
    pub rate: Percent,
    /// Why that.
    pub ground: VatGround,
    /// The country whose rate it is, or whose buyer it is not charged to; none for a rate that staff set.
    pub country: Option<Country>,
}

impl Vat {
    /// A rate that staff set.
    #[must_use]
    pub const fn fixed(rate: Percent) -> Self {
        Self { rate, ground: VatGround::Fixed, country: None }
    }
}

/// What a customer's profile has for VAT, as it was entered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VatAddress<'a> {
    /// The country's two letters.
    pub country: Option<&'a str>,
    /// The postal code, by which parts of some countries are told from the rest.
    pub postal_code: Option<&'a str>,
    /// The VAT code.
    pub vat_code: Option<&'a str>,
}

impl VatStanding {
    /// A rate that staff set.
    #[must_use]
    pub const fn fixed(rate: Percent) -> Self {
        Self { fixed: Some(rate), country: None, outside: false, registered: false }
    }

    /// Of what is known of a customer: `fixed` where staff set a rate, and its profile. A country that can't be one is
    /// none.
    #[must_use]
    pub fn of(fixed: Option<Percent>, profile: VatAddress<'_>) -> Self {
        let VatAddress { country, postal_code, vat_code } = profile;
        let country: Option<Country> = country.and_then(|code| code.parse().ok()).map(counts_as);
        let outside = country.zip(postal_code).is_some_and(|(country, code)| is_outside(country, code));
        let registered = country.zip(vat_code).is_some_and(|(country, code)| is_vat_number(code, country));
        Self { fixed, country, outside, registered }
    }
}

impl VatRules {
    /// The rules of a company in `seller`, with rates from a day on.
    ///
    /// # Errors
    /// [`NoOwnRate`].
    pub fn new(seller: Country, rates: BTreeMap<Country, BTreeMap<Date, Percent>>) -> Result<Self, NoOwnRate> {
        let rules = Self { seller: counts_as(seller), rates };
        rules.rates.get(&rules.seller).filter(|of| !of.is_empty()).ok_or(NoOwnRate(rules.seller))?;
        Ok(rules)
    }

    /// A country's rate on a day: the newest that had begun, or its first. None for a country without any.
    #[must_use]
    pub fn rate(&self, of: Country, day: Date) -> Option<Percent> {
        let rates = self.rates.get(&of)?;
        rates.range(..=day).next_back().or_else(|| rates.first_key_value()).map(|(_, rate)| *rate)
    }

    /// The VAT of what is invoiced to a buyer on a day.
    ///
    /// A buyer whose country isn't known is taken for one of the company's own country: too much VAT can be given back,
    /// too little is the company's to pay. So is a private buyer of a member state for which no rate is configured, as
    /// the law has it until a company sells enough abroad.
    #[must_use]
    pub fn of(&self, buyer: &VatStanding, day: Date) -> Vat {
        let charged =
            |country: Country, ground| self.rate(country, day).map(|rate| Vat { rate, ground, country: Some(country) });
        let none = |ground, country| Vat { rate: Percent::ZERO, ground, country: Some(country) };
        let own = || charged(self.seller, VatGround::Seller).unwrap_or_else(|| none(VatGround::Seller, self.seller));
        match buyer.country {
            _ if buyer.fixed.is_some() => Vat::fixed(buyer.fixed.unwrap_or_default()),
            None => own(),
            Some(country) if buyer.outside => none(VatGround::Export, country),
            Some(country) if country == self.seller => own(),
            Some(country) if !(country.is_in_union() && self.seller.is_in_union()) => none(VatGround::Export, country),
            Some(country) if buyer.registered => none(VatGround::ReverseCharge, country),
            Some(country) => charged(country, VatGround::Destination).unwrap_or_else(own),
        }
    }
}

impl VatStanding {
    /// The VAT of what is invoiced to this buyer on a day. Without rules: the rate that staff set, or none.
    #[must_use]
    pub fn vat(&self, rules: Option<&VatRules>, day: Date) -> Vat {
        rules.map_or_else(|| Vat::fixed(self.fixed.unwrap_or_default()), |rules| rules.of(self, day))
    }
}
