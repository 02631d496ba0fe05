//! What only the driver of Proxmox VE can get wrong.

use std::{collections::BTreeMap, fs, time::Duration};

use domain::tasks::Operation;
use provisioner::driver::{
    Class, Driver, DriverKind, DriverSettings, EndpointSettings, Handle, Observed, Outcome, ProxmoxDriver,
    ProxmoxSettings, Timeouts,
};
use store::tasks::{ClaimedTask, ServerAddress};

use crate::{
    bed::{PASSWORD, Place, going_on, task, task_of, unhurried},
    pve::{Fake, Machine, SECRET, TEMPLATE, Trouble},
};

/// The two numbers of order 31.
const FIRST: u32 = 100_062;
const SECOND: u32 = 100_063;

/// A cluster, and how it is reached.
pub struct Bed {
    pub fake: Fake,
    place: Place,
}

impl Bed {
    pub fn new() -> Self {
        let (fake, place) = (Fake::new(), Place::new());
        fs::write(place.path("token"), format!("{SECRET}\n")).unwrap();
        Self { fake, place }
    }

    pub fn settings(&self) -> ProxmoxSettings {
        ProxmoxSettings {
            endpoint: EndpointSettings { url: self.fake.url.clone(), networks: Vec::new(), ca_file: None },
            token_id: "vartai@pve!vartai".into(),
            token_file: self.place.path("token"),
            nodes: vec!["pve1".into()],
            templates: BTreeMap::from([("debian-12-x86_64".into(), TEMPLATE)]),
            storage: Some("local-lvm".into()),
            pool: Some("vartai".into()),
            vmid_base: 100_000,
            mark: "vartai".into(),
            disk: "scsi0".into(),
            mhz_per_core: 2000,
            shutdown: Duration::from_secs(60),
            boot: Duration::from_secs(300),
            poll: Duration::from_millis(1),
        }
    }

    pub fn driver(&self) -> ProxmoxDriver {
        of(&self.settings())
    }

    /// Has a task done to its end, each step by a worker that knows only what was kept.
    async fn done(&self, driver: &ProxmoxDriver, task: &ClaimedTask) -> Outcome {
        let mut handle = None;
        for _ in 0..100 {
            match step(driver, task, handle.take()).await {
                Outcome::Pending { handle: kept, .. } => handle = Some(kept),
                outcome => return outcome,
            }
        }
        panic!("no end: {:?}", self.fake.cluster().calls);
    }

    /// A machine of order 31's that runs.
    async fn with_machine() -> (Self, ProxmoxDriver) {
        let bed = Self::new();
        let driver = bed.driver();
        let outcome = bed.done(&driver, &task_of_fence(1, Operation::Create)).await;
        assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
        (bed, driver)
    }
}

fn of(proxmox: &ProxmoxSettings) -> ProxmoxDriver {
    let settings = DriverSettings {
        operations: Operation::ALL.into(),
        timeouts: Timeouts::default(),
        kind: DriverKind::Proxmox(proxmox.clone()),
    };
    ProxmoxDriver::new(&settings, proxmox)
}

fn task_of_fence(fence: i64, operation: Operation) -> ClaimedTask {
    task_of(task(operation).lease.order, fence, operation)
}

async fn step(driver: &ProxmoxDriver, task: &ClaimedTask, handle: Option<Handle>) -> Outcome {
    let (ctx, _lines) = going_on(Duration::from_secs(60), handle);
    driver.execute(task, &ctx).await
}

async fn seen(driver: &ProxmoxDriver, task: &ClaimedTask) -> Observed {
    let (ctx, _lines) = unhurried();
    driver.observe(task, &ctx).await
}

fn is_done(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Done { .. })
}

#[tokio::test]
async fn each_step_is_begun_once_whoever_goes_on() {
    let (bed, _) = Bed::with_machine().await;
    for (call, times) in [("clone", 1), ("config", 2), ("resize", 1), ("status/start", 1), ("DELETE", 0)] {
        assert_eq!(bed.fake.calls(call), times, "{call}: {:?}", bed.fake.cluster().calls);
    }
    let mut cluster = bed.fake.cluster();
    let machine = cluster.machine(FIRST);
    assert_eq!(machine.passwords, [PASSWORD]);
    let of = |name: &str| machine.config[name].clone();
    // Two GHz of cores that have two, and twenty Mbps on the template's own card.
    assert_eq!((of("cores"), of("cpulimit"), of("memory")), ("1".into(), "1.00".into(), "2048".into()));
    assert_eq!(of("net0"), "virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1,rate=2.500");
    assert_eq!((of("tags"), of("onboot"), of("ciuser")), ("vartai".into(), "1".into(), "root".into()));
    assert!(of("scsi0").ends_with("size=20G") && of("description").starts_with("vartai: order=31 generation=1 "));
}

#[tokio::test]
async fn a_system_is_made_with_the_addresses_of_its_server() {
    let (bed, mut create) = (Bed::new(), task_of_fence(1, Operation::Create));
    create.network.addresses = vec![ServerAddress {
        ip: "192.0.2.10".parse().unwrap(),
        prefix: Some(24),
        gateway: Some("192.0.2.1".parse().unwrap()),
        ptr: None,
    }];
    assert!(is_done(&bed.done(&bed.driver(), &create).await));
    assert_eq!(bed.fake.cluster().machine(FIRST).config["ipconfig0"], "ip=192.0.2.10/24,gw=192.0.2.1");
}

#[tokio::test]
async fn a_machine_that_is_not_ours_is_never_touched() {
    for vmid in [FIRST, SECOND] {
        let bed = Bed::new();
        bed.fake.cluster().machines.insert(vmid, Machine::foreign());
        let before = bed.fake.cluster().machine(vmid).config.clone();
        for (fence, operation) in (1..).zip(Operation::ALL) {
            let (driver, task) = (bed.driver(), task_of_fence(fence, operation));
            let outcome = bed.done(&driver, &task).await;
            assert!(matches!(outcome, Outcome::Fail { class: Class::Person, .. }), "{operation}: {outcome:?}");
            assert!(matches!(seen(&driver, &task).await, Observed::Unavailable(_)), "{operation}");
        }
        assert_eq!(bed.fake.cluster().calls, [""; 0]);
        assert_eq!(bed.fake.cluster().machine(vmid).config, before);
    }
}

#[tokio::test]
async fn a_number_that_is_taken_by_what_we_may_not_see_is_not_ours_either() {
    let bed = Bed::new();
    bed.fake.trouble(
        "clone",
        Trouble::Refused(500, "unable to create VM 100062 - VM 100062 already exists on node 'pve9'"),
    );
    let outcome = bed.done(&bed.driver(), &task_of_fence(1, Operation::Create)).await;
    assert!(matches!(outcome, Outcome::Fail { class: Class::Person, .. }), "{outcome:?}");
}

#[tokio::test]
async fn another_orders_machine_at_our_number_is_not_ours() {
    let (bed, driver) = Bed::with_machine().await;
    let notes = bed.fake.cluster().machine(FIRST).config["description"].replace("order=31 ", "order=32 ");
    bed.fake.cluster().machine(FIRST).config.insert("description".into(), notes);
    let outcome = bed.done(&driver, &task_of_fence(2, Operation::Destroy)).await;
    assert!(matches!(outcome, Outcome::Fail { class: Class::Person, .. }), "{outcome:?}");
    assert_eq!(bed.fake.calls("DELETE"), 0);
}

#[tokio::test]
async fn a_lock_that_is_not_had_is_waited_for() {
    let (bed, driver) = Bed::with_machine().await;
    let locked = "can't lock file '/var/lock/qemu-server/lock-100062.conf' - got timeout";
    for (fence, trouble) in (2..).zip([Trouble::Refused(500, locked), Trouble::Fails(locked)]) {
        bed.fake.trouble("status/reboot", Trouble::Refused(500, locked));
        bed.fake.trouble("POST qemu/100062/config", trouble);
        let task = task_of_fence(fence, Operation::Restart);
        for _ in 0..2 {
            let outcome = bed.done(&driver, &task).await;
            assert!(matches!(outcome, Outcome::Retry { class: Class::Unavailable, .. }), "{outcome:?}");
        }
        assert!(is_done(&bed.done(&driver, &task).await));
    }
}

#[tokio::test]
async fn after_a_start_that_failed_only_the_start_is_done_again() {
    let bed = Bed::new();
    let (driver, create) = (bed.driver(), task_of_fence(1, Operation::Create));
    bed.fake.trouble("status/start", Trouble::Fails("start failed: QEMU exited with code 1"));
    let outcome = bed.done(&driver, &create).await;
    assert!(matches!(outcome, Outcome::Retry { class: Class::Internal, .. }), "{outcome:?}");
    assert!(is_done(&bed.done(&driver, &create).await));
    assert_eq!((bed.fake.calls("clone"), bed.fake.calls("status/start")), (1, 2));
}

#[tokio::test]
async fn work_that_the_node_has_forgotten_is_looked_at() {
    let (bed, driver) = Bed::with_machine().await;
    let task = task_of_fence(2, Operation::Suspend);
    let mut handle = None;
    while bed.fake.calls("status/shutdown") == 0 {
        let Outcome::Pending { handle: kept, .. } = step(&driver, &task, handle.take()).await else { panic!("no end") };
        handle = Some(kept);
    }
    bed.fake.cluster().forget_work();
    let outcome = step(&driver, &task, handle).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    // The node was restarted before it was done.
    assert!(matches!(seen(&driver, &task).await, Observed::Present(machine) if machine.running));
    assert!(is_done(&bed.done(&driver, &task).await));
}

#[tokio::test]
async fn an_answer_that_is_lost_does_nothing_twice() {
    for (part, times) in [("clone", 1), ("resize", 1), ("status/start", 1)] {
        for status in [500, 596, 502] {
            let bed = Bed::new();
            let (driver, create) = (bed.driver(), task_of_fence(1, Operation::Create));
            bed.fake.trouble(part, Trouble::Answered(status, "broken pipe"));
            let outcome = bed.done(&driver, &create).await;
            assert!(matches!(outcome, Outcome::Unknown { .. }), "{part} {status}: {outcome:?}");
            // Whoever comes next is early, and finds it under way.
            let outcome = bed.done(&driver, &create).await;
            assert!(matches!(outcome, Outcome::Retry { class: Class::Unavailable, .. }), "{part}: {outcome:?}");
            bed.fake.cluster().finish_work();
            let outcome = bed.done(&driver, &create).await;
            assert!(is_done(&outcome), "{part} {status}: {outcome:?}");
            assert_eq!(bed.fake.calls(part), times + usize::from(part != "clone"), "{part}");
            assert_eq!(bed.fake.cluster().machines.len(), 2);
        }
    }
}

#[tokio::test]
async fn the_old_disk_is_kept_until_the_new_system_has_come_up() {
    let (bed, driver) = Bed::with_machine().await;
    let mut recreate = task_of_fence(2, Operation::Reinstall);
    recreate.generation = 2;
    bed.fake.cluster().machine(TEMPLATE).broken = true;
    let mut handle = None;
    let waits = loop {
        match step(&driver, &recreate, handle.take()).await {
            Outcome::Pending { handle: kept, .. } if kept.0.contains("boot") => break kept,
            Outcome::Pending { handle: kept, .. } => handle = Some(kept),
            outcome => panic!("{outcome:?}"),
        }
    };
    assert!(bed.fake.cluster().machines.contains_key(&FIRST));
    assert!(matches!(seen(&driver, &recreate).await, Observed::Present(machine) if machine.generation == 1));
    // It never does.
    bed.fake.cluster().machine(SECOND).uptime = 301;
    let outcome = step(&driver, &recreate, Some(waits.clone())).await;
    assert!(matches!(outcome, Outcome::Fail { class: Class::Unverified, .. }), "{outcome:?}");
    assert_eq!(bed.fake.calls("DELETE"), 0);
    // After all.
    bed.fake.cluster().machine(SECOND).broken = false;
    assert!(is_done(&bed.done(&driver, &recreate).await));
    assert!(!bed.fake.cluster().machines.contains_key(&FIRST));
    assert!(matches!(seen(&driver, &recreate).await, Observed::Present(machine) if machine.generation == 2));
}

#[tokio::test]
async fn without_its_template_a_system_is_not_made_and_none_is_lost() {
    let (bed, driver) = Bed::with_machine().await;
    bed.fake.cluster().machines.remove(&TEMPLATE);
    let mut recreate = task_of_fence(2, Operation::Reinstall);
    recreate.generation = 2;
    let outcome = bed.done(&driver, &recreate).await;
    assert!(matches!(outcome, Outcome::Retry { class: Class::Configuration, .. }), "{outcome:?}");
    assert!(bed.fake.cluster().machine(FIRST).pid.is_some());
    assert!(driver.probe().await.is_err());
}

#[tokio::test]
async fn a_machine_that_does_not_go_is_switched_off() {
    let (bed, driver) = Bed::with_machine().await;
    bed.fake.cluster().machine(FIRST).deaf = true;
    let before = bed.fake.cluster().machine(FIRST).pid;
    assert!(is_done(&bed.done(&driver, &task_of_fence(2, Operation::Restart)).await));
    assert_eq!((bed.fake.calls("status/stop"), bed.fake.calls("status/start")), (1, 2));
    assert!(bed.fake.cluster().machine(FIRST).pid.is_some_and(|pid| Some(pid) != before));
}

#[tokio::test]
async fn a_disk_does_not_shrink() {
    let (bed, driver) = Bed::with_machine().await;
    let mut change = task_of_fence(2, Operation::Change);
    change.params = serde_json::json!({"quota": "10"});
    let outcome = bed.done(&driver, &change).await;
    assert!(matches!(outcome, Outcome::Fail { class: Class::Refused, .. }), "{outcome:?}");
    assert_eq!(bed.fake.calls("resize"), 1);
}

#[tokio::test]
async fn a_machine_whose_storage_is_full_does_not_run_though_its_process_is_there() {
    let (bed, driver) = Bed::with_machine().await;
    bed.fake.cluster().machine(FIRST).stands_still = Some("io-error");
    let restart = task_of_fence(2, Operation::Restart);
    assert!(matches!(seen(&driver, &restart).await, Observed::Present(machine) if !machine.running));
    bed.fake.cluster().machine(FIRST).stands_still = None;
    assert!(matches!(seen(&driver, &restart).await, Observed::Present(machine) if machine.running));
}

#[tokio::test]
async fn a_system_that_does_not_answer_gets_no_password() {
    let (bed, driver) = Bed::with_machine().await;
    bed.fake.cluster().machine(FIRST).broken = true;
    for (fence, operation) in (2..).zip([Operation::ResetPassword, Operation::Rename]) {
        let mut task = task_of_fence(fence, operation);
        task.password_version = 2;
        let outcome = bed.done(&driver, &task).await;
        let Outcome::Retry { class: Class::Guest, why, .. } = outcome else { panic!("{outcome:?}") };
        assert!(why.contains("agent"), "{why}");
    }
    assert_eq!(bed.fake.cluster().machine(FIRST).passwords.len(), 1);
}

#[tokio::test]
async fn two_workers_at_once_are_told_apart_by_the_machine() {
    let (bed, _) = Bed::with_machine().await;
    // Each a process of its own, that has seen none of the other's tasks.
    let (older, newer) = (task_of_fence(2, Operation::Suspend), task_of_fence(3, Operation::Restart));
    assert!(is_done(&bed.done(&bed.driver(), &newer).await));
    let outcome = bed.done(&bed.driver(), &older).await;
    assert!(matches!(outcome, Outcome::Retry { class: Class::Fenced, .. }), "{outcome:?}");
    // Between its look and its word another was quicker.
    bed.fake.trouble(
        "POST qemu/100062/config",
        Trouble::Refused(500, "detected modified configuration - file changed by other user? Try again."),
    );
    let outcome = bed.done(&bed.driver(), &task_of_fence(4, Operation::Suspend)).await;
    assert!(matches!(outcome, Outcome::Retry { class: Class::Unavailable, .. }), "{outcome:?}");
}

#[tokio::test]
async fn what_is_kept_tells_no_secret() {
    let bed = Bed::new();
    let (driver, create) = (bed.driver(), task_of_fence(1, Operation::Create));
    let mut handle: Option<Handle> = None;
    loop {
        match step(&driver, &create, handle.take()).await {
            Outcome::Pending { handle: kept, .. } => {
                assert!(!kept.0.contains(PASSWORD) && !kept.0.contains(SECRET), "{kept:?}");
                handle = Some(kept);
            }
            outcome => break assert!(is_done(&outcome), "{outcome:?}"),
        }
    }
}

#[tokio::test]
async fn a_token_that_is_wrong_or_not_there_is_for_staff_to_mend() {
    let bed = Bed::new();
    let driver = bed.driver();
    for token in [Some("other"), None] {
        match token {
            Some(token) => fs::write(bed.place.path("token"), token).unwrap(),
            None => fs::remove_file(bed.place.path("token")).unwrap(),
        }
        let outcome = bed.done(&driver, &task_of_fence(1, Operation::Create)).await;
        assert!(matches!(outcome, Outcome::Retry { class: Class::Configuration, .. }), "{outcome:?}");
    }
    fs::write(bed.place.path("token"), SECRET).unwrap();
    assert!(is_done(&bed.done(&driver, &task_of_fence(1, Operation::Create)).await), "a new one counts at once");
}
