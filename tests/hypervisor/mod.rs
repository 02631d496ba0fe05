//! Real machines, made and changed through both surfaces, and seen from outside: over the network, and not by what a
//! driver says of them.
//!
//! Under `./test --hypervisor` alone, which brings up the bed (`tests/hypervisor/up`) and runs this inside.

mod company;
mod machine;

use std::{fs, time::Instant};

use company::Company;
use machine::{PINGS, host};

/// Set by `./test --hypervisor`.
const WANTED: &str = "VARTAI_TEST_HYPERVISOR";

/// Tells how long a step took.
struct Steps(Instant);

impl Steps {
    fn took(&mut self, step: &str) {
        println!("{:7.1} s  {step}", self.0.elapsed().as_secs_f64());
        self.0 = Instant::now();
    }
}

/// Whether real machines are to be tried; says so when not.
fn wanted() -> bool {
    let wanted = std::env::var_os(WANTED).is_some();
    if !wanted {
        println!("SKIPPED: no real machine was tried; that takes tests/hypervisor/run ({WANTED} is not set)");
    }
    wanted
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one life of one machine, step by step")]
async fn both_surfaces_drive_real_machines() {
    if !wanted() {
        return;
    }
    let mut company = Company::open().await;
    let mut steps = Steps(Instant::now());

    let mut machine = company.order().await;
    assert_eq!(machine.inside("nproc").await, "1");
    steps.took("createOrder: the owner logs in with serverpassword");
    machine.publish().await;
    machine.until_page(&machine.boot().await).await;
    steps.took("its owner's page is there");

    let boot = machine.boot().await;
    company.reseller("restartOrder", &machine).await;
    machine.until_booted_after(&boot).await;
    steps.took("restartOrder: another boot id");

    let boot = machine.boot().await;
    company.task("server_reboot", &machine, "").await;
    let boot = machine.until_booted_after(&boot).await;
    machine.until_page(&boot).await;
    steps.took("server_reboot: another boot id, and the page of that start");

    company.task("server_change", &machine, "cpu=4&ram=900&quota=5&bandwidth=20").await;
    assert_eq!(machine.inside("nproc").await, "2");
    let memory = machine.number("sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo").await >> 10;
    assert!((720..=900).contains(&memory), "MemTotal is {memory} MB");
    assert_eq!(machine.number("cat /sys/block/vda/size").await, 5 << 21);
    let disk = machine.number("df -k --output=size / | tail -1").await >> 10;
    assert!(disk > 4700, "the file system has {disk} MB");
    steps.took("server_change: nproc 2, MemTotal, block device and file system");

    company.task("server_change", &machine, "ram=1280").await;
    let memory = machine.number("sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo").await >> 10;
    assert!((1025..=1280).contains(&memory), "MemTotal is {memory} MB");
    steps.took("server_change beyond what can be had without a restart: MemTotal");

    company.reseller("suspendOrder", &machine).await;
    machine.until_silent().await;
    steps.took("suspendOrder: nothing answers");
    company.reseller("unSuspendOrder", &machine).await;
    machine.until_page(&machine.boot().await).await;
    steps.took("unSuspendOrder: the owner logs in, and the page is there");

    let old = machine.password.clone();
    company.task("server_reset_password", &machine, "new_password=Kitas-Slaptazodis-2").await;
    "Kitas-Slaptazodis-2".clone_into(&mut machine.password);
    machine.boot().await;
    assert_eq!(machine.try_inside("true", &old).await, None, "the old password still works");
    steps.took("server_reset_password: the old one is refused, the new one is taken");

    company.task("server_domain", &machine, "domain=vps3.example.lt").await;
    assert_eq!(machine.inside("hostname").await, "vps3.example.lt");
    steps.took("server_domain: its hostname");

    company.task("server_ptr", &machine, &format!("ip={}&domain=vps3.example.lt", machine.ip)).await;
    assert_eq!(fs::read_to_string(host().join("names").join(&machine.ip)).unwrap(), "vps3.example.lt");
    steps.took("server_ptr: the name server has it");

    let block = "nft add table inet t && nft add chain inet t i '{ type filter hook input priority 0; }' && \
                 nft add rule inet t i icmp type echo-request drop";
    machine.inside(block).await;
    assert_eq!(machine.answered().await, 0, "its own filter does not filter");
    company.task("server_flush_iptables", &machine, "").await;
    assert_eq!(machine.answered().await, PINGS, "its own filter still filters");
    steps.took("server_flush_iptables: it answers to pings");

    company.task("server_firewall", &machine, "pps_icmp=10").await;
    let limited = machine.answered().await;
    assert!(limited < PINGS / 2, "{limited} of {PINGS} pings, at 10 a second");
    company.task("server_firewall", &machine, "pps_icmp=0").await;
    assert_eq!(machine.answered().await, PINGS, "the limit is still in force");
    steps.took(&format!("server_firewall: {limited} of {PINGS} pings at 10 a second, all without a limit"));

    let info = company.until_measured(&machine).await;
    steps.took(&format!("server_info: {info}"));
    company.until_drawn(&machine).await;
    steps.took("server_graphs: a picture of samples");

    machine.inside("echo mine >/root/before && sync").await;
    let boot = machine.boot().await;
    company.task("server_recreate", &machine, "os=debian-12-x86_64&new_password=Trecias-Slaptazodis-3").await;
    "Trecias-Slaptazodis-3".clone_into(&mut machine.password);
    machine.until_booted_after(&boot).await;
    assert_eq!(machine.inside("test -e /root/before && echo there || echo gone").await, "gone");
    steps.took("server_recreate: another boot id, the file is gone");

    company.end_at_once(&machine).await;
    assert!(!machine.has_left_something().await, "a disk or rules are left");
    steps.took("terminated: libvirt knows no machine of it, nothing is left");
    company.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_taken_back_while_the_machine_is_there() {
    if !wanted() {
        return;
    }
    let mut company = Company::open().await;
    let mut steps = Steps(Instant::now());

    let machine = company.order().await;
    machine.inside("echo mine >/root/kept && sync").await;
    steps.took("createOrder: the owner logs in");
    company.end(&machine).await;
    steps.took("terminated: it is off, and there for the days of grace");
    company.restore(&machine).await;
    assert_eq!(machine.inside("cat /root/kept").await, "mine");
    steps.took("restored: the owner logs in, and the file is there");
    company.end_at_once(&machine).await;
    assert!(!machine.has_left_something().await, "a disk or rules are left");
    steps.took("terminated without grace: libvirt knows no machine of it, nothing is left");
    company.close().await;
}
