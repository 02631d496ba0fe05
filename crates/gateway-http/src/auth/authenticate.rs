//! The checks of CONTRACT 1.4 up to code 5, in their order.

use std::net::IpAddr;

use domain::{customers::CustomerId, language::Language, money::Currency, vat::VatStanding};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use store::{
    Database, RealmKind, Tx,
    customers::{self, Credentials},
};

use super::{Attempt, AuthSettings, Crowded, Guest, Pass, Protection, Verdict, Verifier, address, keys};
use crate::{
    faults::{Fault, Refusal},
    request::{Fields, has_control},
};

/// The login of test access, reserved in the live realm (CONTRACT 1.6).
const TEST_LOGIN: &str = "test";
/// Whose logins these are, beside those of other surfaces.
const SURFACE: &str = "apih";
/// The longest login there can be, in characters.
const LONGEST_LOGIN: usize = 64;

/// The customer that asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Where all that is the customer's lies.
    pub realm: RealmKind,
    /// The customer's own test realm, where a test key led there.
    pub own_realm: Option<String>,
    /// As it was given.
    pub login: String,
    /// The customer.
    pub customer: CustomerId,
    /// Its currency.
    pub currency: Currency,
    /// Its language.
    pub language: Language,
    /// What the VAT of its new invoices depends on.
    pub vat: VatStanding,
    /// The moment of the query, by the database's clock.
    pub now: Timestamp,
}

impl Caller {
    /// Whose places its requests take.
    #[must_use]
    pub fn guest(&self, address: IpAddr) -> Guest {
        let schema = self.realm.schema();
        Guest {
            realm: self.own_realm.clone().unwrap_or_else(|| schema.to_owned()),
            customer: self.customer,
            address: (self.realm == RealmKind::Test && self.own_realm.is_none()).then_some(address),
        }
    }
}

/// Who asks is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Why.
    pub refusal: Refusal,
    /// The customer's language once it is known who asks, Russian before. While unknown logins are hidden the
    /// language would tell, so that it is known with the right secret alone.
    pub language: Language,
    /// With code 100, when to come again, in seconds: `Retry-After`.
    pub retry_after: Option<u64>,
}

impl Denied {
    fn new(fault: Fault, language: Language) -> Self {
        Self { refusal: fault.into(), language, retry_after: None }
    }

    /// There is no place for it.
    fn crowded(crowded: Crowded, language: Language) -> Self {
        Self { retry_after: Some(crowded.retry_after_seconds), ..Self::new(Fault::TooManyRequests, language) }
    }
}

/// A caller that is let in.
#[derive(Debug)]
pub struct Admitted {
    /// Who asks.
    pub caller: Caller,
    /// Its place, to be held until it is answered.
    pub pass: Pass,
}

/// Settles who asks (CONTRACT 1.4): 3 no login, 9 both secrets, 6 none, 1 no database, 4 no such login, 54 not from
/// this address, 100 too many failures, 7 wrong secret, 5 not open to this customer, 100 too many of its requests; the
/// first that fails answers.
///
/// With `hide_unknown_logins`, a login that there isn't is answered like a wrong secret, after the same work, and 54
/// comes after 7.
///
/// # Errors
/// [`Denied`]. It is logged, at a bounded rate, with the login and the address and never the secret.
pub async fn authenticate(
    fields: &Fields,
    address: IpAddr,
    db: &Database,
    protection: &Protection,
    settings: &AuthSettings,
) -> Result<Admitted, Denied> {
    let settled = async {
        let claim = Claim::read(fields).map_err(|fault| Denied::new(fault, Language::default()))?;
        let found = claim.look_up(db, protection, address).await?;
        Gate { claim: &claim, address, verifier: &protection.verifier, settings }.pass(found).await
    };
    let caller = settled.await.inspect_err(|denied| tell(denied, fields, address, protection))?;
    let entering = protection.admission.enter(caller.guest(address)).await;
    let pass = entering.map_err(|crowded| Denied::crowded(crowded, caller.language))?;
    note_use(db, &caller).await?;
    Ok(Admitted { caller, pass })
}

fn tell(denied: &Denied, fields: &Fields, address: IpAddr, protection: &Protection) {
    // Whoever is not let in for want of a database is no stranger.
    if denied.refusal.fault == Fault::NoDatabase {
        return;
    }
    let Some(left_out) = protection.denied.may_say(address) else { return };
    let login: String = fields.text("login").unwrap_or_default().chars().take(LONGEST_LOGIN).collect();
    tracing::info!(code = denied.refusal.fault.code(), ?login, %address, left_out, "not authenticated");
}

/// A test key that is used keeps its realm awake.
async fn note_use(db: &Database, caller: &Caller) -> Result<(), Denied> {
    if caller.own_realm.is_none() {
        return Ok(());
    }
    let note = async |tx: &mut Tx| customers::note_use(tx, caller.customer).await;
    let noting = db.live.transaction("note test mode", note);
    noting.await.map_err(|error: store::Error| {
        store::log_failure!(error, error, "the use of a test key can't be noted");
        Denied::new(Fault::NoDatabase, caller.language)
    })
}

/// Who the request says it is from.
struct Claim<'a> {
    realm: RealmKind,
    login: &'a str,
    secret: Secret<'a>,
}

enum Secret<'a> {
    Password(&'a SecretString),
    Key(&'a SecretString),
}

impl<'a> Claim<'a> {
    /// What can be told from the fields alone.
    fn read(fields: &'a Fields) -> Result<Self, Fault> {
        let login = fields.text("login").ok_or(Fault::NoLogin)?;
        let secret = match (fields.secret("pass"), fields.secret("apikey")) {
            (Some(_), Some(_)) => return Err(Fault::TwoSecrets),
            (None, None) => return Err(Fault::NoSecret),
            (Some(password), None) => Secret::Password(password),
            (None, Some(key)) => Secret::Key(key),
        };
        let realm = if login == TEST_LOGIN { RealmKind::Test } else { RealmKind::Live };
        Ok(Self { realm, login, secret })
    }

    /// Whether anyone could have this login. Where not, PostgreSQL is not asked: it can't even be told a NUL.
    fn is_login(&self) -> bool {
        !has_control(self.login) && self.login.chars().count() <= LONGEST_LOGIN
    }

    async fn look_up(
        &self,
        db: &Database,
        protection: &Protection,
        address: IpAddr,
    ) -> Result<Option<Credentials>, Denied> {
        if !self.is_login() {
            return Ok(None);
        }
        let pass = protection.admission.look_up(SURFACE, self.login, address).await;
        let _pass = pass.map_err(|crowded| Denied::crowded(crowded, Language::default()))?;
        let read = match self.secret {
            // It is the customer's login of the live realm; what it opens is told by the key.
            Secret::Key(key) if self.realm == RealmKind::Live && keys::is_test(key.expose_secret()) => {
                db.live.read(async |conn| customers::test_credentials(conn, self.login).await).await
            }
            Secret::Key(_) | Secret::Password(_) => {
                db.realm(self.realm).read(async |conn| customers::credentials(conn, self.login).await).await
            }
        };
        read.map_err(|error: store::Error| {
            store::log_failure!(error, error, "credentials can't be read");
            Denied::new(Fault::NoDatabase, Language::default())
        })
    }
}

/// The checks of a claim against what is stored.
struct Gate<'a> {
    claim: &'a Claim<'a>,
    address: IpAddr,
    verifier: &'a Verifier,
    settings: &'a AuthSettings,
}

impl Gate<'_> {
    async fn pass(&self, found: Option<Credentials>) -> Result<Caller, Denied> {
        let credentials = if self.settings.hide_unknown_logins {
            self.check_secret(found.as_ref(), Language::default()).await?;
            let credentials = found.ok_or(Denied::new(Fault::WrongSecret, Language::default()))?;
            self.check_address(&credentials)?;
            credentials
        } else {
            let credentials = found.ok_or(Denied::new(Fault::UnknownLogin, Language::default()))?;
            self.check_address(&credentials)?;
            self.check_secret(Some(&credentials), credentials.language).await?;
            credentials
        };
        if !credentials.open {
            return Err(Denied::new(Fault::ApiOff, credentials.language));
        }
        Ok(self.caller(&credentials))
    }

    fn check_address(&self, credentials: &Credentials) -> Result<(), Denied> {
        if address::allowed(&credentials.networks, self.address) {
            Ok(())
        } else {
            Err(Denied::new(Fault::AddressRefused, credentials.language))
        }
    }

    /// Where nobody has the login, the same work is done and the secret is wrong.
    async fn check_secret(&self, of: Option<&Credentials>, language: Language) -> Result<(), Denied> {
        let verdict = match self.claim.secret {
            Secret::Password(password) => self.verifier.check(&self.attempt(of, password)).await,
            Secret::Key(key) => {
                let digests = of.map_or(&[][..], |credentials| &credentials.key_digests);
                self.verifier.check_key(&Attempt { phc: None, ..self.attempt(of, key) }, digests)
            }
        };
        match verdict {
            Verdict::Right => Ok(()),
            Verdict::Wrong => Err(Denied::new(Fault::WrongSecret, language)),
            Verdict::TooMany { retry_after_seconds } => {
                Err(Denied { retry_after: Some(retry_after_seconds), ..Denied::new(Fault::TooManyRequests, language) })
            }
        }
    }

    fn attempt<'b>(&'b self, of: Option<&'b Credentials>, password: &'b SecretString) -> Attempt<'b> {
        Attempt {
            realm: self.claim.realm.schema(),
            login: self.claim.login,
            customer: of.map(|credentials| (credentials.customer.0, credentials.version)),
            phc: of.and_then(|credentials| credentials.password_hash.as_deref()),
            password,
            address: self.address,
        }
    }

    fn caller(&self, credentials: &Credentials) -> Caller {
        Caller {
            realm: if credentials.own_realm.is_some() { RealmKind::Test } else { self.claim.realm },
            own_realm: credentials.own_realm.clone(),
            login: self.claim.login.to_owned(),
            customer: credentials.customer,
            currency: credentials.currency,
            language: credentials.language,
            vat: credentials.vat,
            now: credentials.now,
        }
    }
}

#[cfg(test)]
mod tests;
