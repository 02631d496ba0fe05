//! The outbox: notices of what happened, until they are sent. Triggers write them (`migrations/realm/0035_notices`), but
//! for those that no change of a row brings about: [`remind()`] and [`remind_balances()`].

mod balances;
mod deliver;
mod list;
mod remind;
mod webhooks;

pub use balances::remind_balances;
pub use deliver::{
    Addressee, Claimed, Target, Webhook, claim, fail, fail_webhook, is_due, keep_trying, sent, skip, succeed_webhook,
    sweep,
};
pub use list::{NoticeFilter, NoticeRow, Trouble, list, retry, show, trouble};
pub use remind::remind;
pub use webhooks::{NewSecret, OLD_SECRET_HOURS, WebhookRow, remove, rotate, set, webhooks};
