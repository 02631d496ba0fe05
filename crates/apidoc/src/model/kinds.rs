//! What values fields take. It stands beside the registries, and a test holds it against their examples: a field without
//! a kind, an example that its kind refuses or a malformed value that it admits fails.

use std::net::IpAddr;

use domain::{
    calendar::{parse_day, parse_span},
    domain_name::DomainName,
};

use super::Surface;

/// What values a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number that was answered before: digits.
    Id,
    /// A whole number, within bounds.
    Number {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A whole number, within bounds, or 0 for no limit.
    Limit {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A whole number, within the tariff's bounds.
    Size,
    /// A number of months that the tariff is sold for.
    Months,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// `YYYY-MM-DD`.
    Day,
    /// Days (`400d`) or hours (`12h`).
    Span,
    /// A domain name, other than Latin letters in UTF-8.
    Domain,
    /// Ids separated by commas, each perhaps with `:quantity`.
    Addons,
    /// Letters, digits, `_` and `-`.
    Token {
        /// The most characters.
        max: u32,
    },
    /// A secret, within lengths in characters.
    Secret {
        /// The fewest.
        min: u32,
        /// The most.
        max: u32,
    },
    /// An IP address.
    Address,
    /// The id of an operating system.
    Image,
    /// The name of a task's command.
    TaskCommand,
    /// Any text.
    Text,
}

/// The kind of a field, by its name; `None` where none is known.
#[must_use]
pub fn kind_of(surface: Surface, name: &str) -> Option<Kind> {
    match surface {
        Surface::Apih => of_apih(name),
        Surface::Json => of_json(name),
    }
}

fn of_apih(name: &str) -> Option<Kind> {
    Some(match name {
        "vid" => Kind::OneOf(&["hosting", "vds", "dedicated"]),
        "tarifid" | "orderid" | "after" => Kind::Id,
        "period" => Kind::Months,
        "domain" => Kind::Domain,
        "addons" => Kind::Addons,
        "requestid" => Kind::Token { max: 64 },
        "expect_todate" => Kind::Day,
        "advance" => Kind::Span,
        "limit" => Kind::Number { min: 1, max: 1000 },
        _ => return None,
    })
}

fn of_json(name: &str) -> Option<Kind> {
    Some(match name {
        "id" | "task_id" | "target_id" => Kind::Id,
        "count" => Kind::Number { min: 1, max: 1000 },
        "width" => Kind::Number { min: 1, max: 1000 },
        "cpu" | "ram" | "quota" | "bandwidth" => Kind::Size,
        "pps" => Kind::Number { min: 1000, max: 5000 },
        "pps_icmp" | "pps_udp" => Kind::Limit { min: 10, max: 500 },
        "pps_syn" => Kind::Limit { min: 2, max: 20 },
        "connlimit" => Kind::Limit { min: 16, max: 512 },
        "dry_run" => Kind::OneOf(&["0", "1"]),
        "domain" => Kind::Domain,
        "ip" => Kind::Address,
        "os" => Kind::Image,
        "task" => Kind::TaskCommand,
        "new_password" => Kind::Secret { min: 8, max: 64 },
        _ => return None,
    })
}

impl Kind {
    /// The key of its words in the texts.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Id => "kind_id",
            Self::Number { .. } => "kind_number",
            Self::Limit { .. } => "kind_limit",
            Self::Size => "kind_size",
            Self::Months => "kind_months",
            Self::OneOf(_) => "kind_one_of",
            Self::Day => "kind_day",
            Self::Span => "kind_span",
            Self::Domain => "kind_domain",
            Self::Addons => "kind_addons",
            Self::Token { .. } => "kind_token",
            Self::Secret { .. } => "kind_secret",
            Self::Address => "kind_address",
            Self::Image => "kind_image",
            Self::TaskCommand => "kind_task",
            Self::Text => "kind_text",
        }
    }

    /// Its limits, without words: `1–1000`, `hosting, vds, dedicated`.
    #[must_use]
    pub fn limits(self) -> String {
        match self {
            Self::Number { min, max } | Self::Limit { min, max } | Self::Secret { min, max } => format!("{min}–{max}"),
            Self::Token { max } => format!("1–{max}"),
            Self::OneOf(values) => values.join(", "),
            Self::Day => "YYYY-MM-DD".to_owned(),
            Self::Span => "400d, 12h".to_owned(),
            Self::Id | Self::Size | Self::Months | Self::Domain | Self::Addons => String::new(),
            Self::Address | Self::Image | Self::TaskCommand | Self::Text => String::new(),
        }
    }

    /// Whether a value can be of this kind, as far as that can be told without the catalogue.
    #[must_use]
    pub fn admits(self, value: &str) -> bool {
        let digits = |value: &str| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        let name = |value: &str, also: &str| {
            value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || also.contains(c))
        };
        match self {
            Self::Id | Self::Size | Self::Months => digits(value),
            Self::Number { min, max } => value.parse::<u32>().is_ok_and(|number| (min..=max).contains(&number)),
            Self::Limit { min, max } => {
                value.parse::<u32>().is_ok_and(|number| number == 0 || (min..=max).contains(&number))
            }
            Self::OneOf(values) => values.contains(&value),
            Self::Day => parse_day(value).is_some(),
            Self::Span => parse_span(value).is_some(),
            Self::Domain => DomainName::parse(value).is_ok(),
            Self::Addons => value.split(',').all(|one| one.split(':').all(|part| digits(part.trim()))),
            Self::Token { max } => {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
                !value.is_empty() && u32::try_from(value.len()).is_ok_and(|n| n <= max) && value.bytes().all(plain)
            }
            Self::Secret { min, max } => u32::try_from(value.chars().count()).is_ok_and(|n| (min..=max).contains(&n)),
            Self::Address => value.parse::<IpAddr>().is_ok(),
            Self::Image => name(value, "-_.") && value.contains("_64"),
            Self::TaskCommand => value.starts_with("server_") && name(value, "_"),
            Self::Text => true,
        }
    }
}
