//! What the values of answers look like. It stands beside the registries, by the fields' names; a field that is not named
//! here is any text.

use super::Surface;

/// What a value of an answer looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// Digits.
    Number,
    /// An amount with the digits of its currency, perhaps less than nothing.
    Money,
    /// A percentage in its shortest form.
    Percent,
    /// `YYYY-MM-DD`, perhaps nothing.
    Day,
    /// `YYYY-MM-DD HH:MM:SS`.
    Moment,
    /// Days, perhaps less than none, perhaps nothing.
    Days,
    /// Three letters (ISO 4217).
    Currency,
    /// An address on the web.
    Link,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// Any text.
    Text,
}

const VIDS: &[&str] = &["hosting", "vds", "dedicated"];
const STATUS: &[&str] = &["0", "1", "2", "3"];
const FLAG: &[&str] = &["0", "1"];
const YES: &[&str] = &["yes", "no"];

impl Value {
    /// What the value of a field of a success looks like.
    #[must_use]
    pub fn of(surface: Surface, name: &str) -> Self {
        match surface {
            Surface::Apih => of_apih(name),
            Surface::Json => of_json(name),
        }
    }

    /// The regular expression that it matches, where it has one.
    #[must_use]
    pub const fn pattern(self) -> Option<&'static str> {
        match self {
            Self::Number => Some("^[0-9]+$"),
            Self::Money => Some(r"^-?[0-9]+(\.[0-9]+)?$"),
            Self::Percent => Some(r"^[0-9]+(\.[0-9]{1,2})?$"),
            Self::Day => Some("^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"),
            Self::Moment => Some("^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$"),
            Self::Days => Some("^(-?[0-9]+)?$"),
            Self::Currency => Some("^[A-Z]{3}$"),
            Self::Link => Some("^https?://[^ ]+$"),
            Self::OneOf(_) | Self::Text => None,
        }
    }
}

fn of_apih(name: &str) -> Value {
    match name {
        "orderid" | "tarifid" | "period" | "id" | "months" | "minQuantity" | "maxQuantity" => Value::Number,
        "balance" | "cost" | "costMonthly" | "costSetup" => Value::Money,
        "currency" => Value::Currency,
        "discount" => Value::Percent,
        "startdate" | "todate" => Value::Day,
        "orderdate" => Value::Moment,
        "leftdays" => Value::Days,
        "vid" => Value::OneOf(VIDS),
        "status" => Value::OneOf(STATUS),
        "domain_reg" => Value::OneOf(&["0", "1", "3"]),
        "allowWithoutDomain" | "allowForNewOrder" | "allowForRenew" | "groupRequired" => Value::OneOf(FLAG),
        _ => Value::Text,
    }
}

fn of_json(name: &str) -> Value {
    match name {
        "ac_id" | "us_id" | "or_id" | "or_number" | "se_id" | "cr_id" | "bo_id" | "ta_id" | "task_id" | "ad_id"
        | "ad_quantity" | "se_quantity" | "se_cpu" | "se_ram" | "se_quota" | "se_bandwidth" | "in_bw_in"
        | "in_bw_out" | "in_qt_limit" | "in_qt_usage" | "in_inodes_limit" | "in_inodes_usage" | "in_mm_limit"
        | "in_mm_usage" | "min_ram" | "pps" | "pps_icmp" | "pps_udp" | "pps_syn" | "connlimit" => Value::Number,
        "ac_credit" | "ac_bonus" | "or_cost" | "se_price" | "cr_amount" | "bo_amount" | "price" | "cost" => {
            Value::Money
        }
        "currency" => Value::Currency,
        "se_discount" => Value::Percent,
        "se_since" | "se_until" => Value::Day,
        "ac_created" | "us_created" | "or_created" | "or_paid" | "se_created" | "cr_created" | "bo_created"
        | "ta_activated" | "ta_assigned" | "ta_completed" => Value::Moment,
        "us_inactive" | "us_subuser" => Value::OneOf(YES),
        "panel" => Value::OneOf(&["yes"]),
        "arch" => Value::OneOf(&["64-bit", "32-bit"]),
        "se_status" => Value::OneOf(STATUS),
        "or_url" | "traffic_daily" => Value::Link,
        _ => Value::Text,
    }
}
