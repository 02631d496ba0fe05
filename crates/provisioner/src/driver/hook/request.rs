//! What a hook is asked: the document on its standard input.

use std::{collections::BTreeMap, net::IpAddr};

use domain::{firewall::Firewall, orders::OrderId, tasks::Operation};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::{Value, json};
use store::tasks::{ClaimedTask, ServerAddress};

use crate::driver::{Desired, MachineSize, desired_by};

/// The protocol of these documents.
pub(in crate::driver) const PROTOCOL: u32 = 1;

/// The document. No `Debug`: there is a password in it.
#[derive(Serialize)]
pub(in crate::driver) struct Request {
    protocol: u32,
    pub(in crate::driver) operation: &'static str,
    task: Option<String>,
    attempt: i32,
    fence: i64,
    deadline: u64,
    server: Option<Server>,
    params: Value,
}

#[derive(Default, Serialize)]
struct Server {
    id: String,
    generation: Option<i32>,
    running: Option<bool>,
    size: Option<Size>,
    image: Option<String>,
    hostname: Option<String>,
    login: Option<String>,
    password: Option<String>,
    password_version: Option<i32>,
    addresses: Vec<Address>,
    firewall: Option<Limits>,
}

#[derive(Serialize)]
struct Address {
    ip: IpAddr,
    prefix: Option<u8>,
    gateway: Option<IpAddr>,
    ptr: Option<String>,
}

impl From<ServerAddress> for Address {
    fn from(address: ServerAddress) -> Self {
        let ServerAddress { ip, prefix, gateway, ptr } = address;
        Self { ip, prefix, gateway, ptr }
    }
}

#[derive(Serialize)]
struct Limits {
    pps: u32,
    pps_icmp: u32,
    pps_udp: u32,
    pps_syn: u32,
    connlimit: u32,
}

impl From<Firewall> for Limits {
    fn from(firewall: Firewall) -> Self {
        let Firewall { pps, pps_icmp, pps_udp, pps_syn, connlimit } = firewall;
        Self { pps, pps_icmp, pps_udp, pps_syn, connlimit }
    }
}

#[derive(Serialize)]
struct Size {
    cpu_ghz: u32,
    vcpus: u32,
    ram_mb: u32,
    disk_gb: u32,
    bandwidth_mbps: u32,
}

impl From<MachineSize> for Size {
    fn from(size: MachineSize) -> Self {
        let MachineSize { cpu_ghz, ram_mb, disk_gb, bandwidth_mbps } = size;
        Self { cpu_ghz, vcpus: cpu_ghz.div_ceil(2).max(1), ram_mb, disk_gb, bandwidth_mbps }
    }
}

impl Request {
    /// A task's operation, or a look at its service.
    pub(in crate::driver) fn of_task(operation: &'static str, task: &ClaimedTask, deadline: u64) -> Self {
        let lease = &task.lease;
        let asks = operation == task.operation.short_name();
        let running = match desired_by(task, None) {
            Desired::Present { running, .. } => running,
            Desired::Missing => None,
        };
        let tells_password =
            asks && matches!(task.operation, Operation::Create | Operation::Reinstall | Operation::ResetPassword);
        let password = task.password.as_ref().filter(|_| tells_password);
        let server = Server {
            id: lease.order.0.to_string(),
            generation: Some(task.generation),
            running,
            size: task.size().map(|spec| MachineSize::from(spec).into()),
            image: task.image.clone(),
            hostname: task.wanted_hostname().map(str::to_owned),
            login: Some(task.login.clone()),
            password: password.map(|password| password.expose_secret().to_owned()),
            password_version: Some(task.password_version),
            addresses: task.network.addresses.iter().cloned().map(Into::into).collect(),
            firewall: Some(task.wanted_firewall().into()),
        };
        Self {
            protocol: PROTOCOL,
            operation,
            task: Some(lease.id.0.to_string()),
            attempt: lease.attempt,
            fence: lease.fence,
            deadline,
            server: Some(server),
            params: task.params.clone(),
        }
    }

    /// A server's counters.
    pub(in crate::driver) fn of_usage(server: OrderId, deadline: u64) -> Self {
        let server = Server { id: server.0.to_string(), ..Server::default() };
        Self { operation: "usage", server: Some(server), ..Self::of_probe(deadline) }
    }

    /// What the hook can do.
    pub(in crate::driver) fn of_probe(deadline: u64) -> Self {
        Self {
            protocol: PROTOCOL,
            operation: "probe",
            task: None,
            attempt: 0,
            fence: 0,
            deadline,
            server: None,
            params: json!({}),
        }
    }

    /// What of it stands in the hook's environment, too.
    pub(in crate::driver) fn environment(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("VARTAI_PROTOCOL", self.protocol.to_string()),
            ("VARTAI_TASK", self.task.clone().unwrap_or_default()),
            ("VARTAI_ATTEMPT", self.attempt.to_string()),
            ("VARTAI_FENCE", self.fence.to_string()),
            ("VARTAI_DEADLINE", self.deadline.to_string()),
        ])
    }
}
