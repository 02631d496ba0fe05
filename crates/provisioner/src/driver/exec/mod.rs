//! The exec driver: a company's own program brings its machines about (`docs/hooks.md`).

mod lines;
mod refuse;
mod run;
mod settings;

use std::{collections::BTreeSet, time::Duration};

use domain::{orders::OrderId, tasks::Operation, usage::Counters};
use futures_util::{FutureExt, future::LocalBoxFuture};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use store::tasks::ClaimedTask;
use tokio::sync::watch;

use super::{
    Class, Ctx, Driver, DriverSettings, Handle, Log, Observed, Outcome, Timeouts, Trouble,
    hook::{Answer, PROTOCOL, Request},
};
use run::{End, Ran, run};
pub use settings::{ExecSettings, Limits, Supervisor};

/// Questions outside any task have so long.
const ASK: Duration = Duration::from_mins(1);

/// Runs a hook for each operation.
pub struct ExecDriver {
    operations: BTreeSet<Operation>,
    timeouts: Timeouts,
    settings: ExecSettings,
}

impl ExecDriver {
    /// One that is set up so.
    #[must_use]
    pub fn new(settings: &DriverSettings, exec: &ExecSettings) -> Self {
        let (operations, timeouts) = (settings.operations.clone(), settings.timeouts.clone());
        Self { operations, timeouts, settings: exec.clone() }
    }

    async fn bring_about(&self, task: &ClaimedTask, ctx: &Ctx) -> Outcome {
        let request = Request::of_task(task.operation.short_name(), task, ctx.deadline_unix());
        let ran = match run(&self.settings, &request, ctx).await {
            Ok(ran) => ran,
            Err(why) => return Outcome::Retry { after: None, class: Class::Configuration, why },
        };
        outcome(task, ran)
    }

    async fn look(&self, task: &ClaimedTask, ctx: &Ctx) -> Observed {
        let request = Request::of_task("observe", task, ctx.deadline_unix());
        match run(&self.settings, &request, ctx).await {
            Ok(ran) => observed(task, &ran),
            Err(why) => Observed::Unavailable(Trouble::new(Class::Configuration, why)),
        }
    }

    async fn counters(&self, server: OrderId) -> Option<Counters> {
        let answer = self.ask(|deadline| Request::of_usage(server, deadline)).await;
        let counters = answer.and_then(|answer| answer.counters());
        counters.inspect_err(|trouble| tracing::warn!(order = server.0, %trouble, "the hook tells no counters")).ok()
    }

    /// A question outside any task: its log goes nowhere.
    async fn ask(&self, request: impl FnOnce(u64) -> Request) -> Result<Answer, Trouble> {
        let (log, _lines) = Log::new(None::<SecretString>);
        let ctx = Ctx::new(log, ASK, None, watch::channel(false).1);
        let ran = run(&self.settings, &request(ctx.deadline_unix()), &ctx).await;
        let ran = ran.map_err(|why| Trouble::new(Class::Configuration, why))?;
        match ran.end {
            End::Code(0 | 10) => ran.told.answer(None).map_err(|why| Trouble::new(Class::Protocol, why)),
            end => Err(trouble(&end)),
        }
    }
}

/// What an exit code says of an operation (`docs/hooks.md`, exit codes).
fn outcome(task: &ClaimedTask, Ran { end, told }: Ran) -> Outcome {
    let why = end.to_string();
    match end {
        End::Code(0 | 10) => match told.answer(Some(task.lease.id)) {
            Ok(answer) => Outcome::Done { node: answer.node() },
            Err(why) => Outcome::Fail { class: Class::Protocol, why },
        },
        End::Code(20) if task.operation == Operation::Destroy => Outcome::Done { node: told.node() },
        End::Code(20) => Outcome::Fail { class: Class::Missing, why: "there is no machine".into() },
        End::Code(64 | 65) => Outcome::Fail { class: Class::Refused, why },
        End::Code(69 | 75) => Outcome::Retry { after: None, class: Class::Unavailable, why },
        End::Code(76) => Outcome::Retry { after: None, class: Class::Guest, why },
        End::Code(77) => Outcome::Fail { class: Class::Person, why: "the hook wants a person to look".into() },
        End::Code(79) => {
            Outcome::Retry { after: None, class: Class::Fenced, why: "the hook has seen a newer task".into() }
        }
        End::Code(_) => Outcome::Unknown { class: Class::Internal, why },
        End::Refused(why) => Outcome::Retry { after: None, class: Class::Configuration, why },
        End::Over(_) => Outcome::Unknown { class: Class::Resource, why },
        End::Cancelled => Outcome::Unknown { class: Class::Cancelled, why },
        End::Signal(_) | End::Deadline | End::Lost => Outcome::Unknown { class: Class::Internal, why },
    }
}

/// What a hook saw. Whatever went wrong with looking, the machine is not lost.
fn observed(task: &ClaimedTask, Ran { end, told }: &Ran) -> Observed {
    match end {
        End::Code(0 | 10) => match told.answer(Some(task.lease.id)).and_then(|answer| answer.observed()) {
            Ok(observed) => observed,
            Err(why) => Observed::Unavailable(Trouble::new(Class::Protocol, why)),
        },
        End::Code(20) => Observed::Missing,
        end => Observed::Unavailable(trouble(end)),
    }
}

/// Why a hook that was asked something did not answer.
fn trouble(end: &End) -> Trouble {
    let class = match end {
        End::Code(69 | 75) | End::Deadline => Class::Unavailable,
        End::Code(76) => Class::Guest,
        End::Code(64 | 65) => Class::Refused,
        End::Code(77) => Class::Person,
        End::Refused(_) => Class::Configuration,
        End::Over(_) => Class::Resource,
        End::Code(_) | End::Signal(_) | End::Cancelled | End::Lost => Class::Internal,
    };
    Trouble::new(class, end.to_string())
}

impl Driver for ExecDriver {
    fn operations(&self) -> BTreeSet<Operation> {
        self.operations.clone()
    }

    fn time_for(&self, operation: Operation) -> Duration {
        self.timeouts.of(operation)
    }

    /// A hook that is deployed anew between two tries is another program: its digest says which one it was.
    fn speaks(&self) -> Option<String> {
        let program = std::fs::read(&self.settings.hook).map(|program| Sha256::digest(&program));
        let digest: String = program.iter().flatten().take(6).map(|byte| format!("{byte:02x}")).collect();
        Some(format!("protocol {PROTOCOL}, sha256 {digest}"))
    }

    fn probe(&self) -> LocalBoxFuture<'_, Result<BTreeSet<Operation>, Trouble>> {
        async {
            let answer = self.ask(Request::of_probe).await?;
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
        // A hook leaves nothing under way.
        async {}.boxed_local()
    }
}
