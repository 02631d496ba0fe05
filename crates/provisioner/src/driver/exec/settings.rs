//! How hooks are run.

use std::{env, ffi::OsString, path::PathBuf, time::Duration};

/// How a driver's hook is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecSettings {
    /// The program, by its absolute path.
    pub hook: PathBuf,
    /// What of the worker's environment it gets beside what every hook gets.
    pub environment: Vec<String>,
    /// What it may take.
    pub limits: Limits,
    /// What runs it.
    pub supervisor: Supervisor,
}

/// What a hook may take of the machine that it runs on, with all that it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory, in MB.
    pub memory_mb: u64,
    /// Processes.
    pub processes: u64,
    /// Time between TERM and KILL.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_mb: 2048, processes: 256, grace: Duration::from_secs(10) }
    }
}

/// What runs a hook (see [`crate::supervise`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supervisor {
    /// The program.
    pub program: PathBuf,
    /// What it is told before the hook.
    pub arguments: Vec<OsString>,
    /// Where hooks' working directories are made.
    pub directories: PathBuf,
}

impl Supervisor {
    /// The program that runs now, also when another has taken its place on the disk: with these arguments it is a
    /// supervisor.
    #[must_use]
    pub fn this_program(arguments: Vec<OsString>) -> Self {
        Self { program: PathBuf::from("/proc/self/exe"), arguments, directories: env::temp_dir() }
    }
}
