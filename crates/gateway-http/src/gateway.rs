//! The gateway as a whole: from the fields of a request to the bytes of its answer.

use std::net::IpAddr;

use domain::{customers::CustomerId, language::Language};
use store::Database;

use crate::{
    auth::{Admitted, AuthSettings, Denied, Protection, authenticate},
    command::{COMMON_FIELDS, Outcome, Unknown, answer},
    commands,
    faults::{Dialect, Fault, Refusal, error_reply},
    reply::{Format, Reply},
    request::Fields,
};

/// What of the gateway is configured.
#[derive(Debug, Clone, Default)]
pub struct GatewaySettings {
    /// `apih.dialect`.
    pub dialect: Dialect,
    /// Authentication.
    pub auth: AuthSettings,
}

/// The reseller gateway.
pub struct Gateway {
    db: Database,
    protection: Protection,
    settings: GatewaySettings,
}

/// An answer on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Its bytes.
    pub body: Vec<u8>,
    /// In which format they are.
    pub format: Format,
    /// The fault in it, also a non-critical one.
    pub fault: Option<Fault>,
    /// When to come again, in seconds (code 100).
    pub retry_after: Option<u64>,
    /// Names in the request that its command doesn't know, and whose request it was.
    pub unknown: Option<(CustomerId, Unknown)>,
}

impl Gateway {
    /// A gateway on a database.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn new(db: Database, settings: GatewaySettings) -> Result<Self, getrandom::Error> {
        let protection = Protection::new(&settings.auth)?;
        Ok(Self { db, protection, settings })
    }

    /// The database.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.db
    }

    /// What all surfaces of a process share.
    #[must_use]
    pub const fn protection(&self) -> &Protection {
        &self.protection
    }

    /// What of it is configured.
    #[must_use]
    pub const fn settings(&self) -> &GatewaySettings {
        &self.settings
    }

    /// Answers a request.
    pub async fn answer(&self, fields: &Fields, address: IpAddr) -> Answered {
        let format = Format::of(fields.text("json"));
        let settled = authenticate(fields, address, &self.db, &self.protection, &self.settings.auth).await;
        let Admitted { caller, pass: _held } = match settled {
            Ok(admitted) => admitted,
            Err(Denied { refusal, language, retry_after }) => {
                return Answered { retry_after, ..self.refused(&refusal, language, format) };
            }
        };
        let command = fields.text("command").and_then(commands::find);
        let unknown = command.and_then(|command| Unknown::of(fields, command.spec(), COMMON_FIELDS));
        let answered = match answer(&self.db, self.settings.dialect, &caller, fields, unknown.as_ref(), format).await {
            Outcome::Done(body, fault) => Answered { body, format, fault, retry_after: None, unknown: None },
            Outcome::Refused(refusal) => self.refused(&refusal, caller.language, format),
        };
        Answered { unknown: unknown.map(|unknown| (caller.customer, unknown)), ..answered }
    }

    /// A refusal in writing.
    #[must_use]
    pub fn refused(&self, refusal: &Refusal, language: Language, format: Format) -> Answered {
        let reply = error_reply(refusal, self.settings.dialect, language);
        let body = format.encode(&reply).unwrap_or_else(|error| {
            tracing::error!(%error, "a refusal can't be put in writing");
            plain(format)
        });
        Answered { body, format, fault: Some(refusal.fault), retry_after: None, unknown: None }
    }
}

/// The last resort: code 2 without a detail.
fn plain(format: Format) -> Vec<u8> {
    let reply: Reply = error_reply(&Fault::NotSaved.into(), Dialect::default(), Language::default());
    format.encode(&reply).unwrap_or_default()
}
