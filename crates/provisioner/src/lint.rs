//! Trying out a hook against a scratch server: each operation is done twice and looked at, as a worker would. What a
//! worker would only find out with a customer's machine is found here.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use domain::{
    catalogue::ImageId,
    firewall::Firewall,
    orders::{OrderId, ServerSpec},
    tasks::{Operation, TaskId},
};
use secrecy::SecretString;
use serde_json::json;
use store::tasks::{ClaimedTask, Lease, ServerAddress, ServerNetwork};
use tokio::{sync::watch, time::Instant};

use crate::driver::{
    Class, Ctx, Driver, DriverKind, DriverSettings, ExecDriver, ExecSettings, LIFE, Log, Observed, Outcome, Timeouts,
    Verdict, WAS_OFF, desired_by,
};

/// A password that can be looked for.
const PASSWORD: &str = "Lint-7f3c9a51d2-only";

/// Its address: of a network for examples (RFC 5737).
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 254));
const GATEWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// What is tried out on.
#[derive(Debug, Clone)]
pub struct Scratch {
    /// The server that is made and removed.
    pub server: OrderId,
    /// From which image.
    pub image: String,
    /// What it is called.
    pub hostname: String,
    /// What the hook is to know; the others are not tried.
    pub operations: Vec<Operation>,
    /// What takes longer is told.
    pub slow: Duration,
    /// How long an operation has.
    pub timeout: Duration,
}

/// What was found of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The operation, by its short name; or what else was looked at.
    pub what: &'static str,
    /// How long it took, the first time.
    pub took: Duration,
    /// What is wrong with it.
    pub wrong: Vec<String>,
}

/// Tries out a hook. What it makes it removes again, as far as the hook lets it.
pub async fn lint(exec: &ExecSettings, scratch: &Scratch) -> Vec<Finding> {
    let settings = DriverSettings {
        operations: Operation::ALL.into(),
        timeouts: Timeouts::default(),
        kind: DriverKind::Exec(exec.clone()),
    };
    let mut lint = Lint::new(ExecDriver::new(&settings, exec), scratch);
    let mut findings = vec![lint.probed().await];
    if findings.iter().any(|finding| !finding.wrong.is_empty()) {
        return findings;
    }
    findings.push(lint.free().await);
    if findings.iter().any(|finding| !finding.wrong.is_empty()) {
        return findings;
    }
    for operation in LIFE {
        if !scratch.operations.contains(&operation) && !matches!(operation, Operation::Create | Operation::Destroy) {
            continue;
        }
        if operation == Operation::Destroy {
            findings.push(lint.usage().await);
            findings.push(lint.fence().await);
        }
        findings.push(lint.operation(operation).await);
    }
    findings.push(lint.gone().await);
    findings
}

/// A fence that no earlier try-out came to: a hook remembers the newest of a server, also of one that is gone.
#[expect(clippy::disallowed_methods, reason = "fences of try-outs only have to grow; no task is decided by it")]
fn newest() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or_default()
}

/// A try-out under way.
struct Lint<'a> {
    driver: ExecDriver,
    scratch: &'a Scratch,
    tasks: i64,
    generation: i32,
    passwords: i32,
    /// As they were last changed: a new system is made with them.
    size: ServerSpec,
    hostname: String,
}

impl<'a> Lint<'a> {
    fn new(driver: ExecDriver, scratch: &'a Scratch) -> Self {
        let image = Some(ImageId(scratch.image.clone()));
        let size = ServerSpec { cpu_ghz: 2, ram_mb: 2048, disk_gb: 10, bandwidth_mbps: 20, image };
        let hostname = scratch.hostname.clone();
        Self { driver, scratch, tasks: newest(), generation: 1, passwords: 1, size, hostname }
    }

    async fn probed(&self) -> Finding {
        let began = Instant::now();
        let wrong = match self.driver.probe().await {
            Err(trouble) => vec![trouble.why],
            Ok(known) => {
                let missing = self.scratch.operations.iter().filter(|operation| !known.contains(*operation));
                missing.map(|operation| format!("it does not know {}", operation.short_name())).collect()
            }
        };
        Finding { what: "probe", took: began.elapsed(), wrong }
    }

    /// Nothing that is there already is touched.
    async fn free(&mut self) -> Finding {
        let began = Instant::now();
        let task = self.task(Operation::Destroy);
        let wrong = match self.observe(&task).await {
            Observed::Missing => Vec::new(),
            Observed::Present(_) => vec!["there is a machine of this server's number: choose another".to_owned()],
            Observed::Unavailable(trouble) => vec![trouble.why],
        };
        Finding { what: "observe", took: began.elapsed(), wrong }
    }

    /// Does an operation, looks at it, and does it again.
    async fn operation(&mut self, operation: Operation) -> Finding {
        let task = self.task(operation);
        let before = self.observe(&task).await;
        let boot = match &before {
            Observed::Present(machine) if !machine.running => Some(WAS_OFF.to_owned()),
            Observed::Present(machine) => machine.boot.clone(),
            Observed::Missing | Observed::Unavailable(_) => None,
        };
        let began = Instant::now();
        let (outcome, log) = self.execute(&task).await;
        let took = began.elapsed();
        let mut wrong = Vec::new();
        if !matches!(outcome, Outcome::Done { .. }) {
            wrong.push(told(&outcome));
        }
        if log.contains("[hidden]") {
            wrong.push("it writes the password into its log".to_owned());
        }
        if took > self.scratch.slow {
            wrong.push(format!("it is slow: {} s", took.as_secs()));
        }
        let once = self.observe(&task).await;
        match desired_by(&task, boot.as_deref()).judge(&once) {
            Verdict::Met => {}
            Verdict::Unvouched(what) => wrong.push(format!("observe does not show it: {}", what.join(", "))),
            Verdict::Missed(why) => wrong.push(format!("observe says otherwise: {why}")),
        }
        if wrong.is_empty() {
            let (outcome, _) = self.execute(&self.next_attempt(&task)).await;
            if !matches!(outcome, Outcome::Done { .. }) {
                wrong.push(format!("asked again it fails: {}", told(&outcome)));
            } else if self.observe(&task).await != once {
                wrong.push("asked again it does it again".to_owned());
            }
        }
        Finding { what: operation.short_name(), took, wrong }
    }

    async fn usage(&self) -> Finding {
        let began = Instant::now();
        let read = self.driver.usage(self.scratch.server).await;
        let wrong = if read.is_none() { vec!["there are no counters to read".to_owned()] } else { Vec::new() };
        Finding { what: "usage", took: began.elapsed(), wrong }
    }

    /// Who was overtaken is refused.
    async fn fence(&mut self) -> Finding {
        let began = Instant::now();
        let mut late = self.task(Operation::Suspend);
        late.lease.fence = 0;
        let (outcome, _) = self.execute(&late).await;
        let refused = matches!(outcome, Outcome::Retry { class: Class::Fenced, .. });
        let wrong = if refused {
            Vec::new()
        } else {
            vec![format!("a task with an older fence is not refused with code 79: {}", told(&outcome))]
        };
        Finding { what: "fence", took: began.elapsed(), wrong }
    }

    /// What is not there is removed already, and nothing else is done to it.
    async fn gone(&mut self) -> Finding {
        let began = Instant::now();
        let mut wrong = Vec::new();
        let again = self.task(Operation::Destroy);
        let (outcome, _) = self.execute(&again).await;
        if !matches!(outcome, Outcome::Done { .. }) {
            wrong.push(format!("removing what is not there fails: {}", told(&outcome)));
        }
        let suspend = self.task(Operation::Suspend);
        let (outcome, _) = self.execute(&suspend).await;
        if !matches!(outcome, Outcome::Fail { class: Class::Missing, .. }) {
            wrong.push(format!("suspending what is not there does not end with code 20: {}", told(&outcome)));
        }
        Finding { what: "missing", took: began.elapsed(), wrong }
    }

    fn task(&mut self, operation: Operation) -> ClaimedTask {
        self.tasks += 1;
        self.generation += i32::from(operation == Operation::Reinstall);
        self.passwords += i32::from(operation == Operation::ResetPassword);
        let Scratch { server, image, .. } = self.scratch;
        let hostname = &self.hostname;
        let params = match operation {
            Operation::Change => json!({"cpu": "4", "ram": "4096", "quota": "20", "bandwidth": "40"}),
            Operation::Rename => json!({"domain": format!("renamed-{hostname}")}),
            Operation::Ptr => json!({"ip": ADDRESS.to_string(), "domain": format!("ptr-{hostname}")}),
            Operation::MoveAddress => json!({"ip": ADDRESS.to_string()}),
            Operation::Firewall => {
                json!({"pps": "2000", "pps_icmp": "20", "pps_udp": "0", "pps_syn": "10", "connlimit": "64"})
            }
            _ => json!({}),
        };
        let address = ServerAddress { ip: ADDRESS, prefix: Some(24), gateway: Some(GATEWAY), ptr: None };
        let task = ClaimedTask {
            cancel_asked: false,
            unseen: false,
            lease: Lease {
                id: TaskId(self.tasks),
                order: *server,
                attempt: 1,
                max_attempts: 5,
                fence: self.tasks,
                waited: None,
            },
            operation,
            driver: None,
            generation: self.generation,
            image: Some(image.clone()),
            params,
            server: Some(self.size.clone()),
            hostname: Some(hostname.clone()),
            password_version: self.passwords,
            network: ServerNetwork { addresses: vec![address], firewall: Firewall::default() },
            login: "root".to_owned(),
            password: Some(SecretString::from(PASSWORD)),
        };
        self.size = task.size().unwrap_or_else(|| self.size.clone());
        self.hostname = task.wanted_hostname().map_or_else(|| self.hostname.clone(), str::to_owned);
        task
    }

    /// The same task, as another worker has it.
    fn next_attempt(&self, task: &ClaimedTask) -> ClaimedTask {
        let lease = Lease { attempt: task.lease.attempt + 1, ..task.lease.clone() };
        ClaimedTask {
            cancel_asked: false,
            unseen: false,
            lease,
            operation: task.operation,
            driver: None,
            generation: task.generation,
            image: task.image.clone(),
            params: task.params.clone(),
            server: task.server.clone(),
            hostname: task.hostname.clone(),
            password_version: task.password_version,
            network: task.network.clone(),
            login: task.login.clone(),
            password: task.password.clone(),
        }
    }

    /// What comes of it, and the log.
    async fn execute(&self, task: &ClaimedTask) -> (Outcome, String) {
        let (log, mut lines) = Log::new(Some(SecretString::from(PASSWORD)));
        let ctx = Ctx::new(log, self.scratch.timeout, None, watch::channel(false).1);
        let outcome = self.driver.execute(task, &ctx).await;
        ctx.log().close();
        let mut text = String::new();
        while let Some(batch) = lines.next().await {
            text.push_str(&batch);
        }
        (outcome, text)
    }

    async fn observe(&self, task: &ClaimedTask) -> Observed {
        let (log, _lines) = Log::new(None);
        let ctx = Ctx::new(log, self.scratch.timeout, None, watch::channel(false).1);
        self.driver.observe(task, &ctx).await
    }
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done { .. } => "it says that it is done".to_owned(),
        Outcome::Pending { .. } => "it is left under way".to_owned(),
        Outcome::Retry { why, .. } | Outcome::Fail { why, .. } | Outcome::Unknown { why, .. } => why.clone(),
    }
}
