//! `[drivers.NAME]`: what makes customers' machines.

mod remote;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    num::NonZeroU32,
    path::PathBuf,
    time::Duration,
};

use domain::tasks::{Capabilities, Operation};
use ipnetwork::IpNetwork;
use provisioner::driver::{
    DriverKind, DriverSettings, ExecSettings, Limits, ProxmoxDriver, SimulatedDriver, Supervisor, Timeouts,
};
use serde::Deserialize;

/// The drivers that are set up, by the names that tariffs give. `simulated` is there in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BTreeMap<String, Section>")]
pub struct Drivers(pub BTreeMap<String, DriverSettings>);

/// One of them, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    kind: Kind,
    /// What it can do; everything unless given.
    operations: Option<Vec<OperationName>>,
    /// How long an operation has, in seconds.
    timeout_seconds: Option<NonZeroU32>,
    /// How long some have.
    #[serde(default)]
    timeouts: BTreeMap<OperationName, NonZeroU32>,
    /// `exec`: the program.
    hook: Option<PathBuf>,
    /// `exec`: variables of the worker's environment that it gets.
    environment: Option<Vec<String>>,
    /// `exec`: memory that it may take, in MB.
    memory_mb: Option<NonZeroU32>,
    /// `exec`: processes that it may have.
    processes: Option<NonZeroU32>,
    /// `exec`: where its working directories are made.
    work_dir: Option<PathBuf>,
    /// `http`, `proxmox`: where it is.
    url: Option<String>,
    /// `http`, `proxmox`: the only networks that it may be in.
    networks: Option<Vec<IpNetwork>>,
    /// `http`, `proxmox`: who signed its certificate.
    ca_file: Option<PathBuf>,
    /// `http`: what requests are signed with.
    secret_files: Option<Vec<PathBuf>>,
    /// `proxmox`: the API token's id.
    token_id: Option<String>,
    /// `proxmox`: the API token's secret.
    token_file: Option<PathBuf>,
    /// `proxmox`: where new machines are put.
    nodes: Option<Vec<String>>,
    /// `proxmox`: the VM that an image is copied from.
    templates: Option<BTreeMap<String, u32>>,
    /// `proxmox`: where disks are put.
    storage: Option<String>,
    /// `proxmox`: the pool of machines.
    pool: Option<String>,
    /// `proxmox`: the first machine's VM id.
    vmid_base: Option<u32>,
    /// `proxmox`: what our machines are marked with.
    mark: Option<String>,
    /// `proxmox`: the disk that plans mean.
    disk: Option<String>,
    /// `proxmox`: how fast one core is.
    mhz_per_core: Option<NonZeroU32>,
    /// `proxmox`: how long a machine has to shut down.
    shutdown_seconds: Option<NonZeroU32>,
    /// `proxmox`: how long a new system has to boot.
    boot_seconds: Option<NonZeroU32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Simulated,
    Exec,
    Http,
    Proxmox,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Simulated => "simulated",
            Self::Exec => "exec",
            Self::Http => "http",
            Self::Proxmox => "proxmox",
        }
    }
}

/// An operation by its short name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct OperationName(Operation);

impl TryFrom<String> for OperationName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let all = || Operation::ALL.map(Operation::short_name).join(", ");
        Operation::of_short_name(&name).map(Self).ok_or_else(|| format!("{name:?} is no operation: write of {}", all()))
    }
}

impl TryFrom<BTreeMap<String, Section>> for Drivers {
    type Error = String;

    fn try_from(sections: BTreeMap<String, Section>) -> Result<Self, String> {
        let made = sections.into_iter().map(|(name, section)| {
            if name == SimulatedDriver::NAME && section.kind != Kind::Simulated {
                return Err(format!("the driver {name:?} is the simulated one: give this another name"));
            }
            let settings = section.settings().map_err(|why| format!("the driver {name:?}: {why}"))?;
            Ok((name, settings))
        });
        made.collect::<Result<_, _>>().map(Self)
    }
}

impl Section {
    fn settings(self) -> Result<DriverSettings, String> {
        let seconds = |seconds: NonZeroU32| Duration::from_secs(seconds.get().into());
        let usual = Timeouts::default();
        let own = self.timeouts.iter().map(|(name, time)| (name.0, seconds(*time))).collect();
        let timeouts = Timeouts { any: self.timeout_seconds.map_or(usual.any, seconds), own };
        let known: BTreeSet<Operation> = match self.kind {
            Kind::Proxmox => ProxmoxDriver::OPERATIONS.into(),
            Kind::Simulated | Kind::Exec | Kind::Http => Operation::ALL.into(),
        };
        let operations = match &self.operations {
            Some(some) => some.iter().map(|name| name.0).collect(),
            None => known.clone(),
        };
        if let Some(unknown) = operations.difference(&known).next() {
            return Err(format!("kind = \"{}\" can't do {}", self.kind.name(), unknown.short_name()));
        }
        self.nothing_misplaced()?;
        Ok(DriverSettings { operations, timeouts, kind: self.kind()? })
    }

    /// A key of another kind is a mistake.
    fn nothing_misplaced(&self) -> Result<(), String> {
        let exec = [
            ("hook", self.hook.is_some()),
            ("environment", self.environment.is_some()),
            ("memory_mb", self.memory_mb.is_some()),
            ("processes", self.processes.is_some()),
            ("work_dir", self.work_dir.is_some()),
        ];
        let remote =
            [("url", self.url.is_some()), ("networks", self.networks.is_some()), ("ca_file", self.ca_file.is_some())];
        let http = [("secret_files", self.secret_files.is_some())];
        let proxmox = [
            ("token_id", self.token_id.is_some()),
            ("token_file", self.token_file.is_some()),
            ("nodes", self.nodes.is_some()),
            ("templates", self.templates.is_some()),
            ("storage", self.storage.is_some()),
            ("pool", self.pool.is_some()),
            ("vmid_base", self.vmid_base.is_some()),
            ("mark", self.mark.is_some()),
            ("disk", self.disk.is_some()),
            ("mhz_per_core", self.mhz_per_core.is_some()),
            ("shutdown_seconds", self.shutdown_seconds.is_some()),
            ("boot_seconds", self.boot_seconds.is_some()),
        ];
        let of = [
            (&exec[..], &[Kind::Exec][..]),
            (&remote[..], &[Kind::Http, Kind::Proxmox][..]),
            (&http[..], &[Kind::Http][..]),
            (&proxmox[..], &[Kind::Proxmox][..]),
        ];
        for (keys, kinds) in of {
            let given = keys.iter().find(|(_, given)| *given && !kinds.contains(&self.kind));
            if let Some((key, _)) = given {
                let kinds = kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" and ");
                return Err(format!("{key} is a key of the kind {kinds}"));
            }
        }
        Ok(())
    }

    fn kind(self) -> Result<DriverKind, String> {
        match self.kind {
            Kind::Simulated => Ok(DriverKind::Simulated),
            Kind::Exec => self.exec().map(DriverKind::Exec),
            Kind::Http => remote::http(self).map(DriverKind::Http),
            Kind::Proxmox => remote::proxmox(self).map(DriverKind::Proxmox),
        }
    }

    fn exec(self) -> Result<ExecSettings, String> {
        let hook = self.hook.filter(|hook| hook.is_absolute());
        let hook = hook.ok_or("kind = \"exec\" needs its program: hook = \"/absolute/path\"")?;
        let usual = Limits::default();
        let limits = Limits {
            memory_mb: self.memory_mb.map_or(usual.memory_mb, |mb| mb.get().into()),
            processes: self.processes.map_or(usual.processes, |processes| processes.get().into()),
            ..usual
        };
        let environment = self.environment.unwrap_or_default();
        let mut supervisor = supervisor();
        if let Some(work_dir) = self.work_dir {
            if !work_dir.is_absolute() {
                return Err(format!("work_dir {} must begin with /", work_dir.display()));
            }
            supervisor.directories = work_dir;
        }
        Ok(ExecSettings { hook, environment, limits, supervisor })
    }
}

/// What runs hooks: this program.
pub fn supervisor() -> Supervisor {
    Supervisor::this_program(vec![OsString::from(SUPERVISE)])
}

/// The subcommand that runs a hook.
pub const SUPERVISE: &str = "hook-exec";

impl Drivers {
    /// What they can do.
    pub fn capabilities(&self) -> Capabilities {
        let of = |(name, settings): (&String, &DriverSettings)| (name.clone(), settings.operations.clone());
        Capabilities(self.0.iter().map(of).collect())
    }
}
