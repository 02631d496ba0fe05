//! Notices are sent: by e-mail, and to customers' webhooks.
//!
//! At least once: a worker that dies after a message was taken, and before that was written down, has it sent again,
//! under the same name (Message-ID, webhook-id). Nothing is lost while the outbox is kept (docs/adr/0025).

mod files;
mod lanes;
mod mail;
mod relay;
mod settings;
mod smtp;
mod webhook;

use std::time::Duration;

pub(crate) use files::sweep;
pub use relay::Relay;
pub use settings::{MailSettings, MailTransport, NoticeSettings, SmtpSecurity, SmtpSettings, WEBHOOK_ANSWER};

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// It was taken; by whom, for people.
    Sent(String),
    /// There is no way to send it.
    Nowhere(String),
    /// It is refused for good.
    Refused(String),
    /// It is worth another try.
    Again(Again),
    /// Whoever was told said that it is gone for good.
    Gone(String),
}

/// Why it is worth another try.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Again {
    /// What went wrong.
    why: String,
    /// Whether nothing else gets through there, either.
    whole: bool,
    /// How long it asks to be left alone.
    after: Duration,
}

impl Again {
    /// Nothing gets through.
    fn whole(why: impl Into<String>) -> Self {
        Self { why: why.into(), whole: true, after: Duration::ZERO }
    }
}
