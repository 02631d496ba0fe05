//! Reaching what speaks HTTP: only where the configuration allows, in bounded time and memory, and always with an answer to
//! whether a request may have been received.

mod breaker;
mod reach;
mod tls;

use std::{error::Error, path::PathBuf, time::Duration};

use hyper::ext::ReasonPhrase;
use ipnetwork::IpNetwork;
use reqwest::{Client, Method, Response, Url, header::RETRY_AFTER, redirect::Policy};
use tokio::time::{self, Instant};

use breaker::Breaker;
use reach::Reach;

/// The longest answer that is read, in bytes.
pub(super) const LONGEST: usize = 1024 * 1024;
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
pub(super) struct Endpoint {
    client: Client,
    url: String,
    breaker: Breaker,
}

/// A request. Its body may hold secrets and is never told.
pub(super) struct Ask {
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
pub(super) struct Reply {
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
pub(super) enum Unanswered {
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
    pub(super) fn new(settings: &EndpointSettings) -> Result<Self, String> {
        let reach = settings.reach()?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls::config(settings.ca_file.as_deref())?)
            .dns_resolver(reach)
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            // A kept connection that was closed meanwhile leaves a request nobody knows the outcome of.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| told(&error))?;
        let url = settings.url.trim_end_matches('/').to_owned();
        Ok(Self { client, url, breaker: Breaker::default() })
    }

    /// Asks, once.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub(super) async fn ask(&self, ask: Ask) -> Result<Reply, Unanswered> {
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
        let mut request = self.client.request(ask.method, format!("{}/{}", self.url, ask.path));
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        let response = request.body(ask.body).send().await.map_err(|error| unanswered(&error))?;
        read(response).await
    }
}

/// Reads an answer as far as it is wanted.
async fn read(mut response: Response) -> Result<Reply, Unanswered> {
    let status = response.status().as_u16();
    let reason = response.extensions().get::<ReasonPhrase>();
    let reason = reason.map(|reason| String::from_utf8_lossy(reason.as_bytes()).into_owned());
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let retry_after = retry_after.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT));
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| unanswered(&error))? {
        if body.len() + part.len() > LONGEST {
            return Err(Unanswered::Lost { why: "its answer has no end".into() });
        }
        body.extend_from_slice(&part);
    }
    Ok(Reply { status, reason, retry_after, body })
}

/// Only what failed before there was a connection was surely not received.
fn unanswered(error: &reqwest::Error) -> Unanswered {
    tracing::warn!(error = told(error), "a hypervisor's endpoint does not answer");
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
