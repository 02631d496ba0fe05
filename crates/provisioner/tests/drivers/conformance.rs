//! What every driver has to keep, whatever it reaches. A driver is one more line at the end, and a [`Subject`] above it.

pub mod subjects;

use std::time::Duration;

use domain::{
    orders::{OrderId, ServerSpec},
    tasks::Operation,
};
use provisioner::driver::{Class, Desired, Driver, LIFE, Observed, Outcome, Restarted, Verdict, WAS_OFF, desired_by};
use serde_json::json;
use store::tasks::ClaimedTask;
use subjects::{Exec, Http, Proxmox, Simulated};
use tokio::time;

use crate::bed::{going_on, task_of, unhurried};

/// A driver with a hypervisor of its own, and an order there.
pub trait Subject {
    /// The driver.
    fn driver(&self) -> &dyn Driver;

    /// Whose machine it is.
    fn order(&self) -> OrderId;

    /// Makes a task known, where the driver looks for it elsewhere than in what it is told.
    async fn know(&self, task: &ClaimedTask);
}

/// An order's tasks, one after another.
struct Story<'a, S> {
    subject: &'a S,
    tasks: i64,
    generation: i32,
    password_version: i32,
    /// As they were last changed: a new system is made with them.
    size: Option<ServerSpec>,
    hostname: Option<String>,
}

impl<'a, S: Subject> Story<'a, S> {
    fn of(subject: &'a S) -> Self {
        let ClaimedTask { server: size, hostname, .. } = task_of(subject.order(), 1000, Operation::Create);
        Self { subject, tasks: 1000, generation: 1, password_version: 1, size, hostname }
    }

    /// The order's next task.
    async fn task(&mut self, operation: Operation) -> ClaimedTask {
        self.tasks += 1;
        self.generation += i32::from(operation == Operation::Reinstall);
        self.password_version += i32::from(operation == Operation::ResetPassword);
        let mut task = task_of(self.subject.order(), self.tasks, operation);
        task.generation = self.generation;
        task.password_version = self.password_version;
        (task.server, task.hostname) = (self.size.clone(), self.hostname.clone());
        match operation {
            Operation::Change => task.params = json!({"cpu": "4", "ram": "4096", "quota": "40", "bandwidth": "40"}),
            Operation::Rename => task.params = json!({"domain": format!("renamed-{}.example.com", self.tasks)}),
            Operation::Ptr => task.params = json!({"ip": "192.0.2.10", "domain": "ptr.example.com"}),
            Operation::Firewall => task.params = json!({"pps": "2000", "connlimit": "64"}),
            _ => {}
        }
        (self.size, self.hostname) = (task.size(), task.wanted_hostname().map(str::to_owned));
        self.subject.know(&task).await;
        task
    }

    /// Asks after what is left under way until it is told what came of it.
    async fn execute(&self, task: &ClaimedTask) -> Outcome {
        let mut under_way = None;
        loop {
            let (ctx, _lines) = going_on(Duration::from_secs(60), under_way.take());
            match self.subject.driver().execute(task, &ctx).await {
                Outcome::Pending { handle, poll_after } => {
                    time::sleep(poll_after).await;
                    under_way = Some(handle);
                }
                outcome => return outcome,
            }
        }
    }

    async fn observe(&self, task: &ClaimedTask) -> Observed {
        let (ctx, _lines) = unhurried();
        self.subject.driver().observe(task, &ctx).await
    }

    /// Which start the machine is in, as it is kept of a restart.
    async fn boot(&self, task: &ClaimedTask) -> Option<String> {
        match self.observe(task).await {
            Observed::Present(machine) if machine.running => machine.boot,
            Observed::Present(_) => Some(WAS_OFF.to_owned()),
            Observed::Missing | Observed::Unavailable(_) => None,
        }
    }

    /// Has it done, and sees that it is.
    async fn done(&mut self, operation: Operation) -> ClaimedTask {
        let task = self.task(operation).await;
        let boot = self.boot(&task).await;
        let outcome = self.execute(&task).await;
        assert!(matches!(outcome, Outcome::Done { .. }), "{operation}: {outcome:?}");
        let seen = self.observe(&task).await;
        assert_eq!(desired_by(&task, boot.as_deref()).judge(&seen), Verdict::Met, "{operation}: {seen:?}");
        task
    }

    /// As another worker would have it done after this one was not heard of any more.
    async fn again(&self, task: &ClaimedTask) -> Outcome {
        let mut again = task_of(self.subject.order(), task.lease.id.0, task.operation);
        again.lease = task.lease.clone();
        again.lease.attempt += 1;
        (again.generation, again.password_version) = (task.generation, task.password_version);
        again.params = task.params.clone();
        (again.server, again.hostname) = (task.server.clone(), task.hostname.clone());
        self.execute(&again).await
    }
}

/// What of it a driver can do.
async fn life(subject: &impl Subject) -> Vec<Operation> {
    let driver = subject.driver();
    let known = driver.probe().await.unwrap();
    let can = driver.operations();
    LIFE.into_iter().filter(|operation| can.contains(operation) && known.contains(operation)).collect()
}

async fn every_operation_is_seen_to_be_done(subject: &impl Subject) {
    let mut story = Story::of(subject);
    for operation in life(subject).await {
        story.done(operation).await;
    }
}

async fn done_twice_is_done_once(subject: &impl Subject) {
    let mut story = Story::of(subject);
    for operation in life(subject).await {
        let task = story.done(operation).await;
        let once = story.observe(&task).await;
        let outcome = story.again(&task).await;
        assert!(matches!(outcome, Outcome::Done { .. }), "{operation}: {outcome:?}");
        assert_eq!(story.observe(&task).await, once, "{operation}");
    }
}

async fn who_was_overtaken_changes_nothing(subject: &impl Subject) {
    let mut story = Story::of(subject);
    story.done(Operation::Create).await;
    let late = story.task(Operation::Suspend).await;
    let newer = story.done(Operation::Change).await;
    let before = story.observe(&newer).await;
    let outcome = story.execute(&late).await;
    assert!(matches!(outcome, Outcome::Retry { class: Class::Fenced, .. }), "{outcome:?}");
    assert_eq!(story.observe(&newer).await, before);
    // Not even back from the dead.
    let late = story.task(Operation::Create).await;
    let gone = story.done(Operation::Destroy).await;
    let outcome = story.execute(&late).await;
    assert!(matches!(outcome, Outcome::Retry { class: Class::Fenced, .. }), "{outcome:?}");
    assert_eq!(story.observe(&gone).await, Observed::Missing);
}

async fn a_machine_that_is_not_there_is_removed_and_nothing_else(subject: &impl Subject) {
    let mut story = Story::of(subject);
    let task = story.task(Operation::Destroy).await;
    assert_eq!(story.observe(&task).await, Observed::Missing);
    for operation in life(subject).await {
        if matches!(operation, Operation::Create | Operation::Reinstall | Operation::Destroy) {
            continue;
        }
        let task = story.task(operation).await;
        let outcome = story.execute(&task).await;
        assert!(matches!(outcome, Outcome::Fail { class: Class::Missing, .. }), "{operation}: {outcome:?}");
        assert_eq!(story.observe(&task).await, Observed::Missing, "{operation}");
    }
    story.done(Operation::Destroy).await;
    story.done(Operation::Destroy).await;
}

async fn what_is_seen_is_what_was_made(subject: &impl Subject) {
    let mut story = Story::of(subject);
    let task = story.done(Operation::Create).await;
    let Observed::Present(machine) = story.observe(&task).await else { panic!("it is there") };
    assert!(machine.running && machine.boot.is_some());
    assert_eq!(machine.generation, 1);
    assert_eq!(machine.traits.size, task.size().map(Into::into));
    assert_eq!(machine.traits.hostname.as_deref(), Some("s31.example.com"));
    assert_eq!(machine.traits.password_version, Some(1));
    assert_eq!(story.observe(&task).await, Observed::Present(machine), "looking changes nothing");
}

async fn power_is_left_as_it_is_by_what_does_not_set_it(subject: &impl Subject) {
    let mut story = Story::of(subject);
    story.done(Operation::Create).await;
    story.done(Operation::Suspend).await;
    for operation in [Operation::Change, Operation::ResetPassword, Operation::Rename] {
        let task = story.done(operation).await;
        let Observed::Present(machine) = story.observe(&task).await else { panic!("it is there") };
        assert!(!machine.running, "{operation}");
    }
    let task = story.done(Operation::Restart).await;
    let wanted = desired_by(&task, Some(WAS_OFF));
    assert!(matches!(&wanted, Desired::Present { restarted: Some(Restarted::Since(_)), .. }));
    assert_eq!(wanted.judge(&story.observe(&task).await), Verdict::Met);
}

async fn an_older_system_never_comes_back(subject: &impl Subject) {
    let mut story = Story::of(subject);
    story.done(Operation::Create).await;
    let task = story.done(Operation::Reinstall).await;
    let before = story.observe(&task).await;
    story.generation = 1;
    let task = story.task(Operation::Create).await;
    assert!(matches!(story.execute(&task).await, Outcome::Done { .. }));
    assert_eq!(story.observe(&task).await, before);
}

async fn usage_is_a_gap_or_true(subject: &impl Subject) {
    let mut story = Story::of(subject);
    let (driver, order) = (subject.driver(), subject.order());
    assert_eq!(driver.usage(order).await, None);
    story.done(Operation::Create).await;
    let counters = driver.usage(order).await.unwrap();
    let all = [
        counters.cpu_ns,
        counters.vcpus,
        counters.rx_bytes,
        counters.tx_bytes,
        counters.disk_read_bytes,
        counters.disk_write_bytes,
        counters.memory_used_mb,
        counters.memory_limit_mb,
        counters.disk_used_mb,
        counters.disk_limit_mb,
        counters.load_hundredths,
    ];
    assert!(all.iter().flatten().all(|value| *value >= 0), "{counters:?}");
    assert!(counters.cpu_ns.is_some() && counters.memory_limit_mb == Some(2048), "{counters:?}");
    story.done(Operation::Destroy).await;
    assert_eq!(driver.usage(order).await, None);
}

async fn it_can_do_what_it_says(subject: &impl Subject) {
    let driver = subject.driver();
    let known = driver.probe().await.unwrap();
    assert!(driver.operations().is_subset(&known), "{known:?}");
}

/// All of the above, for a driver each.
macro_rules! conformance {
    ($($driver:ident: $subject:ty),+ $(,)?) => {$(
        mod $driver {
            use super::*;
            conformance!(@cases $subject,
                every_operation_is_seen_to_be_done,
                done_twice_is_done_once,
                who_was_overtaken_changes_nothing,
                a_machine_that_is_not_there_is_removed_and_nothing_else,
                what_is_seen_is_what_was_made,
                power_is_left_as_it_is_by_what_does_not_set_it,
                an_older_system_never_comes_back,
                usage_is_a_gap_or_true,
                it_can_do_what_it_says,
            );
        }
    )+};
    (@cases $subject:ty, $($case:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $case() {
            super::$case(&<$subject>::new().await).await;
        }
    )+};
}

conformance! {
    simulated: Simulated,
    exec: Exec,
    http: Http,
    proxmox: Proxmox,
}
