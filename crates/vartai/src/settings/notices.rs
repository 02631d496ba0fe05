//! `[mail]` and `[notices]`: how customers and staff are told what happens.

use std::{num::NonZeroU16, path::PathBuf, time::Duration};

use domain::notices::RemindDays;
use ipnetwork::IpNetwork;
use lettre::message::Mailbox;
use provisioner::notices::{
    MailSettings as Mail, MailTransport, NoticeSettings as Notices, SmtpSecurity, SmtpSettings, WEBHOOK_ANSWER,
};
use serde::Deserialize;

use super::Settings;

/// `[mail]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailSettings {
    /// Into files, or to a server.
    pub transport: TransportName,
    /// Who writes.
    pub from: Option<MailboxText>,
    /// Where staff are told.
    pub staff: Option<MailboxText>,
    /// Where files of mail are.
    pub directory: Option<PathBuf>,
    /// The server.
    pub smtp_host: String,
    /// Its port; the usual one of its security.
    pub smtp_port: Option<NonZeroU16>,
    /// How it is spoken to.
    pub smtp_security: SecurityName,
    /// Who logs in there.
    pub smtp_user: Option<String>,
    /// With the password in this file.
    pub smtp_password_file: Option<PathBuf>,
    /// Who signed its certificate.
    pub smtp_ca_file: Option<PathBuf>,
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            transport: TransportName::File,
            from: None,
            staff: None,
            directory: None,
            smtp_host: "localhost".to_owned(),
            smtp_port: None,
            smtp_security: SecurityName::Starttls,
            smtp_user: None,
            smtp_password_file: None,
            smtp_ca_file: None,
        }
    }
}

/// `[notices]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NoticeSettings {
    /// So many days before the end of an order, or of the balance, its customer is reminded.
    pub remind_days: RemindDaysList,
    /// What was tried for so many hours is given up.
    pub give_up_hours: NonZeroU16,
    /// Notices that ended, and files of mail, are kept for so many days.
    pub keep_days: KeepDays,
    /// A webhook to which nothing could be delivered for so many days is given up.
    pub disable_webhook_days: NonZeroU16,
    /// Networks that webhooks may be in beside the Internet.
    pub webhook_networks: Vec<IpNetwork>,
}

impl Default for NoticeSettings {
    fn default() -> Self {
        Self {
            remind_days: RemindDaysList(RemindDays::default()),
            give_up_hours: const { NonZeroU16::new(72).unwrap() },
            keep_days: KeepDays(90),
            disable_webhook_days: const { NonZeroU16::new(5).unwrap() },
            webhook_networks: Vec::new(),
        }
    }
}

/// Into files, or to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransportName {
    /// Into files.
    File,
    /// To a server.
    Smtp,
}

/// How a mail server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecurityName {
    /// By TLS after STARTTLS.
    Starttls,
    /// By TLS from the start.
    Tls,
    /// In the clear.
    None,
}

impl SecurityName {
    const fn security(self) -> SmtpSecurity {
        match self {
            Self::Starttls => SmtpSecurity::StartTls,
            Self::Tls => SmtpSecurity::Tls,
            Self::None => SmtpSecurity::None,
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::Starttls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// A name and an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct MailboxText(pub Mailbox);

impl TryFrom<String> for MailboxText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no e-mail address: write name@example.com, or Name <name@example.com>");
        if text.contains(char::is_control) {
            return Err(wrong());
        }
        text.parse().map(Self).map_err(|_| wrong())
    }
}

/// Days of reminders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<u16>")]
pub struct RemindDaysList(pub RemindDays);

impl TryFrom<Vec<u16>> for RemindDaysList {
    type Error = String;

    fn try_from(days: Vec<u16>) -> Result<Self, String> {
        RemindDays::new(&days).map(Self).map_err(|why| why.to_string())
    }
}

/// For how many days notices are kept: longer than any reminder is ahead, since a reminder that is forgotten comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u16")]
pub struct KeepDays(pub u16);

impl TryFrom<u16> for KeepDays {
    type Error = String;

    fn try_from(days: u16) -> Result<Self, String> {
        match days {
            _ if days <= RemindDays::FARTHEST => {
                Err(format!("{days} days are too few: write more than {}", RemindDays::FARTHEST))
            }
            _ if days > 3650 => Err(format!("{days} days are too many: write up to 3650")),
            _ => Ok(Self(days)),
        }
    }
}

impl Settings {
    /// How notices are sent.
    pub fn notices(&self) -> Notices {
        let (mail, notices) = (&self.mail, &self.notices);
        let transport = match mail.transport {
            TransportName::File => MailTransport::File,
            TransportName::Smtp => MailTransport::Smtp(SmtpSettings {
                host: mail.smtp_host.clone(),
                port: mail.smtp_port.map_or(mail.smtp_security.port(), NonZeroU16::get),
                security: mail.smtp_security.security(),
                login: mail.smtp_user.clone().zip(mail.smtp_password_file.clone()),
                ca_file: mail.smtp_ca_file.clone(),
            }),
        };
        Notices {
            mail: Mail {
                transport,
                from: self.sender(),
                staff: mail.staff.as_ref().map(|staff| staff.0.clone()),
                directory: mail.directory.clone().unwrap_or_else(|| self.data_dir.join("mail")),
            },
            give_up_after: Duration::from_hours(notices.give_up_hours.get().into()),
            keep_days: notices.keep_days.0,
            disable_webhook_days: notices.disable_webhook_days.get(),
            webhook_networks: notices.webhook_networks.clone(),
            webhook_answer: WEBHOOK_ANSWER,
        }
    }

    /// Who writes: as configured, or the company from its own address, or from nowhere.
    fn sender(&self) -> Mailbox {
        let of_company =
            || Some(Mailbox::new(Some(self.company.name.clone()), self.company.email.as_ref()?.parse().ok()?));
        let configured = self.mail.from.as_ref().map(|from| from.0.clone());
        configured.or_else(of_company).unwrap_or_else(nobody)
    }
}

/// For an installation that doesn't say who writes; its mail is in files at best.
#[expect(clippy::expect_used, reason = "the text is an address, which a test sees")]
fn nobody() -> Mailbox {
    "Vartai <vartai@localhost>".parse().expect("an address")
}
