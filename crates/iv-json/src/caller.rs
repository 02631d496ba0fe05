//! Who asks: an API user of a customer (CONTRACT 2.1).

use std::net::IpAddr;

use domain::{customers::CustomerId, language::Language, money::Currency};
use gateway_http::{
    auth::{Attempt, Crowded, Guest, Pass, Protection, Verdict},
    request::{Fields, has_control},
};
use jiff::Timestamp;
use store::{
    Database, Error, RealmKind,
    customers::{NickCredentials, nick_credentials},
    orders::Buyer,
};

use crate::fault::Fault;

/// The nick of test access (CONTRACT 1.6).
const TEST_NICK: &str = "test";
/// Whose nicks these are, beside other surfaces' logins.
const SURFACE: &str = "json";
/// The longest nick there can be, in characters.
const LONGEST_NICK: usize = 64;

/// The API user that asks, and for whom.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Where all that is the customer's lies.
    pub realm: RealmKind,
    /// The customer that it acts for.
    pub buyer: Buyer,
    /// The customer's language.
    pub language: Language,
    /// The moment of the query, by the database's clock.
    pub now: Timestamp,
}

/// Who asks is not let in.
pub(crate) struct Denied {
    pub fault: Fault,
    pub retry_after: Option<u64>,
}

impl From<Crowded> for Denied {
    fn from(crowded: Crowded) -> Self {
        Self { fault: Fault::TooMany, retry_after: Some(crowded.retry_after_seconds) }
    }
}

impl From<Fault> for Denied {
    fn from(fault: Fault) -> Self {
        Self { fault, retry_after: None }
    }
}

/// Settles who asks, with a place to be held until it is answered. A nick that there isn't is answered like a wrong
/// password, after the same work.
pub(crate) async fn authenticate(
    fields: &Fields,
    address: IpAddr,
    db: &Database,
    protection: &Protection,
) -> Result<(Caller, Pass), Denied> {
    let caller = identify(fields, address, db, protection).await?;
    let guest = Guest {
        realm: caller.realm.schema().to_owned(),
        customer: caller.buyer.customer,
        address: (caller.realm == RealmKind::Test).then_some(address),
    };
    let pass = protection.admission.enter(guest).await?;
    Ok((caller, pass))
}

async fn identify(fields: &Fields, address: IpAddr, db: &Database, protection: &Protection) -> Result<Caller, Denied> {
    let (Some(nick), Some(password)) = (fields.text("nick"), fields.secret("password")) else {
        return Err(Fault::Credentials.into());
    };
    if has_control(nick) || nick.chars().count() > LONGEST_NICK {
        return Err(Fault::Credentials.into());
    }
    let kind = if nick == TEST_NICK { RealmKind::Test } else { RealmKind::Live };
    let pass = protection.admission.look_up(SURFACE, nick, address).await?;
    let found = db.realm(kind).read(async |connection| nick_credentials(connection, nick).await).await;
    drop(pass);
    let found = found.map_err(|error| {
        store::log_failure!(error, error, "an API user can't be looked up");
        Fault::Database
    })?;
    let attempt = Attempt {
        realm: match kind {
            RealmKind::Live => "live nicks",
            RealmKind::Test => "test nicks",
        },
        login: nick,
        customer: found.as_ref().map(|user| (user.id, user.version)),
        phc: found.as_ref().map(|user| user.password_hash.as_str()),
        password,
        address,
    };
    match protection.verifier.check(&attempt).await {
        Verdict::Right => {}
        Verdict::Wrong => {
            if let Some(left_out) = protection.denied.may_say(address) {
                tracing::info!(?nick, %address, left_out, "not authenticated");
            }
            return Err(Fault::Credentials.into());
        }
        Verdict::TooMany { retry_after_seconds } => {
            return Err(Denied { fault: Fault::TooMany, retry_after: Some(retry_after_seconds) });
        }
    }
    let found = found.ok_or(Fault::Credentials)?;
    caller(kind, &found).map_err(|error| {
        tracing::error!(%error, "an API user can't be read");
        Fault::Database.into()
    })
}

fn caller(realm: RealmKind, user: &NickCredentials) -> Result<Caller, Error> {
    let currency: Currency = user.currency.parse().map_err(Error::corrupt)?;
    Ok(Caller {
        realm,
        buyer: Buyer { customer: CustomerId(user.customer_id), currency, vat: user.vat.standing()? },
        language: user.language.parse().map_err(Error::corrupt)?,
        now: user.now,
    })
}
