//! What a hook's answers mean: statuses say what exit codes do, bodies what standard output does (`docs/hooks.md`).

use std::time::Duration;

use domain::tasks::Operation;
use serde::Deserialize;
use store::tasks::ClaimedTask;

use crate::driver::{
    Class, Log, Observed, Outcome, Trouble,
    hook::{Answer, Told, without_mark},
    web::{Reply, Unanswered},
};

/// Work under way is asked after no less often than this, whatever the hook says,
const SELDOM: Duration = Duration::from_mins(5);
/// and no more often than this.
const OFTEN: Duration = Duration::from_secs(1);
/// And this often when it says nothing.
const USUAL: Duration = Duration::from_secs(5);
/// A handle is kept with its task, and goes into an address: no longer than this, in bytes.
const LONGEST_HANDLE: usize = 1024;

/// Work that a hook leaves under way.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Left {
    /// The hook's own name of it.
    pub handle: String,
    /// When to ask after it, in seconds.
    poll_after: Option<u64>,
}

impl Left {
    /// When to ask after it.
    pub(super) fn poll_after(&self) -> Duration {
        self.poll_after.map_or(USUAL, Duration::from_secs).clamp(OFTEN, SELDOM)
    }
}

/// What an answer says of an operation.
pub(super) enum Meaning {
    /// This comes of it.
    Outcome(Outcome),
    /// It is under way.
    Left(Left),
}

#[derive(Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
enum Line {
    Handle(Left),
    Callback {},
}

/// What is in a body: what it tells, and what it leaves under way.
fn read(body: &[u8], log: &Log) -> (Told, Option<Left>) {
    let (mut told, mut left) = (Told::default(), None);
    for line in String::from_utf8_lossy(body).lines().filter(|line| !line.trim().is_empty()) {
        match serde_json::from_str(without_mark(line)) {
            Ok(Line::Handle(handle)) => left = Some(handle),
            Ok(Line::Callback {}) => {}
            Err(_) => told.take(line, false, log),
        }
    }
    (told, left)
}

/// What comes of an operation.
pub(super) fn of(task: &ClaimedTask, status: u16, retry_after: Option<Duration>, body: &[u8], log: &Log) -> Meaning {
    let (told, left) = read(body, log);
    let retry = |class, why: &str| Outcome::Retry { after: None, class, why: why.to_owned() };
    let fail = |class, why: String| Outcome::Fail { class, why };
    Meaning::Outcome(match status {
        202 => match left {
            Some(left) if left.handle.len() > LONGEST_HANDLE => {
                let why = format!("the hook's handle is longer than {LONGEST_HANDLE} bytes");
                fail(Class::Protocol, why)
            }
            Some(left) => return Meaning::Left(left),
            None => fail(Class::Protocol, "the hook left it under way and told no handle".into()),
        },
        200..=299 => match told.answer(Some(task.lease.id)) {
            Ok(answer) => Outcome::Done { node: answer.node() },
            Err(why) => fail(Class::Protocol, why),
        },
        410 if task.operation == Operation::Destroy => Outcome::Done { node: told.node() },
        410 => fail(Class::Missing, "there is no machine".into()),
        412 => retry(Class::Fenced, "the hook has seen a newer task"),
        408 | 409 | 425 | 429 | 503 => Outcome::Retry {
            after: retry_after,
            class: Class::Unavailable,
            why: format!("the hook can't do it now (status {status})"),
        },
        424 => retry(Class::Guest, "what is inside the machine does not answer (status 424)"),
        401 | 403 => retry(Class::Configuration, "the hook does not know us: is the secret the same?"),
        404 | 405 => retry(Class::Configuration, "there is no hook at this address"),
        300..=399 => retry(Class::Configuration, "the hook sends us elsewhere, and is not followed"),
        400..=499 => fail(Class::Refused, format!("the hook refuses what is asked (status {status})")),
        _ => Outcome::Unknown { class: Class::Internal, why: format!("the hook failed (status {status})") },
    })
}

/// What comes of an operation that was not answered.
pub(super) fn of_silence(unanswered: Unanswered) -> Outcome {
    match unanswered {
        Unanswered::NotSent { class, why, after } => Outcome::Retry { after, class, why: format!("the hook: {why}") },
        Unanswered::Lost { why } => Outcome::Unknown { class: Class::Unavailable, why: format!("the hook: {why}") },
    }
}

/// What a hook saw. Whatever went wrong with looking, the machine is not lost.
pub(super) fn seen(task: &ClaimedTask, answered: Result<Reply, Trouble>, log: &Log) -> Observed {
    let reply = match answered {
        Ok(reply) => reply,
        Err(trouble) => return Observed::Unavailable(trouble),
    };
    match reply.status {
        200 => {
            let (told, _) = read(&reply.body, log);
            let seen = told.answer(Some(task.lease.id)).and_then(Answer::observed);
            seen.unwrap_or_else(|why| Observed::Unavailable(Trouble::new(Class::Protocol, why)))
        }
        410 => Observed::Missing,
        status => Observed::Unavailable(no_answer(status)),
    }
}

/// What a hook answered to a question outside any task.
pub(super) fn answer(reply: &Reply, log: &Log) -> Result<Answer, Trouble> {
    match reply.status {
        200 => read(&reply.body, log).0.answer(None).map_err(|why| Trouble::new(Class::Protocol, why)),
        status => Err(no_answer(status)),
    }
}

/// What a status says of a question that it doesn't answer. 502 and 504 are a proxy's word that nobody is behind it.
fn no_answer(status: u16) -> Trouble {
    let (class, why) = match status {
        300..=399 => (Class::Configuration, ": it sends us elsewhere, and is not followed"),
        401 | 403 => (Class::Configuration, ": it does not know us, is the secret the same?"),
        404 | 405 => (Class::Configuration, ": there is no hook at this address"),
        408 | 409 | 425 | 429 | 502..=504 => (Class::Unavailable, ""),
        424 => (Class::Guest, ": what is inside the machine does not answer"),
        _ => (Class::Internal, ""),
    };
    Trouble::new(class, format!("the hook can't tell (status {status}){why}"))
}

/// Why a question was not answered.
pub(super) fn silence(unanswered: Unanswered) -> Trouble {
    match unanswered {
        Unanswered::NotSent { class, why, .. } => Trouble::new(class, format!("the hook: {why}")),
        Unanswered::Lost { why } => Trouble::new(Class::Unavailable, format!("the hook: {why}")),
    }
}
