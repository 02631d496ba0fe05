//! The Proxmox VE driver (`docs/proxmox.md`): an order's machine is a VM, found by its number and known by its notes.
//!
//! Nothing of where it stands is kept but the number of the work under way: what there is tells what comes next
//! (`plan`).

mod api;
mod fault;
mod look;
mod mark;
mod plan;
mod run;
mod settings;
mod shape;
mod usage;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{orders::OrderId, tasks::Operation, usage::Counters};
use futures_util::{FutureExt, future::LocalBoxFuture};
use serde::{Deserialize, Serialize};
use store::tasks::ClaimedTask;
use tokio::time::Instant;

use super::{
    Class, Ctx, Driver, DriverSettings, Handle, Log, Machine, MachineSize, Observed, Outcome, Timeouts, Traits, Trouble,
};
use api::{Api, Work};
use fault::Fault;
use look::{Seen, Slot};
use plan::{Kind, Last, Plan, Step, Wanted};
use run::Means;
pub use settings::ProxmoxSettings;

/// Questions outside any task have so long.
const ASK: Duration = Duration::from_secs(30);

/// Drives the machines of a Proxmox VE cluster.
pub struct ProxmoxDriver {
    operations: BTreeSet<Operation>,
    timeouts: Timeouts,
    /// Or what is wrong with how it is set up.
    api: Result<Api, String>,
    /// The newest fence that was seen of each order: of a machine that is gone, nothing else remembers.
    fences: RefCell<BTreeMap<OrderId, i64>>,
}

/// Work under way, as it is kept with the task.
#[derive(Debug, Serialize, Deserialize)]
struct Underway {
    kind: Kind,
    vmid: u32,
    /// The cluster's number of it; none while something is waited for that has none.
    upid: Option<String>,
    /// The machine's process before.
    pid: Option<u64>,
}

impl Underway {
    fn pending(&self, poll_after: Duration) -> Outcome {
        let handle = Handle(serde_json::to_string(self).unwrap_or_default());
        Outcome::Pending { handle, poll_after }
    }

    const fn last(&self) -> Last {
        Last { kind: self.kind, vmid: self.vmid, pid: self.pid }
    }
}

impl ProxmoxDriver {
    /// What it can do: Proxmox VE has no limits of packets a second, no reverse names, and nothing inside a machine
    /// that it could empty.
    pub const OPERATIONS: [Operation; 9] = [
        Operation::Create,
        Operation::Suspend,
        Operation::Unsuspend,
        Operation::Restart,
        Operation::Reinstall,
        Operation::Destroy,
        Operation::Change,
        Operation::ResetPassword,
        Operation::Rename,
    ];

    /// One that is set up so. What is wrong with that, its tasks tell.
    #[must_use]
    pub fn new(settings: &DriverSettings, proxmox: &ProxmoxSettings) -> Self {
        let operations = settings.operations.intersection(&Self::OPERATIONS.into()).copied().collect();
        let api = Api::new(proxmox).inspect_err(|why| tracing::error!(why, "a Proxmox VE driver is set up wrongly"));
        Self { operations, timeouts: settings.timeouts.clone(), api, fences: RefCell::default() }
    }

    fn api(&self) -> Result<&Api, Fault> {
        self.api.as_ref().map_err(|_| Fault::SetUp("the driver is set up wrongly; the worker's log says how".into()))
    }

    async fn bring_about(&self, task: &ClaimedTask, ctx: &Ctx) -> Outcome {
        if !self.is_newest(task) {
            let why = "the machine has had a newer task".to_owned();
            return Outcome::Retry { after: None, class: Class::Fenced, why };
        }
        self.advance(task, ctx).await.unwrap_or_else(Fault::outcome)
    }

    fn is_newest(&self, task: &ClaimedTask) -> bool {
        let mut fences = self.fences.borrow_mut();
        let newest = fences.entry(task.lease.order).or_insert(task.lease.fence);
        *newest = task.lease.fence.max(*newest);
        *newest == task.lease.fence
    }

    /// Goes on until something is under way, or all is done.
    async fn advance(&self, task: &ClaimedTask, ctx: &Ctx) -> Result<Outcome, Fault> {
        let (api, until) = (self.api()?, ctx.deadline());
        let mut last = match ctx.handle() {
            None => None,
            Some(handle) => match ended(api, &handle, ctx).await? {
                Ended::Not(outcome) => return Ok(outcome),
                Ended::So(last) => Some(last),
            },
        };
        let wanted = wanted(task);
        let means = Means { api, image: task.image.as_deref(), password: task.password.as_ref(), until };
        loop {
            let seen = look::look(api, task.lease.order, until).await?;
            let plan = Plan { settings: api.settings(), wanted: &wanted, seen: &seen, last };
            let action = match plan.next() {
                Step::Do(action) => action,
                Step::Wait => {
                    let waiting = Underway { kind: Kind::Boot, vmid: 0, upid: None, pid: None };
                    return Ok(waiting.pending(api.settings().poll));
                }
                Step::Done(node) => return Ok(Outcome::Done { node }),
                Step::End(outcome) => return Ok(outcome),
            };
            say(ctx.log(), action.kind);
            let pid = seen.ours().iter().find(|vm| vm.vmid == action.vmid).and_then(|vm| vm.pid);
            let upid = match means.perform(&action, &seen).await {
                Err(Fault::Already) => None,
                Err(Fault::Gone) if action.kind == Kind::Destroy => None,
                begun => begun?,
            };
            let underway = Underway { kind: action.kind, vmid: action.vmid, upid, pid };
            if underway.upid.is_some() {
                return Ok(underway.pending(api.settings().poll));
            }
            last = Some(underway.last());
        }
    }

    async fn look(&self, task: &ClaimedTask, ctx: &Ctx) -> Observed {
        let seen = async { look::look(self.api()?, task.lease.order, ctx.deadline()).await };
        match (seen.await, &self.api) {
            (Ok(seen), Ok(api)) => observed(api, &seen),
            (Err(fault), _) => Observed::Unavailable(trouble(fault)),
            (Ok(_), Err(why)) => Observed::Unavailable(Trouble::new(Class::Configuration, why.clone())),
        }
    }

    async fn counters(&self, server: OrderId) -> Option<Counters> {
        let until = Instant::now() + ASK;
        let counted = async { usage::counters(self.api()?, server, until).await };
        let counted = counted.await;
        counted.unwrap_or_else(|fault| {
            tracing::warn!(order = server.0, why = why(fault), "Proxmox VE tells no counters");
            None
        })
    }
}

/// What became of what was under way.
enum Ended {
    /// This comes of it already.
    Not(Outcome),
    /// It is over, and what there is tells how to go on.
    So(Last),
}

async fn ended(api: &Api, handle: &Handle, ctx: &Ctx) -> Result<Ended, Fault> {
    let underway: Underway = serde_json::from_str(&handle.0).map_err(|error| {
        tracing::error!(%error, handle = handle.0, "what is under way can't be made out");
        Fault::Unknown("what is under way can't be made out".into())
    })?;
    let Some(upid) = &underway.upid else { return Ok(Ended::So(underway.last())) };
    let work = match api.work(upid, ctx.deadline()).await {
        Err(Fault::Gone) => {
            let why = "the hypervisor knows no longer what it was doing".to_owned();
            return Ok(Ended::Not(Outcome::Unknown { class: Class::Unavailable, why }));
        }
        // What is under way goes on, whether or not it can be asked after.
        Err(Fault::NotDone(..) | Fault::Unknown(_) | Fault::SetUp(_)) => {
            return Ok(Ended::Not(underway.pending(api.settings().poll * 2)));
        }
        work => work?,
    };
    match work {
        Work::Running => Ok(Ended::Not(underway.pending(api.settings().poll))),
        Work::Done => Ok(Ended::So(underway.last())),
        Work::Failed(text) => {
            tracing::warn!(upid, text, "work on Proxmox VE failed");
            match (fault::meaning(&text), underway.kind) {
                // What does not go when it is asked to is switched off.
                (_, Kind::Reboot | Kind::Shutdown) | (Some(Fault::Already), _) => Ok(Ended::So(underway.last())),
                (Some(Fault::Gone), Kind::Destroy) => Ok(Ended::So(underway.last())),
                (Some(fault), _) => Err(fault),
                (None, _) => Ok(Ended::Not(Outcome::Retry {
                    after: None,
                    class: Class::Internal,
                    why: "the hypervisor could not do it".to_owned(),
                })),
            }
        }
    }
}

/// A line for the customer. Proxmox VE's own lines name what is not theirs to know.
fn say(log: &Log, kind: Kind) {
    log.line(match kind {
        Kind::Clone => "copying the image",
        Kind::Make => "setting the machine up",
        Kind::Grow => "enlarging the disk",
        Kind::Size => "setting the size",
        Kind::Password => "setting the password",
        Kind::Name => "setting the hostname",
        Kind::Start => "starting the machine",
        Kind::Shutdown | Kind::Reboot => "asking the machine to go",
        Kind::Stop => "switching the machine off",
        Kind::Destroy => "removing the machine",
        Kind::Take | Kind::Keep | Kind::Unlock | Kind::Boot => return,
    });
}

fn why(fault: Fault) -> String {
    trouble(fault).why
}

/// What a fault is of a look or a question.
fn trouble(fault: Fault) -> Trouble {
    match fault.outcome() {
        Outcome::Retry { class, why, .. } | Outcome::Fail { class, why } | Outcome::Unknown { class, why } => {
            Trouble { class, why }
        }
        Outcome::Done { .. } | Outcome::Pending { .. } => Trouble::new(Class::Internal, ""),
    }
}

fn wanted(task: &ClaimedTask) -> Wanted {
    Wanted {
        operation: task.operation,
        task: task.lease.id.0,
        fence: task.lease.fence,
        order: task.lease.order.0,
        generation: task.generation,
        size: task.size().map(MachineSize::from),
        hostname: task.wanted_hostname().map(str::to_owned),
        login: task.login.clone(),
        password_version: task.password_version,
        addresses: task.network.addresses.clone(),
    }
}

/// While a reinstallation is not finished, the machine is the older one.
fn observed(api: &Api, seen: &Seen) -> Observed {
    for (_, slot) in &seen.slots {
        match slot {
            Slot::Foreign => return Observed::Unavailable(Trouble::new(Class::Person, fault::NOT_OURS)),
            Slot::BeingMade => {
                let why = "a machine is being made at its number";
                return Observed::Unavailable(Trouble::new(Class::Internal, why));
            }
            Slot::Free | Slot::Ours(_) => {}
        }
    }
    let ours = seen.ours();
    let Some(vm) = ours.first() else { return Observed::Missing };
    let hostname = if vm.running { vm.agent.hostname.clone() } else { vm.setting("name").map(str::to_owned) };
    let traits = Traits {
        size: shape::seen(api.settings(), vm),
        hostname,
        password_version: (vm.mark.password > 0).then_some(vm.mark.password),
        ..Traits::default()
    };
    let boot = vm.pid.map(|pid| format!("{}/{}/{pid}", vm.node, vm.vmid));
    Observed::Present(Machine { running: vm.running, generation: vm.mark.generation, boot, traits })
}

impl Driver for ProxmoxDriver {
    fn operations(&self) -> BTreeSet<Operation> {
        self.operations.clone()
    }

    fn time_for(&self, operation: Operation) -> Duration {
        self.timeouts.of(operation)
    }

    fn probe(&self) -> LocalBoxFuture<'_, Result<BTreeSet<Operation>, Trouble>> {
        async {
            let api = self.api.as_ref().map_err(|why| Trouble::new(Class::Configuration, why.clone()))?;
            let all = look::resources(api, Instant::now() + ASK).await;
            let all = all.map_err(|fault| api.in_detail(trouble(fault)))?;
            for (image, vmid) in &api.settings().templates {
                if !all.iter().any(|resource| resource.vmid == *vmid && resource.is_template()) {
                    let why = format!("the template of image {image}, VM {vmid}, is not there or not ours to see");
                    return Err(Trouble::new(Class::Configuration, why));
                }
            }
            Ok(Self::OPERATIONS.into())
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

    fn cancel<'a>(&'a self, handle: &'a Handle) -> LocalBoxFuture<'a, ()> {
        async {
            let Ok(Underway { kind, upid: Some(upid), .. }) = serde_json::from_str(&handle.0) else { return };
            // Of these nothing is left half done.
            if matches!(kind, Kind::Clone | Kind::Reboot | Kind::Shutdown)
                && let Ok(api) = self.api()
                && let Err(fault) = api.stop_work(&upid, Instant::now() + ASK).await
            {
                tracing::warn!(upid, why = why(fault), "work on Proxmox VE can't be stopped");
            }
        }
        .boxed_local()
    }
}
