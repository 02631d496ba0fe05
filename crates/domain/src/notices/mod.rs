//! What customers and staff are told, and when what nobody does is worth a notice.

mod forecast;
mod news;
mod reminders;

pub use forecast::{Funds, Renewing, Shortfall, Upcoming, forecast};
pub use news::{BalanceLow, InvoiceNews, News, OrderNews, TasksWaiting, WebhookDisabled};
pub use reminders::{RemindDays, RemindDaysError};
