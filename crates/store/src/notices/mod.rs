//! The outbox: notices of what happened, until they are sent. Triggers write them (`migrations/realm/0035_notices`),
//! but for those that no change of a row brings about: [`remind()`] and [`remind_balances()`].

mod balances;
mod deliver;
mod failing;
mod list;
mod remind;
mod staff;
mod webhooks;

pub use balances::remind_balances;
pub use deliver::{Addressee, Claimed, Lanes, Target, Webhook, claim, fail, is_due, keep_trying, sent, skip, sweep};
pub use failing::{end_webhook, fail_webhook, succeed_webhook};
pub use list::{NoticeFilter, NoticeRow, Trouble, list, retry, show, trouble};
pub use remind::remind;
pub(crate) use staff::tell_staff;
pub use webhooks::{NewSecret, OLD_SECRET_HOURS, Old, WebhookRow, remove, rotate, set, webhooks};
