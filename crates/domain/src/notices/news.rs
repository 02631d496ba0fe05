//! What there is to tell: the facts of an event as they were when it happened.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

/// An event with its facts, as the outbox keeps them. None of them is a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", content = "facts")]
pub enum News {
    /// An order's service is there.
    #[serde(rename = "order.ready")]
    OrderReady(OrderNews),
    /// An order's paid time ends soon.
    #[serde(rename = "order.expiring")]
    OrderExpiring(OrderNews),
    /// An order was suspended.
    #[serde(rename = "order.suspended")]
    OrderSuspended(OrderNews),
    /// An order has ended.
    #[serde(rename = "order.terminated")]
    OrderTerminated(OrderNews),
    /// An order waits for staff.
    #[serde(rename = "order.manual")]
    OrderManual(OrderNews),
    /// There is an invoice to pay.
    #[serde(rename = "invoice.issued")]
    InvoiceIssued(InvoiceNews),
    /// An invoice was paid.
    #[serde(rename = "invoice.paid")]
    InvoicePaid(InvoiceNews),
    /// The balance won't do for the renewals that are coming.
    #[serde(rename = "balance.low")]
    BalanceLow(BalanceLow),
    /// A customer's webhook was given up.
    #[serde(rename = "webhook.disabled")]
    WebhookDisabled(WebhookDisabled),
    /// Tasks wait for a hypervisor that can't be asked: for staff alone.
    #[serde(rename = "tasks.waiting")]
    TasksWaiting(TasksWaiting),
}

impl News {
    /// The event's name, as webhooks tell it: `order.ready`.
    #[must_use]
    pub const fn event(&self) -> &'static str {
        match self {
            Self::OrderReady(_) => "order.ready",
            Self::OrderExpiring(_) => "order.expiring",
            Self::OrderSuspended(_) => "order.suspended",
            Self::OrderTerminated(_) => "order.terminated",
            Self::OrderManual(_) => "order.manual",
            Self::InvoiceIssued(_) => "invoice.issued",
            Self::InvoicePaid(_) => "invoice.paid",
            Self::BalanceLow(_) => "balance.low",
            Self::WebhookDisabled(_) => "webhook.disabled",
            Self::TasksWaiting(_) => "tasks.waiting",
        }
    }

    /// The order that it is of, if it is of one.
    #[must_use]
    pub const fn order(&self) -> Option<&OrderNews> {
        match self {
            Self::OrderReady(order)
            | Self::OrderExpiring(order)
            | Self::OrderSuspended(order)
            | Self::OrderTerminated(order)
            | Self::OrderManual(order) => Some(order),
            Self::InvoiceIssued(invoice) | Self::InvoicePaid(invoice) => Some(&invoice.order),
            Self::BalanceLow(_) | Self::WebhookDisabled(_) | Self::TasksWaiting(_) => None,
        }
    }
}

/// What is told of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderNews {
    /// Its id.
    pub order: i64,
    /// Of which tariff.
    pub tariff: i64,
    /// For which domain, in Unicode.
    pub domain: Option<String>,
    /// The day until which it is paid.
    pub until: Option<Date>,
    /// `customer` or `system`, of one that was suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Whether it had ever been paid, of one that has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<bool>,
    /// Days until its paid time ends, of one that does so soon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i32>,
}

/// What is told of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceNews {
    /// Its order.
    #[serde(flatten)]
    pub order: OrderNews,
    /// Its id; the number on paper comes after payment.
    pub invoice: i64,
    /// `order`, `renewal` or `change`.
    pub purpose: String,
    /// The months that it pays for; 0 for a change.
    pub months: u16,
    /// Minor units, gross.
    pub total: i64,
    /// ISO 4217.
    pub currency: String,
}

/// What is told of a balance that won't do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceLow {
    /// Minor units in the wallets.
    pub balance: i64,
    /// Minor units that are missing for all renewals in view.
    pub missing: i64,
    /// ISO 4217.
    pub currency: String,
    /// The day of the first renewal that it won't do for.
    pub ends_on: Date,
    /// The orders that won't be renewed.
    pub orders: Vec<i64>,
}

/// What is told of a webhook that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDisabled {
    /// Its number.
    pub webhook: i64,
    /// Where it is.
    pub url: String,
    /// For how many days nothing could be delivered; 0 for one that is gone.
    pub days: u16,
    /// Whether it said itself that it is gone for good.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
}

/// What staff are told of a hypervisor that can't be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TasksWaiting {
    /// Its driver.
    pub driver: String,
    /// The kind of failure: `unavailable` or `configuration`.
    pub class: String,
    /// What the newest try said.
    pub why: String,
    /// Since when a task has waited for it.
    pub since: Timestamp,
}
