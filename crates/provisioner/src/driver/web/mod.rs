//! Reaching what speaks HTTP: only where the configuration allows, in bounded time and memory, and always with an
//! answer to whether a request may have been received.

mod breaker;
mod reach;
mod tls;
mod trouble;

use std::{cell::RefCell, path::PathBuf, time::Duration};

use hyper::ext::ReasonPhrase;
use ipnetwork::IpNetwork;
use reqwest::{Client, Method, Response, Url, header::RETRY_AFTER, redirect::Policy};
use rustls::ClientConfig;
use store::db::with_causes;
use tokio::time::{self, Instant};

use super::{Class, Signed, Trouble};
use breaker::{Breaker, LeftAlone};
use reach::Reach;
use tls::Trust;
use trouble::not_sent;

/// The longest answer that is read, in bytes.
pub(crate) const LONGEST: usize = 1024 * 1024;
/// A connection, with its name looked up and its TLS, is made in this time or not at all.
const CONNECT: Duration = Duration::from_secs(5);
/// Who asks to be left alone longer than this is asked again all the same.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// Where something is that speaks HTTP, and how far it is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSettings {
    /// What all of its addresses begin with.
    pub url: String,
    /// The only networks that it may be in; anywhere but in link-local ones and clouds' own when empty.
    pub networks: Vec<IpNetwork>,
    /// Who signed its certificate, instead of those that the machine trusts; or that certificate itself.
    pub ca_file: Option<PathBuf>,
}

impl EndpointSettings {
    /// Whether its address can be one; the certificate's file and the networks' names are not looked at.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        self.reach().map(drop)
    }

    fn reach(&self) -> Result<Reach, String> {
        let url = Url::parse(&self.url).map_err(|error| format!("{:?} is no URL: {error}", self.url))?;
        if !["http", "https"].contains(&url.scheme()) || !url.username().is_empty() || url.query().is_some() {
            return Err(format!("{:?} must be http:// or https://, without a login and a query", self.url));
        }
        let reach = Reach::new(self.networks.clone());
        reach.check(&url)?;
        Ok(reach)
    }
}

/// Something that speaks HTTP. What it says goes no further than here: it is not followed anywhere else.
pub(crate) struct Endpoint {
    reach: Reach,
    trust: Trust,
    /// Made when it is first needed, and anew when another certificate is to be trusted.
    client: RefCell<Option<Client>>,
    url: String,
    breaker: Breaker,
    /// All that is known of the last failure, for staff.
    detail: RefCell<Option<String>>,
    whose: Whose,
}

/// Whose endpoint it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// The company's: its answers are read, and its address may be in the log.
    Ours,
    /// A customer's: only whether it took the message is of interest, and its address may hold a secret.
    Customers,
}

/// A request. Its body may hold secrets and is never told.
pub(crate) struct Ask {
    /// How.
    pub method: Method,
    /// What, below the endpoint's address; escaped, and with its query.
    pub path: String,
    /// Headers of its own.
    pub headers: Vec<(&'static str, String)>,
    /// What is sent.
    pub body: Vec<u8>,
    /// Until when there is time.
    pub deadline: Instant,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status.
    pub status: u16,
    /// What stood beside the status, if that is not what always stands there.
    pub reason: Option<String>,
    /// How long it asks to be left alone.
    pub retry_after: Option<Duration>,
    /// The body, at most [`LONGEST`].
    pub body: Vec<u8>,
}

/// Nothing came back that could be made out. The reasons are for customers, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// It was not asked.
    NotSent {
        /// Whether it is away, or something is set up wrongly.
        class: Class,
        /// Why.
        why: String,
        /// When it makes sense to try again.
        after: Option<Duration>,
    },
    /// It may have received the request, and done it.
    Lost {
        /// Why that is not known.
        why: String,
    },
}

impl Endpoint {
    /// # Errors
    /// What is wrong with the settings.
    pub(crate) fn new(settings: &EndpointSettings) -> Result<Self, String> {
        let url = settings.url.trim_end_matches('/').to_owned();
        Ok(Self::of(settings.reach()?, Trust::new(settings.ca_file.clone()), url, Whose::Ours))
    }

    /// One that a customer named: nothing within the company's networks or this machine, but where `networks` allow it.
    /// It is asked with an empty path.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub(crate) fn of_customer(url: &str, networks: &[IpNetwork]) -> Result<Self, String> {
        Ok(Self::of(customers_reach(url, networks)?, Trust::new(None), url.to_owned(), Whose::Customers))
    }

    fn of(reach: Reach, trust: Trust, url: String, whose: Whose) -> Self {
        let (client, breaker, detail) = (RefCell::default(), Breaker::default(), RefCell::default());
        Self { reach, trust, client, url, breaker, detail, whose }
    }

    /// Trouble with this, and all that staff may know of it.
    pub(crate) fn in_detail(&self, trouble: Trouble) -> Trouble {
        match self.detail.borrow().as_ref() {
            Some(detail) => Trouble { why: format!("{} ({detail})", trouble.why), ..trouble },
            None => trouble,
        }
    }

    /// Asks, once.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub(crate) async fn ask(&self, ask: Ask) -> Result<Reply, Unanswered> {
        if let Err(LeftAlone { left, trouble: Trouble { class, why } }) = self.breaker.admit() {
            return Err(Unanswered::NotSent { class, why, after: Some(left) });
        }
        let deadline = ask.deadline;
        match time::timeout_at(deadline, self.send(ask)).await {
            Ok(Ok(reply)) => {
                self.breaker.answered();
                self.detail.replace(None);
                Ok(reply)
            }
            Ok(Err(unanswered)) => Err(self.silent(unanswered)),
            Err(_) => Err(self.silent(Unanswered::Lost { why: "it did not answer in time".into() })),
        }
    }

    fn silent(&self, unanswered: Unanswered) -> Unanswered {
        self.breaker.silent(match &unanswered {
            Unanswered::NotSent { class, why, .. } => Trouble::new(*class, why),
            Unanswered::Lost { why } => Trouble::new(Class::Unavailable, why),
        });
        unanswered
    }

    /// What speaks for us. Whom to trust is read again each time, so that a new certificate counts at once.
    fn client(&self) -> Result<Client, Unanswered> {
        let wrong = |why: String| {
            tracing::error!(why, "whom to trust can't be known");
            self.detail.replace(Some(why));
            let why = "its certificate can't be checked: ca_file can't be used".to_owned();
            Unanswered::NotSent { class: Class::Configuration, why, after: None }
        };
        if let Some(config) = self.trust.changed().map_err(wrong)? {
            let client = client(self.reach.clone(), config).map_err(wrong)?;
            self.client.replace(Some(client));
        }
        self.client.borrow().clone().ok_or_else(|| wrong("there is no client".to_owned()))
    }

    async fn send(&self, ask: Ask) -> Result<Reply, Unanswered> {
        let url = if ask.path.is_empty() { self.url.clone() } else { format!("{}/{}", self.url, ask.path) };
        let mut request = self.client()?.request(ask.method, url);
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        let response = request.body(ask.body).send().await.map_err(|error| self.unanswered(error))?;
        self.read(response).await
    }

    /// Reads an answer as far as it is wanted.
    async fn read(&self, mut response: Response) -> Result<Reply, Unanswered> {
        let status = response.status().as_u16();
        let reason = response.extensions().get::<ReasonPhrase>();
        let reason = reason.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| wait_asked_for(value.to_str().ok()?));
        let mut body = Vec::new();
        if self.whose == Whose::Customers {
            return Ok(Reply { status, reason, retry_after, body });
        }
        while let Some(part) = response.chunk().await.map_err(|error| self.unanswered(error))? {
            if body.len() + part.len() > LONGEST {
                return Err(Unanswered::Lost { why: "its answer has no end".into() });
            }
            body.extend_from_slice(&part);
        }
        Ok(Reply { status, reason, retry_after, body })
    }

    /// Only what failed before there was a connection was surely not received.
    fn unanswered(&self, error: reqwest::Error) -> Unanswered {
        let error = match self.whose {
            Whose::Ours => error,
            Whose::Customers => error.without_url(),
        };
        tracing::warn!(error = with_causes(&error), "an endpoint does not answer");
        if error.is_connect() || error.is_builder() {
            let (Trouble { class, why }, detail) = not_sent(&error);
            self.detail.replace(Some(detail));
            Unanswered::NotSent { class, why, after: None }
        } else {
            self.detail.replace(Some(with_causes(&error)));
            Unanswered::Lost { why: "its answer was lost".into() }
        }
    }
}

/// What `Retry-After` asks for: so many seconds, or until a moment. Nobody is left alone for longer than is sensible.
fn wait_asked_for(text: &str) -> Option<Duration> {
    let text = text.trim();
    let until = || {
        let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_second();
        Some(u64::try_from(at).ok()?.saturating_sub(Signed::now()))
    };
    let seconds = text.parse().ok().or_else(until)?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// Whether a customer's webhook can be at an address, as far as that can be told without asking for names.
///
/// # Errors
/// Why not; it doesn't quote the address.
pub fn check_customers_url(url: &str, networks: &[IpNetwork]) -> Result<(), String> {
    customers_reach(url, networks).map(drop)
}

fn customers_reach(url: &str, networks: &[IpNetwork]) -> Result<Reach, String> {
    let url = Url::parse(url).map_err(|error| format!("that is no URL: {error}"))?;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if !["http", "https"].contains(&url.scheme()) || !plain {
        return Err("a webhook's URL is https:// or http://, without a login and a fragment".to_owned());
    }
    let reach = Reach::outside(networks.to_vec());
    reach.check(&url)?;
    Ok(reach)
}

fn client(reach: Reach, tls: ClientConfig) -> Result<Client, String> {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(reach)
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT)
        // A kept connection that was closed meanwhile leaves a request nobody knows the outcome of.
        .pool_max_idle_per_host(0)
        .build()
        .map_err(|error| with_causes(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_to_be_left_alone_says_so_in_seconds_or_by_a_date() {
        let seconds = |text: &str| wait_asked_for(text).map(|wait| wait.as_secs());
        assert_eq!(
            (seconds("7"), seconds(" 86400 "), seconds("soon"), seconds("-1")),
            (Some(7), Some(600), None, None)
        );
        assert_eq!(seconds("Wed, 21 Oct 2015 07:28:00 GMT"), Some(0), "that is over");
        assert_eq!(seconds("Thu, 31 Dec 2099 23:59:59 GMT"), Some(600));
        let at = jiff::Timestamp::from_second(i64::try_from(Signed::now()).unwrap() + 300).unwrap();
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap();
        assert!((298..=300).contains(&seconds(&date).unwrap()), "{date}");
    }
}
