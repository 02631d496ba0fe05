//! The company's days.

use super::Limits;
use crate::{catalogue::Tariff, notices::RemindDays};

/// How long an order that isn't renewed is left alone, and then kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lapse {
    /// Days that an overdue order runs on.
    pub grace_days: u16,
    /// Days that it is kept from its suspension on, before it ends for good.
    pub keep_days: u16,
}

impl Lapse {
    /// A tariff's own days, where the catalogue says any.
    #[must_use]
    pub fn of(self, tariff: Option<&Tariff>) -> Self {
        Self {
            grace_days: tariff.and_then(|t| t.grace_days).unwrap_or(self.grace_days),
            keep_days: tariff.and_then(|t| t.keep_days).unwrap_or(self.keep_days),
        }
    }
}

/// What becomes of money that arrives while invoices are unpaid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Settle {
    /// It is credit; an invoice is paid when somebody says so.
    #[default]
    ByInvoice,
    /// It pays the customer's oldest unpaid invoice, then the next, until one is more than what is left.
    OldestFirst,
}

/// The company's rules for orders that nobody calls about (`[billing]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// An order that renews by itself does so this many days before its paid time ends.
    pub renew_days_before: u16,
    /// Others get a proforma this many days before.
    pub proforma_days_before: u16,
    /// Unless the tariff says otherwise.
    pub lapse: Lapse,
    /// An order that nobody paid for so many days ends.
    pub unpaid_order_days: u16,
    /// What becomes of money that arrives.
    pub settle: Settle,
    /// How long before the end customers are reminded.
    pub remind_days: RemindDays,
    /// When the run asks for a person.
    pub limits: Limits,
    /// Days that an exchange rate may be old for a new order; any number where it says none.
    pub rate_days: Option<u16>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            renew_days_before: 3,
            proforma_days_before: 14,
            lapse: Lapse { grace_days: 3, keep_days: 14 },
            unpaid_order_days: 30,
            settle: Settle::ByInvoice,
            remind_days: RemindDays::default(),
            limits: Limits::default(),
            rate_days: None,
        }
    }
}
