//! `[drivers.NAME]`: what makes customers' machines.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    num::NonZeroU32,
    path::PathBuf,
    time::Duration,
};

use domain::tasks::{Capabilities, Operation};
use provisioner::driver::{DriverKind, DriverSettings, ExecSettings, Limits, SimulatedDriver, Supervisor, Timeouts};
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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Simulated,
    Exec,
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
        let all: BTreeSet<Operation> = Operation::ALL.into();
        let operations = self.operations.as_ref().map_or(all, |some| some.iter().map(|name| name.0).collect());
        Ok(DriverSettings { operations, timeouts, kind: self.kind()? })
    }

    fn kind(self) -> Result<DriverKind, String> {
        match self.kind {
            Kind::Simulated => {
                let of_hooks = self.hook.is_some() || self.environment.is_some() || self.memory_mb.is_some();
                if of_hooks || self.processes.is_some() {
                    return Err("hook, environment, memory_mb and processes are for kind = \"exec\"".to_owned());
                }
                Ok(DriverKind::Simulated)
            }
            Kind::Exec => {
                let hook = self.hook.filter(|hook| hook.is_absolute());
                let hook = hook.ok_or("kind = \"exec\" needs its program: hook = \"/absolute/path\"")?;
                let usual = Limits::default();
                let limits = Limits {
                    memory_mb: self.memory_mb.map_or(usual.memory_mb, |mb| mb.get().into()),
                    processes: self.processes.map_or(usual.processes, |processes| processes.get().into()),
                    ..usual
                };
                let environment = self.environment.unwrap_or_default();
                Ok(DriverKind::Exec(ExecSettings { hook, environment, limits, supervisor: supervisor() }))
            }
        }
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
