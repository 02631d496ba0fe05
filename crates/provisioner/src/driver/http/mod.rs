//! The http driver: a company's own service brings its machines about (`docs/hooks.md`).

mod callback;
mod meaning;
mod settings;
mod sign;

use std::{collections::BTreeSet, time::Duration};

use domain::{orders::OrderId, tasks::Operation, usage::Counters};
use futures_util::{FutureExt, future::LocalBoxFuture};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use store::{
    Realm,
    tasks::{self, ClaimedTask},
};
use tokio::time::{self, Instant};

use super::{
    Class, Ctx, Driver, DriverSettings, Handle, Log, Observed, Outcome, Timeouts, Trouble,
    hook::{Answer, PROTOCOL, Request},
    web::{Ask, Endpoint, Reply, Unanswered},
};
pub use callback::{Callback, NoCallback};
use meaning::{Left, Meaning};
pub use settings::HttpSettings;
pub use sign::{Secrets, Signed};

/// Questions, and looks at what is under way, have so long.
const ASK: Duration = Duration::from_secs(30);
/// What customers are told of a driver that is set up wrongly.
const SET_UP_WRONGLY: &str = "the driver is set up wrongly; the worker's log says how";
/// Whether a hook has called back is looked at so often.
const LOOK: Duration = Duration::from_secs(1);

/// Asks a service for each operation.
pub struct HttpDriver {
    operations: BTreeSet<Operation>,
    timeouts: Timeouts,
    settings: HttpSettings,
    /// Where callbacks come in.
    callbacks: Option<Realm>,
    /// Or what is wrong with how it is set up.
    endpoint: Result<Endpoint, String>,
}

/// What is kept of work under way.
#[derive(Serialize, Deserialize)]
struct Underway {
    handle: String,
    poll_seconds: u64,
}

/// What is sent.
struct Message<'a> {
    method: Method,
    path: String,
    id: String,
    /// The task and its fence, where there is one.
    of: Option<&'a ClaimedTask>,
    body: Vec<u8>,
    deadline: Instant,
}

impl HttpDriver {
    /// One that is set up so. What is wrong with that, its tasks tell.
    #[must_use]
    pub fn new(settings: &DriverSettings, http: &HttpSettings) -> Self {
        let endpoint = Endpoint::new(&http.endpoint);
        let endpoint = endpoint.inspect_err(|why| tracing::error!(why, "an http driver is set up wrongly"));
        let (operations, timeouts) = (settings.operations.clone(), settings.timeouts.clone());
        Self { operations, timeouts, settings: http.clone(), callbacks: None, endpoint }
    }

    /// The same, for a realm's tasks: callbacks are looked for there.
    #[must_use]
    pub fn of_realm(self, realm: Realm) -> Self {
        Self { callbacks: Some(realm), ..self }
    }

    async fn bring_about(&self, task: &ClaimedTask, ctx: &Ctx) -> Outcome {
        if let Some(handle) = ctx.handle() {
            return match serde_json::from_str(&handle.0) {
                Ok(underway) => self.wait(task, ctx, &underway).await,
                Err(_) => {
                    let why = "what is under way can't be made out".to_owned();
                    Outcome::Unknown { class: Class::Internal, why }
                }
            };
        }
        let operation = task.operation.short_name();
        let request = Request::of_task(operation, task, ctx.deadline_unix());
        let id = task.lease.id.0.to_string();
        match self.ask(message(operation, id, Some(task), &request, ctx.deadline())).await {
            Ok(Ok(reply)) => outcome(task, ctx.log(), reply),
            Ok(Err(unanswered)) => meaning::of_silence(unanswered),
            Err(_) => Outcome::Retry { after: None, class: Class::Configuration, why: SET_UP_WRONGLY.into() },
        }
    }

    /// Waits for what is under way: until the hook calls back, or it is time to ask after it.
    async fn wait(&self, task: &ClaimedTask, ctx: &Ctx, underway: &Underway) -> Outcome {
        let until = ctx.deadline().min(Instant::now() + Duration::from_secs(underway.poll_seconds));
        loop {
            if let Some(outcome) = self.called_back(task, ctx.log()).await {
                return outcome;
            }
            let now = Instant::now();
            if now >= until {
                break;
            }
            tokio::select! {
                () = time::sleep_until(until.min(now + LOOK)) => {}
                () = ctx.cancelled() => return pending(&underway.handle, underway.poll_seconds),
            }
        }
        let (path, deadline) = (status_path(task, &underway.handle), ctx.deadline().min(Instant::now() + ASK));
        let id = format!("status_{}", task.lease.id.0);
        let message = Message { method: Method::GET, path, id, of: Some(task), body: Vec::new(), deadline };
        match self.ask(message).await {
            Ok(Ok(reply)) if reply.status == 404 => {
                let why = "the hook knows no longer what it was doing".to_owned();
                Outcome::Unknown { class: Class::Unavailable, why }
            }
            // What is under way goes on, whether or not it can be asked after.
            Ok(Ok(Reply {
                status: 300..=399 | 401 | 403 | 405 | 408 | 409 | 425 | 429 | 500.., retry_after, ..
            })) => {
                let wait = retry_after.map_or(underway.poll_seconds, |wait| wait.as_secs());
                pending(&underway.handle, wait.max(1))
            }
            Ok(Ok(reply)) => outcome(task, ctx.log(), reply),
            Ok(Err(_)) | Err(_) => pending(&underway.handle, underway.poll_seconds.max(1)),
        }
    }

    /// What the hook said of it by itself.
    async fn called_back(&self, task: &ClaimedTask, log: &Log) -> Option<Outcome> {
        let (id, fence) = (task.lease.id, task.lease.fence);
        let realm = self.callbacks.as_ref()?;
        let callback = realm.read(async |connection| tasks::callback(connection, id, fence).await).await;
        match callback {
            Ok(callback) => {
                let callback = callback?;
                match meaning::of(task, callback.status(), None, callback.body.as_bytes(), log) {
                    Meaning::Outcome(outcome) => Some(outcome),
                    // That says nothing that was not known.
                    Meaning::Left(_) => None,
                }
            }
            Err(error) => {
                store::log_failure!(warn, error, "whether a hook has called back can't be had");
                None
            }
        }
    }

    async fn look(&self, task: &ClaimedTask, ctx: &Ctx) -> Observed {
        let request = Request::of_task("observe", task, ctx.deadline_unix());
        let id = format!("observe_{}", task.lease.id.0);
        let answered = self.ask(message("observe", id, Some(task), &request, ctx.deadline())).await;
        let answered = answered.map_err(|_| Trouble::new(Class::Configuration, SET_UP_WRONGLY));
        let answered = answered.and_then(|answered| answered.map_err(meaning::silence));
        meaning::seen(task, answered, ctx.log())
    }

    /// A question outside any task: its log goes nowhere.
    async fn question(&self, operation: &str, id: String, request: &Request) -> Result<Answer, Trouble> {
        let (log, _lines) = Log::new(None);
        let answered = self.ask(message(operation, id, None, request, Instant::now() + ASK)).await;
        let reply = answered.map_err(|why| Trouble::new(Class::Configuration, why))?;
        let reply = reply.map_err(|lost| self.in_detail(meaning::silence(lost)))?;
        meaning::answer(&reply, &log)
    }

    /// Trouble with all that staff may know of it.
    fn in_detail(&self, trouble: Trouble) -> Trouble {
        match &self.endpoint {
            Ok(endpoint) => endpoint.in_detail(trouble),
            Err(_) => trouble,
        }
    }

    async fn counters(&self, server: OrderId) -> Option<Counters> {
        let deadline = Signed::now() + ASK.as_secs();
        let id = format!("usage_{}", server.0);
        let answer = self.question("usage", id, &Request::of_usage(server, deadline)).await;
        let counters = answer.and_then(|answer| answer.counters());
        counters.inspect_err(|trouble| tracing::warn!(order = server.0, %trouble, "the hook tells no counters")).ok()
    }

    /// Signs and sends; what is wrong with how it is set up is the outer error, for staff.
    async fn ask(&self, message: Message<'_>) -> Result<Result<Reply, Unanswered>, String> {
        let wrong = |why: &String| tracing::error!(why, "a hook can't be asked");
        let endpoint = self.endpoint.as_ref().map_err(Clone::clone).inspect_err(wrong)?;
        let secrets = Secrets::read(&self.settings.secret_files).inspect_err(wrong)?;
        let Message { method, path, id, of, body, deadline } = message;
        let timestamp = Signed::now();
        let mut headers = vec![
            ("webhook-signature", secrets.sign(&id, timestamp, &body)),
            ("webhook-timestamp", timestamp.to_string()),
            ("idempotency-key", id.clone()),
            ("webhook-id", id),
            ("content-type", "application/json".to_owned()),
        ];
        headers.extend(of.map(|task| ("vartai-fence", task.lease.fence.to_string())));
        Ok(endpoint.ask(Ask { method, path, headers, body, deadline }).await)
    }
}

fn message<'a>(
    operation: &str,
    id: String,
    of: Option<&'a ClaimedTask>,
    request: &Request,
    deadline: Instant,
) -> Message<'a> {
    // Of these types nothing can't be written.
    let body = serde_json::to_vec(request).unwrap_or_default();
    Message { method: Method::POST, path: operation.to_owned(), id, of, body, deadline }
}

fn outcome(task: &ClaimedTask, log: &Log, reply: Reply) -> Outcome {
    match meaning::of(task, reply.status, reply.retry_after, &reply.body, log) {
        Meaning::Outcome(outcome) => outcome,
        Meaning::Left(left) => left_pending(&left),
    }
}

fn left_pending(left: &Left) -> Outcome {
    pending(&left.handle, left.poll_after().as_secs())
}

/// The waiting is ours, so that a callback ends it.
fn pending(handle: &str, poll_seconds: u64) -> Outcome {
    let underway = Underway { handle: handle.to_owned(), poll_seconds };
    let handle = Handle(serde_json::to_string(&underway).unwrap_or_default());
    Outcome::Pending { handle, poll_after: Duration::ZERO }
}

fn status_path(task: &ClaimedTask, handle: &str) -> String {
    format!("tasks/{}?handle={}", task.lease.id.0, utf8_percent_encode(handle, NON_ALPHANUMERIC))
}

impl Driver for HttpDriver {
    fn operations(&self) -> BTreeSet<Operation> {
        self.operations.clone()
    }

    fn time_for(&self, operation: Operation) -> Duration {
        self.timeouts.of(operation)
    }

    fn speaks(&self) -> Option<String> {
        Some(format!("protocol {PROTOCOL}"))
    }

    fn probe(&self) -> LocalBoxFuture<'_, Result<BTreeSet<Operation>, Trouble>> {
        async {
            let request = Request::of_probe(Signed::now() + ASK.as_secs());
            let answer = self.question("probe", "probe".to_owned(), &request).await?;
            answer.operations(PROTOCOL).map_err(|why| Trouble::new(Class::Protocol, why))
        }
        .boxed_local()
    }

    fn execute<'a>(&'a self, task: &'a ClaimedTask, ctx: &'a Ctx) -> LocalBoxFuture<'a, Outcome> {
        self.bring_about(task, ctx).boxed_local()
    }

    fn observe<'a>(&'a self, task: &'a ClaimedTask, ctx: &'a Ctx) -> LocalBoxFuture<'a, Observed> {
        self.look(task, ctx).boxed_local()
    }

    fn usage(&self, server: OrderId) -> LocalBoxFuture<'_, Option<Counters>> {
        self.counters(server).boxed_local()
    }

    fn cancel<'a>(&'a self, _: &'a Handle) -> LocalBoxFuture<'a, ()> {
        // The protocol has no way to call a hook off; what becomes of it is observed.
        async {}.boxed_local()
    }
}
