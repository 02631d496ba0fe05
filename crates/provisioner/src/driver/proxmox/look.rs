//! What there is of an order on a cluster.

use std::{collections::BTreeMap, time::Duration};

use domain::orders::OrderId;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::{api::Api, fault::Fault, mark::Mark};

/// An agent answers within this, or is not there.
const AGENT: Duration = Duration::from_secs(10);

/// What a VM id is taken by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Slot {
    /// Nothing.
    Free,
    /// A machine of ours.
    Ours(Box<Vm>),
    /// Something that is being made, by us or by others; that can't be told yet.
    BeingMade,
    /// A machine of others.
    Foreign,
}

/// A machine of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Vm {
    /// Its number.
    pub vmid: u32,
    /// Where it is.
    pub node: String,
    /// What its notes say.
    pub mark: Mark,
    /// Whether there is a process of it.
    pub alive: bool,
    /// Whether that process runs, and does not stand still over a full disk.
    pub running: bool,
    /// That process.
    pub pid: Option<u64>,
    /// For how long, in seconds.
    pub uptime: u64,
    /// What its agent said, where it was asked.
    pub agent: Agent,
    /// How it is set up: what is in force now, not what waits for its next start.
    pub config: BTreeMap<String, String>,
}

/// What a machine's agent said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Agent {
    /// It answers: the system is up.
    pub answers: bool,
    /// What the system calls itself.
    pub hostname: Option<String>,
}

/// What there is of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// By its two VM ids.
    pub slots: [(u32, Slot); 2],
}

impl Seen {
    /// Its machines, the older system first.
    pub(super) fn ours(&self) -> Vec<&Vm> {
        let mut ours: Vec<&Vm> = self
            .slots
            .iter()
            .filter_map(|(_, slot)| match slot {
                Slot::Ours(vm) => Some(&**vm),
                Slot::Free | Slot::BeingMade | Slot::Foreign => None,
            })
            .collect();
        ours.sort_by_key(|vm| vm.mark.generation);
        ours
    }

    /// The first number that nothing has.
    pub(super) fn free(&self) -> Option<u32> {
        self.slots.iter().find(|(_, slot)| *slot == Slot::Free).map(|(vmid, _)| *vmid)
    }
}

impl Vm {
    /// A setting of its.
    pub(super) fn setting(&self, name: &str) -> Option<&str> {
        self.config.get(name).map(String::as_str)
    }

    /// A setting that is a number.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.setting(name)?.parse().ok()
    }

    /// Whether there is an agent to be asked.
    pub(super) fn has_agent(&self) -> bool {
        let on = |agent: &str| agent.split(',').any(|part| part == "1" || part == "enabled=1");
        self.setting("agent").is_some_and(on)
    }

    /// Where the API has it.
    pub(super) fn path(&self, below: &str) -> String {
        format!("nodes/{}/qemu/{}/{below}", self.node, self.vmid)
    }

    /// The size of a disk, in GB: 2³⁰ bytes, as everywhere in Proxmox VE.
    pub(super) fn disk_gb(&self, disk: &str) -> Option<u32> {
        let size = self.setting(disk)?.split(',').find_map(|part| part.strip_prefix("size="))?;
        let (number, unit) = size.split_at_checked(size.len().checked_sub(1)?)?;
        let number: u32 = number.parse().ok()?;
        match unit {
            "T" => number.checked_mul(1024),
            "G" => Some(number),
            "M" => Some(number / 1024),
            "K" => Some(number / (1024 * 1024)),
            _ => None,
        }
    }
}

/// A row of the cluster's resources.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Resource {
    /// Its number.
    pub vmid: u32,
    /// Where it is.
    pub node: String,
    #[serde(rename = "type")]
    kind: String,
    template: Option<u8>,
}

impl Resource {
    /// Whether machines can be made of it.
    pub(super) fn is_template(&self) -> bool {
        self.kind == "qemu" && self.template == Some(1)
    }
}

/// All machines of the cluster that we may see.
pub(super) async fn resources(api: &Api, until: Instant) -> Result<Vec<Resource>, Fault> {
    api.get("cluster/resources", &[("type", "vm".to_owned())], until).await
}

/// What there is of an order.
pub(super) async fn look(api: &Api, order: OrderId, until: Instant) -> Result<Seen, Fault> {
    let Some([first, second]) = api.settings().vmids(order) else {
        return Err(Fault::SetUp("the order's number is beyond the machines' numbers".into()));
    };
    let all = resources(api, until).await?;
    let first = (first, slot(api, &all, order, first, until).await?);
    let second = (second, slot(api, &all, order, second, until).await?);
    Ok(Seen { slots: [first, second] })
}

async fn slot(api: &Api, all: &[Resource], order: OrderId, vmid: u32, until: Instant) -> Result<Slot, Fault> {
    let Some(Resource { node, kind, .. }) = all.iter().find(|resource| resource.vmid == vmid) else {
        return Ok(Slot::Free);
    };
    if kind != "qemu" {
        return Ok(Slot::Foreign);
    }
    let path = format!("nodes/{node}/qemu/{vmid}");
    let current = [("current", "1".to_owned())];
    let config: BTreeMap<String, Value> = match api.get(&format!("{path}/config"), &current, until).await {
        Err(Fault::Gone) => return Ok(Slot::Free),
        told => told?,
    };
    let config: BTreeMap<String, String> = config.into_iter().map(|(name, value)| (name, plain(&value))).collect();
    let notes = config.get("description").map(String::as_str).unwrap_or_default();
    let Some(mark) = Mark::read(&api.settings().mark, notes) else {
        let being_made = config.get("lock").is_some_and(|lock| lock == "create" || lock == "clone");
        return Ok(if being_made { Slot::BeingMade } else { Slot::Foreign });
    };
    if mark.order != order.0 {
        return Ok(Slot::Foreign);
    }
    let Some(Status { status, qmpstatus, pid, uptime }) = status(api, &path, until).await? else {
        return Ok(Slot::Free);
    };
    let alive = status == "running";
    let stands_still = ["paused", "io-error", "internal-error", "shutdown", "guest-panicked", "watchdog"];
    let running = alive && !qmpstatus.is_some_and(|status| stands_still.contains(&status.as_str()));
    let (node, pid, uptime) = (node.clone(), pid.filter(|_| alive), uptime.unwrap_or_default());
    let mut vm = Vm { vmid, node, mark, alive, running, pid, uptime, agent: Agent::default(), config };
    if vm.running && vm.has_agent() {
        vm.agent = ask_agent(api, &vm, until).await;
    }
    Ok(Slot::Ours(Box::new(vm)))
}

/// An agent that does not answer is one of a system that is not up, or has none: that is no fault.
async fn ask_agent(api: &Api, vm: &Vm, until: Instant) -> Agent {
    #[derive(Deserialize)]
    struct Named {
        result: Name,
    }
    #[derive(Deserialize)]
    struct Name {
        #[serde(rename = "host-name")]
        name: String,
    }
    let until = until.min(Instant::now() + AGENT);
    match api.get::<Named>(&vm.path("agent/get-host-name"), &[], until).await {
        Ok(Named { result: Name { name } }) => Agent { answers: true, hostname: Some(name) },
        Err(_) => Agent::default(),
    }
}

#[derive(Deserialize)]
struct Status {
    status: String,
    qmpstatus: Option<String>,
    pid: Option<u64>,
    uptime: Option<u64>,
}

/// `None` when it is gone.
async fn status(api: &Api, path: &str, until: Instant) -> Result<Option<Status>, Fault> {
    match api.get(&format!("{path}/status/current"), &[], until).await {
        Err(Fault::Gone) => Ok(None),
        told => told.map(Some),
    }
}

/// Numbers are texts in some versions and numbers in others.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
