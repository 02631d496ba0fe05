//! An order as decisions see it.

use std::{fmt, str::FromStr};

use jiff::civil::Date;

use super::ServerSpec;
use crate::{
    billing::Selection,
    calendar::{Months, days_between},
    catalogue::{TariffId, Vid},
    customers::CustomerId,
    domain_name::DomainName,
    money::Money,
};

/// An order's id in its realm (`orderid`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderId(pub i64);

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where an order is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderState {
    /// Its first invoice is unpaid.
    AwaitingPayment,
    /// Paid, and to be made by staff.
    Manual,
    /// Paid, and being made.
    Provisioning,
    /// Running.
    Active,
    /// Stopped by its customer or by the system.
    Suspended,
    /// Gone for good; not listed any more.
    Terminated,
}

impl OrderState {
    /// All states.
    pub const ALL: [OrderState; 6] =
        [Self::AwaitingPayment, Self::Manual, Self::Provisioning, Self::Active, Self::Suspended, Self::Terminated];

    /// As it stands in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AwaitingPayment => "awaiting_payment",
            Self::Manual => "manual",
            Self::Provisioning => "provisioning",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Terminated => "terminated",
        }
    }

    /// `status` of getOrders: 0 not processed, 1 processed, 2 suspended, 3 in processing (CONTRACT 1.5).
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::AwaitingPayment | Self::Manual => "0",
            Self::Active => "1",
            Self::Suspended | Self::Terminated => "2",
            Self::Provisioning => "3",
        }
    }
}

impl FromStr for OrderState {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|s| s.name() == text);
        found.ok_or_else(|| format!("{text:?} is not a state of an order"))
    }
}

/// Who suspended an order: only the system's suspension ends by itself when the order is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SuspendedBy {
    /// Its customer.
    Customer,
    /// The billing run, for being overdue.
    System,
}

impl SuspendedBy {
    /// As it stands in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::System => "system",
        }
    }
}

impl FromStr for SuspendedBy {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "customer" => Ok(Self::Customer),
            "system" => Ok(Self::System),
            _ => Err(format!("{text:?} is no one who suspends orders")),
        }
    }
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Whose it is.
    pub customer: CustomerId,
    /// Of which tariff.
    pub tariff: TariffId,
    /// The tariff's kind.
    pub vid: Vid,
    /// For which domain, if any.
    pub domain: Option<DomainName>,
    /// The period it was ordered for.
    pub months: Months,
    /// Its addons, in the order they were given.
    pub addons: Vec<Selection>,
    /// Where it is in its life.
    pub state: OrderState,
    /// Who suspended it, while it is suspended.
    pub suspended_by: Option<SuspendedBy>,
    /// Whether staff make it and change it by hand.
    pub by_hand: bool,
    /// The day it was first paid.
    pub start: Option<Date>,
    /// The day until which it is paid (`todate`).
    pub paid_until: Option<Date>,
    /// The day of month that renewals keep.
    pub anchor_day: i8,
    /// Its server, as it was last changed; none for hosting.
    pub server: Option<ServerSpec>,
    /// The monthly price that staff fixed for renewals.
    pub fixed_monthly: Option<Money>,
    /// Whether an invoice of it is unpaid (one raised ahead for renewal doesn't count).
    pub has_unpaid_invoice: bool,
}

impl Order {
    /// Days until the paid time ends; negative when overdue; none until it is paid.
    #[must_use]
    pub fn days_left(&self, today: Date) -> Option<i32> {
        self.paid_until.map(|until| days_between(today, until))
    }

    /// Whether its paid time is over.
    #[must_use]
    pub fn is_overdue(&self, today: Date) -> bool {
        self.days_left(today).is_some_and(|left| left < 0)
    }
}
