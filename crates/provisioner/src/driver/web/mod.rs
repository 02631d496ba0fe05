//! Reaching what speaks HTTP: only where the configuration allows, in bounded time and memory, and always with an answer to
//! whether a request may have been received.

mod breaker;
mod reach;
mod tls;

use std::{
    error::Error,
    path::{Path, PathBuf},
    time::Duration,
};

use hyper::ext::ReasonPhrase;
use ipnetwork::IpNetwork;
use reqwest::{Client, Method, Response, Url, header::RETRY_AFTER, redirect::Policy};
use tokio::time::{self, Instant};

use breaker::Breaker;
use reach::Reach;

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
    /// Who signed its certificate, instead of those that the machine trusts.
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
    client: Client,
    url: String,
    breaker: Breaker,
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
        let client = client(settings.reach()?, settings.ca_file.as_deref())?;
        let url = settings.url.trim_end_matches('/').to_owned();
        Ok(Self { client, url, breaker: Breaker::default(), whose: Whose::Ours })
    }

    /// One that a customer named: nothing within the company's networks or this machine, but where `networks` allow it.
    /// It is asked with an empty path.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub(crate) fn of_customer(url: &str, networks: &[IpNetwork]) -> Result<Self, String> {
        let client = client(customers_reach(url, networks)?, None)?;
        Ok(Self { client, url: url.to_owned(), breaker: Breaker::default(), whose: Whose::Customers })
    }

    /// Asks, once.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub(crate) async fn ask(&self, ask: Ask) -> Result<Reply, Unanswered> {
        if let Err(left) = self.breaker.admit() {
            let why = "it has not answered for a while, and is not asked now".to_owned();
            return Err(Unanswered::NotSent { why, after: Some(left) });
        }
        let deadline = ask.deadline;
        match time::timeout_at(deadline, self.send(ask)).await {
            Ok(Ok(reply)) => {
                self.breaker.answered();
                Ok(reply)
            }
            Ok(Err(unanswered)) => {
                self.breaker.silent();
                Err(unanswered)
            }
            Err(_) => {
                self.breaker.silent();
                Err(Unanswered::Lost { why: "it did not answer in time".into() })
            }
        }
    }

    async fn send(&self, ask: Ask) -> Result<Reply, Unanswered> {
        let url = if ask.path.is_empty() { self.url.clone() } else { format!("{}/{}", self.url, ask.path) };
        let mut request = self.client.request(ask.method, url);
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        let response = request.body(ask.body).send().await.map_err(|error| unanswered(error, self.whose))?;
        read(response, self.whose).await
    }
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

fn client(reach: Reach, ca_file: Option<&Path>) -> Result<Client, String> {
    Client::builder()
        .tls_backend_preconfigured(tls::config(ca_file)?)
        .dns_resolver(reach)
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT)
        // A kept connection that was closed meanwhile leaves a request nobody knows the outcome of.
        .pool_max_idle_per_host(0)
        .build()
        .map_err(|error| told(&error))
}

/// Reads an answer as far as it is wanted.
async fn read(mut response: Response, whose: Whose) -> Result<Reply, Unanswered> {
    let status = response.status().as_u16();
    let reason = response.extensions().get::<ReasonPhrase>();
    let reason = reason.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let retry_after = retry_after.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT));
    let mut body = Vec::new();
    if whose == Whose::Customers {
        return Ok(Reply { status, reason, retry_after, body });
    }
    while let Some(part) = response.chunk().await.map_err(|error| unanswered(error, whose))? {
        if body.len() + part.len() > LONGEST {
            return Err(Unanswered::Lost { why: "its answer has no end".into() });
        }
        body.extend_from_slice(&part);
    }
    Ok(Reply { status, reason, retry_after, body })
}

/// Only what failed before there was a connection was surely not received.
fn unanswered(error: reqwest::Error, whose: Whose) -> Unanswered {
    let error = match whose {
        Whose::Ours => error,
        Whose::Customers => error.without_url(),
    };
    tracing::warn!(error = told(&error), "an endpoint does not answer");
    if error.is_connect() || error.is_builder() {
        Unanswered::NotSent { why: "it can't be reached".into(), after: None }
    } else {
        Unanswered::Lost { why: "its answer was lost".into() }
    }
}

/// An error with its causes.
fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
