//! The surface as a whole: from the fields of a request to the bytes of its answer.

use std::net::IpAddr;

use domain::{customers::CustomerId, language::Language};
use gateway_http::{
    auth::{AuthSettings, Protection, address},
    command::Unknown,
    reply::{Map, Reply},
    request::Fields,
};
use ipnetwork::IpNetwork;
use store::Database;

use crate::{
    caller::{Denied, authenticate},
    command::answer,
    commands,
    fault::Fault,
};

/// What of the surface is configured.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Where it may be called from: the provider's own networks.
    pub allowed_networks: Vec<IpNetwork>,
    /// What links in answers begin with.
    pub public_url: String,
    /// Authentication.
    pub auth: AuthSettings,
}

/// The account and server API.
pub struct Api {
    db: Database,
    protection: Protection,
    settings: ApiSettings,
}

/// The fields of every command.
const COMMON_FIELDS: &[&str] = &["command", "nick", "password"];

/// An answer on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// JSON.
    pub body: Vec<u8>,
    /// When to come again, in seconds (429).
    pub retry_after: Option<u64>,
    /// Names in the request that its command doesn't know, and whose request it was.
    pub unknown: Option<(CustomerId, Unknown)>,
}

impl Api {
    /// The surface on a database. `protection` is the process's: passwords are hashed behind one queue, and a customer's
    /// requests pass one gate.
    #[must_use]
    pub const fn new(db: Database, protection: Protection, settings: ApiSettings) -> Self {
        Self { db, protection, settings }
    }

    /// The database.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.db
    }

    /// What it shares with the other surfaces of the process.
    #[must_use]
    pub const fn protection(&self) -> &Protection {
        &self.protection
    }

    /// What of it is configured.
    #[must_use]
    pub const fn settings(&self) -> &ApiSettings {
        &self.settings
    }

    /// Answers a request.
    pub async fn answer(&self, fields: &Fields, from: IpAddr) -> Answered {
        let networks = &self.settings.allowed_networks;
        if networks.is_empty() || !address::allowed(networks, from) {
            return refused(Fault::Network, Language::Lt, None);
        }
        let (caller, _held) = match authenticate(fields, from, &self.db, &self.protection).await {
            Ok(admitted) => admitted,
            Err(Denied { fault, retry_after }) => return refused(fault, Language::Lt, retry_after),
        };
        let command = fields.text("command").and_then(commands::find);
        let unknown = command.and_then(|command| Unknown::of(fields, command.spec(), COMMON_FIELDS));
        let reply = answer(&self.db, &self.settings, &caller, fields, unknown.as_ref()).await;
        let answered = match reply.and_then(|reply| Ok(reply.to_json()?)) {
            Ok(body) => Answered { status: 200, body, retry_after: None, unknown: None },
            Err(failure) => refused(failure.told(Fault::Database, Fault::Database), caller.language, None),
        };
        Answered { unknown: unknown.map(|unknown| (caller.buyer.customer, unknown)), ..answered }
    }
}

/// A refusal in writing: exactly `{"error": "<text>"}`.
#[must_use]
pub fn refused(fault: Fault, language: Language, retry_after: Option<u64>) -> Answered {
    let reply: Reply = Map::new().with("error", fault.text(language)).into();
    let body = reply.to_json().unwrap_or_else(|_| br#"{"error":""}"#.to_vec());
    Answered { status: fault.status(), body, retry_after, unknown: None }
}
