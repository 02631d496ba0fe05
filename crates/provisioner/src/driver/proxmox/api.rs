//! Calls of Proxmox VE's API.

use std::{fs, io::ErrorKind, time::Duration};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    fault::{self, Fault},
    settings::ProxmoxSettings,
};
use crate::driver::{
    Class, Trouble,
    web::{Ask, Endpoint, Reply, Unanswered},
};

/// What need not be escaped in paths and forms.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// A call is answered within this: what takes longer is told about by its number.
const CALL: Duration = Duration::from_mins(1);

/// A form, or a query.
pub(super) type Form<'a> = &'a [(&'a str, String)];

/// A cluster's API.
pub(super) struct Api {
    endpoint: Endpoint,
    settings: ProxmoxSettings,
}

/// What became of work that the cluster does beside its answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Work {
    /// It is not over.
    Running,
    /// It is, and was done.
    Done,
    /// It is, and this is what went wrong.
    Failed(String),
}

impl Api {
    /// # Errors
    /// What is wrong with the settings.
    pub(super) fn new(settings: &ProxmoxSettings) -> Result<Self, String> {
        Ok(Self { endpoint: Endpoint::new(&settings.endpoint)?, settings: settings.clone() })
    }

    pub(super) const fn settings(&self) -> &ProxmoxSettings {
        &self.settings
    }

    /// Trouble with all that staff may know of it.
    pub(super) fn in_detail(&self, trouble: Trouble) -> Trouble {
        self.endpoint.in_detail(trouble)
    }

    /// Reads.
    pub(super) async fn get<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
        form: Form<'_>,
        until: Instant,
    ) -> Result<T, Fault> {
        let told = self.call(Method::GET, path, form, until).await?;
        serde_json::from_value(told).map_err(|error| {
            tracing::warn!(path, %error, "Proxmox VE answers otherwise than its documentation says");
            Fault::NotDone("the hypervisor's answer can't be made out".into(), None)
        })
    }

    /// Changes something: the number of the work that it is done by, if it was not done at once.
    pub(super) async fn change(
        &self,
        method: Method,
        path: &str,
        form: Form<'_>,
        until: Instant,
    ) -> Result<Option<String>, Fault> {
        let told = self.call(method, path, form, until).await?;
        Ok(told.as_str().filter(|upid| upid.starts_with("UPID:")).map(str::to_owned))
    }

    /// What became of work that was begun.
    pub(super) async fn work(&self, upid: &str, until: Instant) -> Result<Work, Fault> {
        #[derive(Deserialize)]
        struct Status {
            status: String,
            exitstatus: Option<String>,
        }
        let Some(path) = task_path(upid) else { return Err(Fault::Gone) };
        let Status { status, exitstatus } = match self.get(&format!("{path}/status"), &[], until).await {
            // A node that was restarted knows its old work no longer, and says so in one way or another.
            Err(Fault::Refused(_)) => return Err(Fault::Gone),
            told => told?,
        };
        if status != "stopped" {
            return Ok(Work::Running);
        }
        let end = exitstatus.unwrap_or_default();
        // Without an end it was cut off: nobody knows where.
        if end.is_empty() || end == "unexpected status" {
            return Err(Fault::Gone);
        }
        Ok(if end == "OK" || end.starts_with("WARNINGS") { Work::Done } else { Work::Failed(end) })
    }

    /// Has work stopped, as far as that is still possible.
    pub(super) async fn stop_work(&self, upid: &str, until: Instant) -> Result<(), Fault> {
        let Some(path) = task_path(upid) else { return Ok(()) };
        self.call(Method::DELETE, &path, &[], until).await.map(drop)
    }

    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        form: Form<'_>,
        until: Instant,
    ) -> Result<Value, Fault> {
        let form: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let form = form.join("&");
        let in_body = [Method::POST, Method::PUT].contains(&method);
        let query = if in_body || form.is_empty() { String::new() } else { format!("?{form}") };
        let mut headers = vec![("authorization", self.token()?)];
        if in_body {
            headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
        }
        let (told, body) = (method.clone(), if in_body { form.into_bytes() } else { Vec::new() });
        let ask = Ask {
            method,
            path: format!("api2/json/{path}{query}"),
            headers,
            body,
            deadline: until.min(Instant::now() + CALL),
        };
        match self.endpoint.ask(ask).await {
            Ok(reply) => data(&told, path, &reply),
            Err(Unanswered::NotSent { class: Class::Configuration, why, .. }) => {
                Err(Fault::SetUp(format!("the hypervisor: {why}")))
            }
            Err(Unanswered::NotSent { why, after, .. }) => Err(Fault::NotDone(format!("the hypervisor: {why}"), after)),
            Err(Unanswered::Lost { why }) => Err(Fault::Unknown(format!("the hypervisor: {why}"))),
        }
    }

    fn token(&self) -> Result<String, Fault> {
        let file = &self.settings.token_file;
        let secret = fs::read_to_string(file).map_err(|error| {
            tracing::error!(file = %file.display(), %error, "the token of Proxmox VE can't be read");
            let what = if error.kind() == ErrorKind::NotFound { "is not there" } else { "can't be read" };
            Fault::SetUp(format!("the hypervisor's token {what}"))
        })?;
        Ok(format!("PVEAPIToken={}={}", self.settings.token_id, secret.trim()))
    }
}

/// What an answer brings, or means.
fn data(method: &Method, path: &str, reply: &Reply) -> Result<Value, Fault> {
    #[derive(Default, Deserialize)]
    struct Answer {
        data: Option<Value>,
        message: Option<String>,
    }
    let answer: Result<Answer, _> = serde_json::from_slice(&reply.body);
    if (200..300).contains(&reply.status) {
        return match answer {
            Ok(answer) => Ok(answer.data.unwrap_or_default()),
            Err(_) => Err(Fault::Unknown("the hypervisor's answer can't be made out".into())),
        };
    }
    let message = answer.unwrap_or_default().message.unwrap_or_default();
    let text = format!("{} {message}", reply.reason.as_deref().unwrap_or_default());
    // A task's log is its customer's to read, and this names what is not.
    tracing::warn!(%method, path, status = reply.status, text = text.trim(), "Proxmox VE refuses a call");
    Err(fault::of_answer(reply.status, &text, reply.retry_after))
}

/// Where work is asked after: its node is in its number.
fn task_path(upid: &str) -> Option<String> {
    let node = upid.strip_prefix("UPID:")?.split(':').next().filter(|node| !node.is_empty())?;
    Some(format!("nodes/{}/tasks/{}", escaped(node), escaped(upid)))
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}
