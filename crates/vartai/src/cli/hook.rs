//! `vartai hook`

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use domain::{orders::OrderId, tasks::Operation};
use provisioner::{
    driver::{DriverKind, ExecSettings, Limits},
    lint::{Finding, Scratch, lint},
};
use serde_json::{Value, json};

use super::report::{Report, table};
use crate::{
    failure::Failure,
    settings::{Settings, supervisor},
    signals::interruptible,
};

/// What to do with hooks.
#[derive(Debug, Subcommand)]
pub enum HookCommand {
    /// Try a hook out: have it make a scratch server, do everything twice, and remove it; exit code 1 when it does wrong
    Lint(LintArguments),
}

/// Arguments of `vartai hook lint`.
#[derive(Debug, Args)]
pub struct LintArguments {
    /// The hook's absolute path, or the name of a driver of kind exec in the configuration
    hook: String,
    /// The number of the scratch server: nothing may have it
    #[arg(long, value_name = "NUMBER", default_value_t = 999_999_999)]
    server_id: u32,
    /// The image that it is made from
    #[arg(long, default_value = "debian-12-x86_64")]
    image: String,
    /// What it is called
    #[arg(long, default_value = "vartai-lint.example.com")]
    hostname: String,
    /// What the hook is to know; all that the driver of that name does, or everything
    #[arg(long, value_delimiter = ',', value_name = "OPERATION", value_parser = operation)]
    operations: Vec<Operation>,
    /// What takes longer than so many seconds is told
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    slow: u32,
    /// How long an operation has, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    timeout: u32,
    /// Yes, make and remove that server on the hypervisor that the hook reaches
    #[arg(long)]
    yes: bool,
}

fn operation(name: &str) -> Result<Operation, String> {
    let all = || Operation::ALL.map(Operation::short_name).join(", ");
    Operation::of_short_name(name).ok_or_else(|| format!("write of {}", all()))
}

/// Does it. Neither the database nor a worker is needed.
pub async fn run(command: HookCommand, settings: &Settings) -> Result<Report, Failure> {
    match command {
        HookCommand::Lint(arguments) => tried(&arguments, settings).await,
    }
}

async fn tried(arguments: &LintArguments, settings: &Settings) -> Result<Report, Failure> {
    let (exec, known) = named(&arguments.hook, settings)?;
    if !arguments.yes {
        return Err(Failure::failed(format!(
            "this makes and removes server {} with {}: repeat it with --yes if that is what you want",
            arguments.server_id,
            exec.hook.display()
        )));
    }
    let scratch = Scratch {
        server: OrderId(arguments.server_id.into()),
        image: arguments.image.clone(),
        hostname: arguments.hostname.clone(),
        operations: if arguments.operations.is_empty() { known } else { arguments.operations.clone() },
        slow: Duration::from_secs(arguments.slow.into()),
        timeout: Duration::from_secs(arguments.timeout.into()),
    };
    interruptible(async { Ok(told(&lint(&exec, &scratch).await)) }).await
}

/// A driver of the configuration, or a program; and what it is to know.
fn named(hook: &str, settings: &Settings) -> Result<(ExecSettings, Vec<Operation>), Failure> {
    if let Some(driver) = settings.drivers.0.get(hook) {
        return match &driver.kind {
            DriverKind::Exec(exec) => Ok((exec.clone(), driver.operations.iter().copied().collect())),
            DriverKind::Simulated | DriverKind::Http(_) | DriverKind::Proxmox(_) => {
                Err(Failure::failed(format!("the driver {hook} is not of the kind exec and has no program")))
            }
        };
    }
    let path = PathBuf::from(hook);
    if !path.is_absolute() {
        return Err(Failure::failed(format!("{hook:?} is neither a driver of the configuration nor an absolute path")));
    }
    let environment = Vec::new();
    let exec = ExecSettings { hook: path, environment, limits: Limits::default(), supervisor: supervisor() };
    Ok((exec, Operation::ALL.into()))
}

fn told(findings: &[Finding]) -> Report {
    let wrong: usize = findings.iter().map(|finding| finding.wrong.len()).sum();
    let rows: Vec<[String; 3]> = findings
        .iter()
        .map(|finding| {
            let is = if finding.wrong.is_empty() { "ok".to_owned() } else { finding.wrong.join("; ") };
            [finding.what.to_owned(), format!("{} ms", finding.took.as_millis()), is]
        })
        .collect();
    let json: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let took = u64::try_from(finding.took.as_millis()).unwrap_or(u64::MAX);
            json!({ "what": finding.what, "milliseconds": took, "wrong": finding.wrong })
        })
        .collect();
    let text = table(["WHAT", "TOOK", "FINDING"], &rows, "nothing was looked at");
    let report = Report::new(text, json!({ "ok": wrong == 0, "findings": json }));
    if wrong == 0 {
        report
    } else {
        report.with_problem("the hook does not keep the protocol (docs/hooks.md)".to_owned())
    }
}
