//! Values of the configuration that are more than a number or a text.

use std::fmt;

use domain::{
    calendar::parse_day,
    customers::Prices,
    dunning::Settle,
    money::Percent,
    tasks::RefundFailed,
    vat::{Country, NotACountry},
};
use gateway_http::faults::Dialect;
use jiff::{civil::Date, tz::TimeZone};
use secrecy::SecretString;
use serde::Deserialize;

/// The database's address, with its password in it: never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DatabaseUrl(tokio_postgres::Config);

impl DatabaseUrl {
    /// How to connect, as the owner.
    pub fn config(&self) -> &tokio_postgres::Config {
        &self.0
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = &'static str;

    fn try_from(url: String) -> Result<Self, Self::Error> {
        // Why it can't be read is not told: the reason may quote from the password.
        url.parse().map(Self).map_err(|_: tokio_postgres::Error| {
            "not a PostgreSQL connection string: write postgres://USER:PASSWORD@HOST:5432/NAME with special \
             characters percent-encoded, options such as ?sslmode=require (disable, prefer or require)"
        })
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// What the realms' roles are named after.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct RolePrefix(pub String);

impl Default for RolePrefix {
    fn default() -> Self {
        Self("vartai".to_owned())
    }
}

impl TryFrom<String> for RolePrefix {
    type Error = String;

    /// It stands in SQL and in PostgreSQL's own files, where there is no use for names that need escaping.
    fn try_from(prefix: String) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let begins = prefix.starts_with(|c: char| c.is_ascii_lowercase()) && !prefix.starts_with("pg_");
        if begins && prefix.len() <= 50 && prefix.chars().all(plain) {
            return Ok(Self(prefix));
        }
        Err(format!("{prefix:?} can't begin a role's name: write up to 50 of a-z, 0-9 and _, a letter first, not pg_"))
    }
}

/// A series of numbers of invoices or credit notes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct InvoiceSeries(pub String);

impl TryFrom<String> for InvoiceSeries {
    type Error = String;

    fn try_from(series: String) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
        if (1..=16).contains(&series.len()) && series.chars().all(plain) {
            return Ok(Self(series));
        }
        Err(format!("{series:?} can't be a series of invoices: write up to 16 of A-Z, 0-9 and -"))
    }
}

/// How often usage is read, in seconds: at least hourly (CONTRACT 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u16")]
pub struct SampleSeconds(u16);

impl SampleSeconds {
    /// In seconds.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl Default for SampleSeconds {
    fn default() -> Self {
        Self(300)
    }
}

impl TryFrom<u16> for SampleSeconds {
    type Error = String;

    fn try_from(seconds: u16) -> Result<Self, String> {
        match seconds {
            1..=3600 => Ok(Self(seconds)),
            _ => Err(format!("{seconds} s is not how often usage is read: write 1 to 3600")),
        }
    }
}

/// Whose error table is in force.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DialectName(pub Dialect);

impl TryFrom<String> for DialectName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let found = Dialect::ALL.into_iter().find(|dialect| dialect.name() == name);
        found.map(Self).ok_or_else(|| format!("{name:?} is no dialect: write friendhosting or rootpanel"))
    }
}

/// Whether prices contain the VAT.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PriceKind(pub Prices);

impl TryFrom<String> for PriceKind {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.as_str() {
            "gross" => Ok(Self(Prices::Gross)),
            "net" => Ok(Self(Prices::Net)),
            _ => Err(format!("{name:?} is no kind of prices: write gross (with VAT) or net (VAT is added)")),
        }
    }
}

/// A country by its two capital letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct CountryCode(pub Country);

impl TryFrom<String> for CountryCode {
    type Error = String;

    fn try_from(code: String) -> Result<Self, String> {
        code.parse().map(Self).map_err(|error: NotACountry| error.to_string())
    }
}

/// A country's VAT rate from a day on: `LT 2009-09-01 21`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct VatRate {
    /// Whose.
    pub country: Country,
    /// From this day on.
    pub from: Date,
    /// The rate.
    pub rate: Percent,
}

impl TryFrom<String> for VatRate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = || {
            let mut parts = text.split_ascii_whitespace();
            let country = parts.next()?.parse().ok()?;
            let from = parse_day(parts.next()?)?;
            let rate = parts.next()?.parse().ok()?;
            parts.next().is_none().then_some(Self { country, from, rate })
        };
        read().ok_or_else(|| format!("{text:?} is no rate of VAT: write COUNTRY DAY PERCENT, as LT 2009-09-01 21"))
    }
}

/// A number of days, at most ten years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u16")]
pub struct Days(pub u16);

impl TryFrom<u16> for Days {
    type Error = String;

    fn try_from(days: u16) -> Result<Self, String> {
        if days <= 3650 { Ok(Self(days)) } else { Err(format!("{days} days are too many: write 0 to 3650")) }
    }
}

/// What a payment provider's bridge signs with: never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct CallbackSecret(String);

impl CallbackSecret {
    /// The secret.
    pub fn secret(&self) -> SecretString {
        self.0.clone().into()
    }
}

impl TryFrom<String> for CallbackSecret {
    type Error = &'static str;

    fn try_from(secret: String) -> Result<Self, Self::Error> {
        if secret.len() >= 32 { Ok(Self(secret)) } else { Err("it is too short: write at least 32 random characters") }
    }
}

impl fmt::Debug for CallbackSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// What becomes of money that arrives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SettleName(pub Settle);

impl TryFrom<String> for SettleName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.as_str() {
            "by_invoice" => Ok(Self(Settle::ByInvoice)),
            "oldest_first" => Ok(Self(Settle::OldestFirst)),
            _ => Err(format!("{name:?} is no way to settle: write by_invoice or oldest_first")),
        }
    }
}

/// When the money for what failed for good is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct RefundFailedName(pub RefundFailed);

impl Default for RefundFailedName {
    fn default() -> Self {
        Self(RefundFailed::AtOnce)
    }
}

impl TryFrom<String> for RefundFailedName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.as_str() {
            "at_once" => Ok(Self(RefundFailed::AtOnce)),
            "by_staff" => Ok(Self(RefundFailed::ByStaff)),
            _ => Err(format!("{name:?} is not when money is returned: write at_once or by_staff")),
        }
    }
}

/// A time zone by its IANA name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Zone(pub TimeZone);

impl Default for Zone {
    fn default() -> Self {
        // The names are in the binary, so that this one is always found.
        Self(TimeZone::get("Europe/Vilnius").unwrap_or(TimeZone::UTC))
    }
}

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        TimeZone::get(&name).map(Self).map_err(|_| format!("no time zone {name:?}: write a name as Europe/Vilnius"))
    }
}

/// What links begin with, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicUrl(pub String);

impl TryFrom<String> for PublicUrl {
    type Error = String;

    fn try_from(url: String) -> Result<Self, String> {
        let bare = url.trim_end_matches('/');
        let host = bare.strip_prefix("https://").or_else(|| bare.strip_prefix("http://"));
        match host {
            Some(host) if !host.is_empty() && !host.contains([' ', '?', '#', '"', '<', '>']) => {
                Ok(Self(bare.to_owned()))
            }
            _ => Err(format!("{url:?} can't begin a link: write https://HOST or http://HOST:PORT")),
        }
    }
}

/// How lines of the log are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
